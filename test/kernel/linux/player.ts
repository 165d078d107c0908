import { readFileSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import type { Datagram, Endpoint } from "../network.ts";

const BUFFER = 1 << 20;
const PATIENCE_MS = 60_000;

/** Somebody else with a UDP socket on this machine. */
export class Player {
  readonly at: Endpoint;
  readonly #receiver: UdpReceiver;
  readonly #sender: UdpSender;
  readonly #waiter: Waiter;
  readonly #arena: Arena;

  constructor(libc: Libc, at: Endpoint) {
    this.at = at;
    const length = UdpReceiver.arenaLength + UdpSender.arenaLength + Waiter.arenaLength + 65_536;
    this.#arena = new Arena(libc, length);
    const options = { ...at, buffer: BUFFER };
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, this.#arena, options);
    this.#receiver = new UdpReceiver(libc, this.#arena, fd);
    this.#sender = new UdpSender(libc, this.#arena, fd, makeCounters());
    this.#waiter = new Waiter(libc, this.#arena, [fd]);
  }

  /** Sends, and waits until it waits at the other end. */
  send(to: Endpoint, data: Uint8Array): void {
    const before = waitingAt(to);
    this.#sender.queue(data, 0, data.length, to.address, to.port, 0);
    this.#sender.flush();
    const end = performance.now() + PATIENCE_MS;
    while (waitingAt(to) === before) {
      if (performance.now() > end) throw new Error(`a datagram to port ${to.port} was lost`);
    }
  }

  /** What has come; waits for `count`. */
  take(count: number): Datagram[] {
    const found: Datagram[] = [];
    for (;;) {
      if (found.length < count) this.#waiter.wait(PATIENCE_MS);
      const udp = this.#receiver;
      const got = udp.receive();
      for (let i = 0; i < got; i++) {
        const data = udp.bytes.slice(udp.at(i), udp.at(i) + udp.length(i)) as Uint8Array<
          ArrayBuffer
        >;
        found.push({ from: { address: udp.address(i), port: udp.port(i) }, to: this.at, data });
      }
      udp.release(got);
      if (got === 0) return found;
    }
  }
}

/** Memory that datagrams take which wait at a socket of this machine. proc_net_udp */
function waitingAt({ address, port }: Endpoint): number {
  const swapped = new DataView(Uint32Array.of(address).buffer).getUint32(0);
  const hex = (value: number, digits: number) =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  const line = readFileSync("/proc/net/udp", "utf8").split("\n")
    .map((it) => it.trim().split(/\s+/))
    .find(([, local]) =>
      local === `${hex(swapped, 8)}:${hex(port, 4)}` || local === `00000000:${hex(port, 4)}`
    );
  if (line === undefined) throw new Error(`nobody is at port ${port}`);
  return parseInt(line[4]!.split(":")[1]!, 16);
}
