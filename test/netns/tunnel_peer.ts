import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { SOL_SOCKET } from "#ffi/linux/mod.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { BATCH, CAPACITY, Frames } from "#src/datapath/frames.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { openUdpSocket, setOption } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { BUBBLE_LENGTH, writeBubble } from "#src/protocol/wire/build.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { DESTINATION_AT, isBubble, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { clientAddress, GENERATOR_PORT } from "#test/load/plan.ts";
import { WaitingSender } from "#test/load/waiting_sender.ts";

/**
 * A program of its own, run inside a namespace: a Teredo client that is its own Teredo server, so
 * that it answers the relay's bubbles whichever way they come.
 *
 *     tunnel_peer.ts PLAN    a TunnelPeerPlan as JSON
 *
 * Prints "ready" when its interface is there, and at SIGTERM {@link TunnelPeerCounts} as JSON. What
 * its interface gives it at once leaves in runs (`UDP_SEGMENT`).
 */
export interface TunnelPeerPlan {
  readonly interfaceName: string;
  /** Number in the load generator's network. */
  readonly client: number;
  readonly relay: string;
  readonly relayPort: number;
  /** Whether its datagrams have UDP checksums. RFC 768 allows none; such datagrams leave one by one. */
  readonly checksums: boolean;
  /** Damages one of so many long packets of its own; 0: none. */
  readonly damageEvery: number;
}

export interface TunnelPeerCounts {
  /** Datagrams from the relay, and to it, bubbles among them. */
  readonly received: number;
  readonly sent: number;
  readonly damaged: number;
}

/** <asm-generic/socket.h>: no checksums on what is sent. */
const SO_NO_CHECK = 11;
const BUFFER = 8 * 1024 * 1024;
const TURN_MS = 20;
/** A packet with more than headers and acknowledgements in it; and a byte of its payload. */
const LONG = 1_000;
const DAMAGE_AT = 900;

class TunnelPeer {
  readonly #plan: TunnelPeerPlan;
  readonly #arena: Arena;
  readonly #relay: number;
  readonly #local: number;
  readonly #counters = makeCounters();
  readonly #receiver: UdpReceiver;
  readonly #sender: WaitingSender;
  readonly #tun: LinuxTunQueue;
  readonly #frames: Frames;
  readonly #waiter: Waiter;
  readonly #datagram = new TeredoDatagram();
  readonly #bubble = new Uint8Array(BUBBLE_LENGTH);
  #received = 0;
  #long = 0;
  #damaged = 0;

  constructor(libc: Libc, plan: TunnelPeerPlan) {
    this.#plan = plan;
    this.#relay = parseIpv4(plan.relay)!;
    this.#local = clientAddress(plan.client);
    const arena = this.#arena = new Arena(
      libc,
      UdpReceiver.arenaLength + WaitingSender.arenaLength + LinuxTunQueue.arenaLength +
        Frames.size +
        Waiter.arenaLength + 65_536,
    );
    const options = { queues: 1, offloads: false };
    const { name, queues: [fd] } = openTun(libc, arena, plan.interfaceName, options);
    const socket = { address: 0, port: GENERATOR_PORT, buffer: BUFFER, gro: true };
    const udp = openUdpSocket(LINUX_KERNEL, libc, arena, socket);
    if (!plan.checksums) {
      const set = setOption(libc, arena, udp.fd, SOL_SOCKET, SO_NO_CHECK, 1);
      check(libc, set, "setsockopt", "SO_NO_CHECK");
    }
    this.#tun = new LinuxTunQueue(libc, arena, fd!, name, false);
    this.#receiver = new UdpReceiver(libc, arena, udp.fd);
    this.#sender = new WaitingSender(libc, arena, udp.fd, this.#counters, plan.checksums);
    this.#frames = new Frames(arena);
    this.#waiter = new Waiter(libc, arena, [udp.fd, fd!]);
  }

  turn(): void {
    this.#waiter.wait(TURN_MS);
    if (this.#waiter.isReady(0)) this.#fromRelay();
    if (this.#waiter.isReady(1)) this.#toRelay();
  }

  #fromRelay(): void {
    const udp = this.#receiver;
    const count = udp.receive();
    for (let i = 0; i < count; i++) {
      const end = udp.at(i) + udp.length(i);
      const step = udp.segmentSize(i) || CAPACITY;
      for (let at = udp.at(i); at < end; at += step) this.#take(at, Math.min(step, end - at));
    }
    this.#sender.flush();
    udp.release(count);
  }

  #take(at: number, length: number): void {
    const b = this.#arena.u8;
    const d = this.#datagram;
    this.#received++;
    if (d.parse(b, at, length) !== Drop.None) return;
    if (!isBubble(b, d.ipv6At)) return void this.#tun.write(d.ipv6At, d.ipv6Length);
    writeBubble(this.#bubble, 0, b, d.ipv6At + DESTINATION_AT, b, d.ipv6At + SOURCE_AT);
    this.#send(this.#bubble, 0, BUBBLE_LENGTH);
  }

  #toRelay(): void {
    for (let i = 0; i < BATCH; i++) {
      const at = this.#frames.at(i);
      const length = this.#tun.read(at);
      if (length <= 0) break;
      this.#damage(at, length);
      this.#send(this.#arena.u8, at, length);
    }
    this.#sender.flush();
  }

  /** After its checksum was made. */
  #damage(at: number, length: number): void {
    const { damageEvery } = this.#plan;
    if (damageEvery === 0 || length < LONG || ++this.#long % damageEvery !== 0) return;
    this.#arena.u8[at + DAMAGE_AT]! ^= 0x10;
    this.#damaged++;
  }

  #send(b: Uint8Array, at: number, length: number): void {
    this.#sender.queue(b, at, length, this.#relay, this.#plan.relayPort, this.#local);
  }

  counts(): TunnelPeerCounts {
    const sent = this.#counters[Counter.udp_sent_datagrams]!;
    return { received: this.#received, sent, damaged: this.#damaged };
  }
}

const peer = new TunnelPeer(await openLibc(), JSON.parse(process.argv[2] ?? "{}"));
process.once("SIGTERM", () => {
  console.log(JSON.stringify(peer.counts()));
  process.exit(0);
});
console.log("ready");
for (;;) {
  peer.turn();
  await new Promise((resolve) => setImmediate(resolve));
}
