import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { BATCH, CAPACITY, Frames } from "#src/datapath/frames.ts";
import { type OpenTun, openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { HOP_LIMIT_AT, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { completeChecksum, makeSum } from "#src/segments/checksum.ts";
import { Joiner, type Run } from "#src/segments/join.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { CWR, FIN, PSH } from "#src/segments/transport.ts";
import { toHex } from "#test/protocol/vectors.ts";
import { openUdp6, segmentSends } from "#test/load/sockets.ts";
import { Udp6Sender } from "#test/load/udp6_send.ts";
import { addressBytes } from "#test/protocol/packets.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { ACK, bytes, tcp, type TcpParts, udp } from "#test/segments/packets.ts";

const libc = await openLibc();
const NEAR = "2001:db8:a::2";
const FAR = "2001:db8:b::2";
const SIZE = 1_208;

/**
 * A router between a TUN that takes super-packets and one that takes packets only: what the kernel
 * makes of a run written to `near` is read from `far`.
 *
 *     2001:db8:a::2 -- near (offloads) -- router -- far (none) -- 2001:db8:b::2
 */
class Wire {
  readonly arena = new Arena(libc, 2 * Frames.size + 4 * CAPACITY + 4 * LinuxTunQueue.arenaLength);
  readonly sum = makeSum(this.arena.memory);
  readonly near: LinuxTunQueue;
  readonly far: LinuxTunQueue;
  readonly frames = new Frames(this.arena);
  readonly #opened: readonly OpenTun[];
  readonly #at = new Frames(this.arena).at(0);

  constructor() {
    this.#opened = [
      openTun(libc, this.arena, "near", { queues: 1, offloads: true }),
      openTun(libc, this.arena, "far", { queues: 1, offloads: false }),
    ];
    const [near, far] = this.#opened.map(({ name, queues, tun }) =>
      new LinuxTunQueue(libc, this.arena, queues[0]!, name, tun)
    );
    [this.near, this.far] = [near!, far!];
    for (const [name, network] of [["near", "a"], ["far", "b"]]) {
      sh(`ip link set ${name} mtu 1400 up`);
      sh(`ip -6 address add 2001:db8:${network}::1/64 dev ${name} nodad`);
    }
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    this.read(this.near);
    this.read(this.far);
  }

  /** Both features are in any kernel of these years. */
  get offloads(): OpenTun {
    return this.#opened[0]!;
  }

  /** What waits on a link and is not the kernel's own chatter. */
  read(tun: LinuxTunQueue): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let n = tun.read(this.#at); n > 0; n = tun.read(this.#at)) {
      const packet = this.arena.u8.slice(this.#at, this.#at + n);
      if (packet[24] !== 0xff) all.push(packet);
    }
    return all;
  }

  /** Reads one packet to slot 0; its length. */
  readOne(): number {
    let length = this.near.read(this.frames.at(0));
    while (length > 0 && this.arena.u8[this.frames.at(0) + 24] === 0xff) {
      length = this.near.read(this.frames.at(0));
    }
    return length;
  }

  close(): void {
    for (const { queues } of this.#opened) for (const fd of queues) libc.call.close(fd);
  }
}

function withWire(use: (wire: Wire) => void): void {
  const wire = new Wire();
  try {
    use(wire);
  } finally {
    wire.close();
  }
}

function put(tun: LinuxTunQueue, run: Run): number {
  return run.count === 1 ? tun.write(run.headerAt, run.length) : tun.writeRun(run);
}

/** TCP segments that follow each other; `last` is only the last one's. */
function stream(count: number, parts: TcpParts = {}, last: TcpParts = {}): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    tcp({
      from: NEAR,
      to: FAR,
      sequence: (0xffff_f000 + i * SIZE) >>> 0,
      payload: bytes(SIZE, i),
      ...parts,
      ...i === count - 1 ? last : {},
    }));
}

function datagrams(count: number, length: number): Uint8Array[] {
  return Array.from(
    { length: count },
    (_, i) => udp({ from: NEAR, to: FAR, payload: bytes(length, i) }),
  );
}

const short = { payload: bytes(333, 9) };
const timestamps = Uint8Array.of(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);
const STREAMS: readonly { name: string; packets: Uint8Array[]; writes: number }[] = [
  { name: "TCP", packets: stream(20), writes: 1 },
  { name: "TCP, a sequence number that wraps", packets: stream(4), writes: 1 },
  {
    name: "TCP, the last one short, PSH",
    packets: stream(5, {}, { ...short, flags: ACK | PSH }),
    writes: 1,
  },
  { name: "TCP, FIN", packets: stream(3, {}, { flags: ACK | FIN }), writes: 1 },
  { name: "TCP, options", packets: stream(9, { options: timestamps }), writes: 1 },
  {
    name: "TCP, ECN and flow label",
    packets: stream(9, { trafficClass: 2, flowLabel: 0xabcde }),
    writes: 1,
  },
  {
    name: "TCP, CWR on the first",
    packets: stream(6).map((b, i) => i === 0 ? stream(1, { flags: ACK | CWR })[0]! : b),
    writes: 1,
  },
  {
    name: "TCP, two flows",
    packets: stream(4).flatMap((b, i) => [b, stream(4, { ports: [5, 6] })[i]!]),
    writes: 2,
  },
  { name: "UDP", packets: datagrams(12, 400), writes: 1 },
  {
    name: "UDP, odd length, the last one short",
    packets: [...datagrams(3, 77), ...datagrams(1, 31)],
    writes: 1,
  },
  { name: "single packets", packets: [...datagrams(1, 40), ...stream(1)], writes: 2 },
];

/** What a router has done to a packet. */
function forwarded(b: Uint8Array): Uint8Array {
  const copy = b.slice();
  copy[HOP_LIMIT_AT]!--;
  return copy;
}

/** By flow, as the order of different flows is free. */
function flows(packets: readonly Uint8Array[]): string[] {
  return packets.map((b) => `${toHex(b, 40, 4)} ${toHex(b)}`)
    .map((text, i) => ({ text, i }))
    .sort((a, b) =>
      a.text.slice(0, 8) < b.text.slice(0, 8)
        ? -1
        : a.text.slice(0, 8) > b.text.slice(0, 8)
        ? 1
        : a.i - b.i
    )
    .map(({ text }) => text);
}

inNamespace(import.meta.filename!, () => {
  for (const { name, packets, writes } of STREAMS) {
    test(`LinuxTunQueue.writeRun(): the kernel makes of a run the packets it was joined from: ${name}`, () => {
      withWire((wire) => {
        const joiner = new Joiner(wire.sum, { udp: wire.offloads.tunUdp });
        assert.deepEqual([wire.offloads.tun, wire.offloads.tunUdp], [true, true]);
        let written = 0;
        const sink = {
          sendRun: (run: Run) => {
            assert.equal(put(wire.near, run), run.length);
            written++;
          },
        };
        packets.forEach((b, i) => {
          wire.arena.u8.set(b, wire.frames.at(i));
          joiner.offer(wire.arena.u8, wire.frames.at(i), b.length, sink);
        });
        joiner.flush(sink);
        assert.deepEqual(flows(wire.read(wire.far)), flows(packets.map(forwarded)));
        assert.equal(written, writes);
      });
    });
  }

  test("LinuxTunQueue.read(): a UDP super-packet of the kernel splits into what was sent", () => {
    withWire((wire) => {
      const [length, count] = [500, 20];
      const arena = new Arena(libc, Udp6Sender.arenaLength + count * length + 65_536);
      const fd = openUdp6(libc, arena, 7_000);
      segmentSends(libc, arena, fd, length);
      const sender = new Udp6Sender(libc, arena, fd);
      const at = arena.take(count * length);
      arena.u8.set(bytes(count * length), at);
      sender.queue(at, count * length, addressBytes(NEAR), 7_001);
      sender.flush();
      const packetLength = wire.readOne();
      assert.equal(wire.near.segmentSize, length);
      assert.equal(wire.near.transport, NEXT_HEADER_UDP);
      const packet = new SuperPacket(wire.sum);
      const { transport, checksumStart, segmentSize } = wire.near;
      const { u8 } = wire.arena;
      const from = wire.frames.at(0);
      assert.ok(packet.parse(u8, from, packetLength, transport, checksumStart, segmentSize));
      assert.equal(packet.count, count);
      for (let i = 0; i < count; i++) {
        const segment = new Uint8Array(48 + length);
        packet.writeHeader(i, segment, 0);
        segment.set(u8.subarray(packet.payloadAt(i), packet.payloadAt(i) + length), 48);
        assert.equal(payloadChecksum(segment, 0), 0);
        assert.equal(toHex(segment, 48), toHex(bytes(count * length), i * length, length));
      }
      libc.call.close(fd);
    });
  });

  test("LinuxTunQueue.read(): a packet without its checksum gets it from completeChecksum()", () => {
    withWire((wire) => {
      const arena = new Arena(libc, Udp6Sender.arenaLength + 65_536);
      const fd = openUdp6(libc, arena, 7_000);
      const sender = new Udp6Sender(libc, arena, fd);
      const at = arena.take(99);
      arena.u8.set(bytes(99), at);
      sender.queue(at, 99, addressBytes(NEAR), 7_001);
      sender.flush();
      const length = wire.readOne();
      const { needsChecksum, segmentSize, checksumStart, checksumOffset } = wire.near;
      assert.deepEqual([length, segmentSize, needsChecksum], [48 + 99, 0, true]);
      const from = wire.frames.at(0);
      assert.notEqual(payloadChecksum(wire.arena.u8, from), 0);
      completeChecksum(wire.sum, wire.arena.u8, from, length, checksumStart, checksumOffset);
      assert.equal(payloadChecksum(wire.arena.u8, from), 0);
      libc.call.close(fd);
    });
  });

  test("LinuxTunQueue.writeRun(): a corrupt segment stays corrupt, and only that one", () => {
    withWire((wire) => {
      const packets = stream(6);
      packets[3]![100]! ^= 1;
      const joiner = new Joiner(wire.sum, { udp: true });
      const sink = {
        sendRun: (run: Run) => void put(wire.near, run),
      };
      packets.forEach((b, i) => {
        wire.arena.u8.set(b, wire.frames.at(i));
        joiner.offer(wire.arena.u8, wire.frames.at(i), b.length, sink);
      });
      joiner.flush(sink);
      const got = wire.read(wire.far);
      assert.deepEqual(got.map((b) => toHex(b)), packets.map((b) => toHex(forwarded(b))));
      assert.deepEqual(got.map((b) => payloadChecksum(b, 0) === 0), packets.map((_, i) => i !== 3));
    });
  });

  test(`STREAMS fit into the slots of one batch`, () => {
    assert.ok(STREAMS.every(({ packets }) => packets.length <= BATCH));
  });
});
