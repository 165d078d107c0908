/**
 * A Teredo client that outruns every relay, for TCP through one: `tunnel_client.ts PLAN`, a
 * `TunnelPlan` as JSON. It uses the kernel's offloads on both of its sides, has no rules but one
 * relay, and leaves bubbles to the station that is the clients' server.
 *
 * It prints "ready" when its interface is there, and ends when it is killed.
 */
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { BATCH, CAPACITY, Frames } from "#src/datapath/frames.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_HEADER_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { completeChecksum, makeSum, type Sum } from "#src/segments/checksum.ts";
import { Joiner, type JoinSink, type Run } from "#src/segments/join.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { clientAddress, GENERATOR_PORT } from "#test/load/plan.ts";
import { GENERATOR_BUFFER } from "#test/load/sockets.ts";
import { WaitingSender } from "#test/load/waiting_sender.ts";

export interface TunnelPlan {
  readonly interfaceName: string;
  /** Which client it is. */
  readonly client: number;
  /** IPv4 address of the relay, and its port. */
  readonly relay: string;
  readonly relayPort: number;
}

/** Bytes read of TUN before what they became is sent. */
const BATCH_BYTES = 256 * 1024;
/** Slots of UDP taken in one go, for the cache's sake. */
const SLOTS = 8;

class TunnelClient implements JoinSink {
  readonly #arena: Arena;
  readonly #relay: number;
  readonly #relayPort: number;
  readonly #receiver: UdpReceiver;
  readonly #sender: WaitingSender;
  readonly #tun: LinuxTunQueue;
  readonly #frames: Frames;
  readonly #sum: Sum;
  readonly #joiner: Joiner;
  readonly #super: SuperPacket;
  readonly #waiter: Waiter;

  /** @throws StartError without the rights to make the interface */
  constructor(libc: Libc, plan: TunnelPlan) {
    this.#relay = parseIpv4(plan.relay)!;
    this.#relayPort = plan.relayPort;
    const arena = this.#arena = new Arena(
      libc,
      UdpReceiver.arenaLength + WaitingSender.arenaLength + LinuxTunQueue.arenaLength +
        Frames.size +
        Waiter.arenaLength + 65_536,
    );
    const { name, queues: [fd], tun, tunUdp } = openTun(libc, arena, plan.interfaceName, {
      queues: 1,
      offloads: true,
    });
    const udp = openUdpSocket(LINUX_KERNEL, libc, arena, {
      address: clientAddress(plan.client),
      port: GENERATOR_PORT,
      buffer: GENERATOR_BUFFER,
      reusePort: true,
      gro: true,
    });
    this.#tun = new LinuxTunQueue(libc, arena, fd!, name, tun);
    this.#receiver = new UdpReceiver(libc, arena, udp.fd);
    this.#sender = new WaitingSender(libc, arena, udp.fd, makeCounters(), udp.udpSegment);
    this.#frames = new Frames(arena);
    this.#sum = makeSum(arena.memory);
    this.#joiner = new Joiner(this.#sum, { udp: tunUdp });
    this.#super = new SuperPacket(this.#sum);
    this.#waiter = new Waiter(libc, arena, [udp.fd, fd!]);
  }

  run(): never {
    for (;;) {
      this.#waiter.wait(Infinity);
      if (this.#waiter.isReady(0)) this.#fromRelay();
      if (this.#waiter.isReady(1)) this.#toRelay();
    }
  }

  #fromRelay(): void {
    const udp = this.#receiver;
    const count = udp.receive(SLOTS);
    for (let i = 0; i < count; i++) {
      const end = udp.at(i) + udp.length(i);
      const step = udp.segmentSize(i) || CAPACITY;
      for (let at = udp.at(i); at < end; at += step) {
        const length = Math.min(step, end - at);
        // A bubble is no longer than its header: nothing for the interface.
        if (length > IPV6_HEADER_LENGTH) this.#joiner.offer(udp.bytes, at, length, this);
      }
    }
    this.#joiner.flush(this);
    udp.release(count);
  }

  sendRun(run: Run): void {
    if (run.count > 1) this.#tun.writeRun(run);
    else this.#tun.write(run.pieceAt(0), run.pieceLength(0));
  }

  #toRelay(): void {
    for (let count = 0, bytes = 0; count < BATCH && bytes < BATCH_BYTES; count++) {
      const at = this.#frames.at(count);
      const length = this.#tun.read(at);
      if (length <= 0) break;
      bytes += length;
      this.#queue(at, length);
    }
    this.#sender.flush();
  }

  #queue(at: number, length: number): void {
    const b = this.#arena.u8;
    const { segmentSize, transport, needsChecksum, checksumStart, checksumOffset } = this.#tun;
    if (segmentSize === 0) {
      if (needsChecksum) completeChecksum(this.#sum, b, at, length, checksumStart, checksumOffset);
      this.#sender.queue(b, at, length, this.#relay, this.#relayPort, 0);
    } else if (this.#super.parse(b, at, length, transport, checksumStart, segmentSize)) {
      this.#sender.queueSegments(this.#super, this.#relay, this.#relayPort, 0);
    }
  }
}

const client = new TunnelClient(await openLibc(), JSON.parse(process.argv[2] ?? "{}"));
console.log("ready");
client.run();
