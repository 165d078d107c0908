import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { BUBBLE_LENGTH, writeBubble } from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  isBubble,
  NEXT_HEADER_UDP,
  parseIpv6,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { UDP_HEADER_LENGTH } from "#src/segments/transport.ts";
import type { Millis } from "#src/protocol/time.ts";
import { drain } from "./drain.ts";
import {
  PAYLOAD_LENGTH,
  payloadClient,
  sequenceOf,
  writePayload,
  writeSequence,
} from "./payload.ts";
import { clientAddress, clientIpv6, clientOf, GENERATOR_PORT, INNER_PORT } from "./plan.ts";
import {
  cpuSeconds,
  drive,
  Ends,
  type LoadPlan,
  type LoadResult,
  type Party,
  waitFor,
} from "./role.ts";
import { Schedule } from "./schedule.ts";
import { GENERATOR_BUFFER, SEGMENTS, segmentSends } from "./sockets.ts";
import { Tally } from "./tally.ts";
import { WaitingSender } from "./waiting_sender.ts";

const HOP_LIMIT = 64;
const PAYLOAD_AT = IPV6_HEADER_LENGTH + UDP_HEADER_LENGTH;
/** The inner packet: IPv6 and UDP headers and the payload. */
export const PACKET_LENGTH: number = PAYLOAD_AT + PAYLOAD_LENGTH;
const BLOCK_LENGTH = SEGMENTS * PACKET_LENGTH;

/**
 * All Teredo clients of a run, and their server: one socket, one block of packets for each client.
 *
 * They answer every bubble, so the relay comes to trust them. Once each has had its greeting from
 * the host, packet number 0 tells the host to start, and the schedule runs.
 */
export class Clients implements Party {
  readonly #libc: Libc;
  readonly #plan: LoadPlan;
  readonly #arena: Arena;
  readonly #receiver: UdpReceiver;
  readonly #sender: WaitingSender;
  readonly #counters = makeCounters();
  readonly #datagram = new TeredoDatagram();
  readonly #answer = new Uint8Array(BUBBLE_LENGTH);
  readonly #relay: number;
  readonly #blocks: number;
  readonly schedule: Schedule;
  readonly tally: Tally;
  readonly #greeted: Uint8Array;
  #toGreet: number;
  #sequence = 0;
  #turn = 0;
  #queued = 0;
  #bubblesReceived = 0;
  #bubblesSent = 0;
  #overflowed = 0;

  constructor(libc: Libc, plan: LoadPlan) {
    const { clients, up, down, seconds } = plan;
    this.#libc = libc;
    this.#plan = plan;
    this.#relay = parseIpv4(plan.relay)!;
    this.#arena = new Arena(
      libc,
      UdpReceiver.arenaLength + WaitingSender.arenaLength + clients * BLOCK_LENGTH +
        65_536,
    );
    const socket = { address: 0, port: GENERATOR_PORT, buffer: GENERATOR_BUFFER };
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, this.#arena, socket);
    segmentSends(libc, this.#arena, fd, PACKET_LENGTH);
    this.#receiver = new UdpReceiver(libc, this.#arena, fd);
    this.#sender = new WaitingSender(libc, this.#arena, fd, this.#counters);
    this.#blocks = this.#arena.take(clients * BLOCK_LENGTH);
    for (let client = 0; client < clients; client++) this.#writeBlock(client);
    this.schedule = new Schedule(up, seconds);
    this.tally = new Tally(clients + Math.round(down * seconds), clients);
    this.#greeted = new Uint8Array(clients);
    this.#toGreet = clients;
  }

  /** {@link SEGMENTS} inner packets end to end, complete but for their numbers. */
  #writeBlock(client: number): void {
    const b = this.#arena.u8;
    const source = clientIpv6(client);
    const host = parseIpv6(this.#plan.host)!;
    for (let i = 0; i < SEGMENTS; i++) {
      const at = this.#blocks + client * BLOCK_LENGTH + i * PACKET_LENGTH;
      const udp = at + IPV6_HEADER_LENGTH;
      writeIpv6Header(b, at, UDP_HEADER_LENGTH + PAYLOAD_LENGTH, NEXT_HEADER_UDP, HOP_LIMIT);
      b.set(source, at + SOURCE_AT);
      b.set(host, at + DESTINATION_AT);
      writeU16(b, udp, INNER_PORT);
      writeU16(b, udp + 2, INNER_PORT);
      writeU16(b, udp + 4, UDP_HEADER_LENGTH + PAYLOAD_LENGTH);
      writePayload(b, at + PAYLOAD_AT, client);
      writeU16(b, udp + 6, payloadChecksum(b, at));
    }
  }

  /** Runs to the end of the schedule and of what arrives. @throws Error when no contact is made */
  run(): LoadResult {
    const { clients } = this.#plan;
    waitFor(this.#libc, this, () => this.#toGreet === 0, `not all ${clients} clients were reached`);
    this.#send(1);
    this.#sender.flush();
    const ends = new Ends(this.#plan, "clients", "host");
    return this.#result(drive(this.#libc, this, this.#plan.seconds, ends));
  }

  sendDue(now: Millis): void {
    const { burst = SEGMENTS } = this.#plan;
    let due = this.schedule.due(now);
    this.schedule.sent += due;
    for (; due > 0; due -= burst) this.#send(Math.min(due, burst));
    this.#sender.flush();
    this.#queued = 0;
  }

  /** One block of the client whose turn it is. */
  #send(packets: number): void {
    const { clients, relayPort } = this.#plan;
    const client = this.#turn;
    this.#turn = (client + 1) % clients;
    // The next round writes to the same blocks.
    if (++this.#queued > clients) {
      this.#sender.flush();
      this.#queued = 1;
    }
    const b = this.#arena.u8;
    const at = this.#blocks + client * BLOCK_LENGTH;
    for (let i = 0; i < packets; i++) {
      writeSequence(b, at + i * PACKET_LENGTH + PAYLOAD_AT, this.#sequence++);
    }
    const length = packets * PACKET_LENGTH;
    this.#sender.queue(b, at, length, this.#relay, relayPort, clientAddress(client));
  }

  receive(): boolean {
    const { any, lost } = drain(this.#receiver, (i) => this.#take(i));
    this.#overflowed += lost;
    this.#sender.flush();
    this.#queued = 0;
    return any;
  }

  #take(i: number): void {
    const udp = this.#receiver;
    const d = this.#datagram;
    const b = udp.bytes;
    if (d.parse(b, udp.at(i), udp.length(i)) !== Drop.None) return this.tally.takeForeign();
    const client = clientOf(b, d.ipv6At + DESTINATION_AT, this.#plan.clients);
    if (client < 0) return this.tally.takeForeign();
    if (isBubble(b, d.ipv6At)) return this.#answerBubble(client, udp.address(i), udp.port(i));

    const toClient = udp.local(i) === clientAddress(client);
    const whole = toClient && d.ipv6Length === PACKET_LENGTH && payloadChecksum(b, d.ipv6At) === 0;
    if (!whole) return this.tally.takeForeign();
    const payload = d.ipv6At + PAYLOAD_AT;
    if (payloadClient(b, payload) !== client) return this.tally.takeForeign();
    this.tally.take(sequenceOf(b, payload), client);
    if (this.#greeted[client] === 0) {
      this.#greeted[client] = 1;
      this.#toGreet--;
    }
  }

  /** Direct or by way of the server, which we are as well: the answer goes straight to the relay. */
  #answerBubble(client: number, address: number, port: number): void {
    const { ipv6At } = this.#datagram;
    const b = this.#arena.u8;
    this.#bubblesReceived++;
    writeBubble(this.#answer, 0, b, ipv6At + DESTINATION_AT, b, ipv6At + SOURCE_AT);
    this.#sender.queue(this.#answer, 0, BUBBLE_LENGTH, address, port, clientAddress(client));
    this.#bubblesSent++;
  }

  #result(sendSeconds: number): LoadResult {
    const { clients, down, seconds } = this.#plan;
    const bubbleBytes = this.#bubblesSent * BUBBLE_LENGTH;
    return {
      ...this.tally.result(),
      sent: (this.#counters[Counter.udp_sent_bytes]! - bubbleBytes) / PACKET_LENGTH,
      planned: 1 + this.schedule.total,
      expected: clients + Math.round(down * seconds),
      bubblesReceived: this.#bubblesReceived,
      bubblesSent: this.#bubblesSent,
      overflowed: this.#overflowed,
      sendSeconds,
      cpuSeconds: cpuSeconds(),
    };
  }
}
