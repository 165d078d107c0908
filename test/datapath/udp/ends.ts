import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { makeCounters } from "#src/protocol/counters.ts";

export const LOOPBACK = 0x7f000001;
export const LOOPBACK_2 = 0x7f000002;
const BUFFER = 1 << 22;

const libc = await openLibc();

/** @param through what the sender sends through, given libc and the memory of its messages */
export function open(
  {
    gro = false,
    joins = true,
    address = LOOPBACK,
    buffer = BUFFER,
    through = (it: Libc, _: Arena) => it,
  } = {},
) {
  const arena = new Arena(
    libc,
    UdpReceiver.arenaLength + UdpSender.arenaLength + Waiter.arenaLength + 2 * 65_536,
  );
  const counters = makeCounters();
  const tape = new Tape();
  const recorder = new PacketRecorder(tape, arena.u8, counters, Date.now);
  const socket = openUdpSocket(LINUX_KERNEL, libc, arena, {
    address,
    port: 0,
    buffer,
    gro,
  });
  return {
    arena,
    counters,
    recorder,
    tape,
    port: socket.port,
    receiver: new UdpReceiver(libc, arena, socket.fd),
    sender: new UdpSender(through(libc, arena), arena, socket.fd, counters, joins, recorder),
    waiter: new Waiter(libc, arena, [socket.fd]),
    close: () => libc.call.close(socket.fd),
  };
}
export type Endpoint = ReturnType<typeof open>;

export interface Slot {
  /** Lengths of its datagrams. */
  readonly lengths: number[];
  /** First byte of each. */
  readonly marks: number[];
}

/** For what was sent and must come: a busy kernel delivers it later, even on the loopback interface. */
const PATIENCE = 60_000;

/** Lets a moment pass each time that it is called; false once that has lasted too long. */
export function moments(): () => boolean {
  const end = performance.now() + PATIENCE;
  return () => {
    libc.call.poll(0, 0, 1);
    return performance.now() < end;
  };
}

/** What has come, once that is `count` datagrams: nothing is waited for where it is 0. */
export function receive(endpoint: Endpoint, count: number): Slot[] {
  return receiveBy(endpoint, count, (i) => slotOf(endpoint.receiver, i));
}

/** The same, by what is to be known of each slot. */
export function receiveBy<T>(
  { receiver, waiter }: Endpoint,
  count: number,
  read: (slot: number) => T,
): T[] {
  const all: T[] = [];
  const end = performance.now() + PATIENCE;
  for (let seen = 0;; waiter.wait(PATIENCE)) {
    for (let n = receiver.receive(); n > 0; n = receiver.receive()) {
      for (let i = 0; i < n; i++) {
        all.push(read(i));
        const step = receiver.segmentSize(i);
        seen += step === 0 ? 1 : Math.ceil(receiver.length(i) / step);
      }
      receiver.release(n);
    }
    if (seen >= count || performance.now() >= end) return all;
  }
}

function slotOf(receiver: UdpReceiver, i: number): Slot {
  const end = receiver.at(i) + receiver.length(i);
  const step = receiver.segmentSize(i) || receiver.length(i);
  const slot: Slot = { lengths: [], marks: [] };
  for (let at = receiver.at(i); at < end; at += step) {
    slot.lengths.push(Math.min(step, end - at));
    slot.marks.push(receiver.bytes[at]!);
  }
  return slot;
}

/** A datagram whose first byte is `mark`. */
export function datagram(length: number, mark: number): Uint8Array {
  return new Uint8Array(length).fill(mark & 0xff, 0, 1);
}

export function send(
  from: Endpoint,
  to: Endpoint,
  lengths: readonly number[],
  address = LOOPBACK,
): void {
  lengths.forEach((length, i) =>
    from.sender.queue(datagram(length, i), 0, length, address, to.port, 0)
  );
  from.sender.flush();
}
