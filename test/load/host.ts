import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import type { Millis } from "#src/protocol/time.ts";
import { drain } from "./drain.ts";
import {
  PAYLOAD_LENGTH,
  payloadClient,
  sequenceOf,
  writePayload,
  writeSequence,
} from "./payload.ts";
import { clientIpv6, INNER_PORT } from "./plan.ts";
import {
  cpuSeconds,
  drive,
  Ends,
  type LoadPlan,
  type LoadResult,
  type Party,
  rest,
  waitFor,
} from "./role.ts";
import { Schedule } from "./schedule.ts";
import { openUdp6, SEGMENTS, segmentSends } from "./sockets.ts";
import { Tally } from "./tally.ts";
import { Udp6Sender } from "./udp6_send.ts";

const BLOCK_LENGTH = SEGMENTS * PAYLOAD_LENGTH;
/** Clients greeted in one millisecond: what the relay holds for strangers is bounded. */
const GREETINGS_A_TICK = 4;

/**
 * The host at the native end. It greets every client with one packet, which makes the relay
 * look for it; the first packet from a client says that all were reached, and the schedule runs.
 */
export class Host implements Party {
  readonly #libc: Libc;
  readonly #plan: LoadPlan;
  readonly #arena: Arena;
  readonly #receiver: UdpReceiver;
  readonly #sender: Udp6Sender;
  readonly #addresses: readonly Uint8Array[];
  readonly #blocks: number;
  readonly schedule: Schedule;
  readonly tally: Tally;
  #sequence = 0;
  #turn = 0;
  #queued = 0;
  #overflowed = 0;

  constructor(libc: Libc, plan: LoadPlan) {
    const { clients, up, down, seconds } = plan;
    this.#libc = libc;
    this.#plan = plan;
    this.#arena = new Arena(
      libc,
      UdpReceiver.arenaLength + Udp6Sender.arenaLength + clients * BLOCK_LENGTH + 65_536,
    );
    const fd = openUdp6(libc, this.#arena, INNER_PORT);
    segmentSends(libc, this.#arena, fd, PAYLOAD_LENGTH);
    // Made for IPv4: it keeps the first 16 bytes of a sender's address, which are not looked at.
    this.#receiver = new UdpReceiver(libc, this.#arena, fd);
    this.#sender = new Udp6Sender(libc, this.#arena, fd);
    this.#addresses = Array.from({ length: clients }, (_, client) => clientIpv6(client));
    this.#blocks = this.#arena.take(clients * BLOCK_LENGTH);
    for (let client = 0; client < clients; client++) {
      for (let i = 0; i < SEGMENTS; i++) {
        writePayload(this.#arena.u8, this.#payloadAt(client, i), client);
      }
    }
    this.schedule = new Schedule(down, seconds);
    this.tally = new Tally(1 + Math.round(up * seconds), clients);
  }

  #payloadAt(client: number, i: number): number {
    return this.#blocks + client * BLOCK_LENGTH + i * PAYLOAD_LENGTH;
  }

  /** Runs to the end of the schedule and of what arrives. @throws Error when no contact is made */
  run(): LoadResult {
    this.#greet();
    const isStarted = () => this.tally.received > 0;
    waitFor(this.#libc, this, isStarted, "no client answered through the relay");
    const ends = new Ends(this.#plan, "host", "clients");
    return this.#result(drive(this.#libc, this, this.#plan.seconds, ends));
  }

  #greet(): void {
    for (let left = this.#plan.clients; left > 0; left -= GREETINGS_A_TICK) {
      for (let i = Math.min(left, GREETINGS_A_TICK); i > 0; i--) this.#send(1);
      this.#flush();
      rest(this.#libc);
    }
  }

  sendDue(now: Millis): void {
    const { burst = SEGMENTS } = this.#plan;
    let due = this.schedule.due(now);
    this.schedule.sent += due;
    for (; due > 0; due -= burst) this.#send(Math.min(due, burst));
    this.#flush();
  }

  /** One block for the client whose turn it is. */
  #send(packets: number): void {
    const { clients } = this.#plan;
    const client = this.#turn;
    this.#turn = (client + 1) % clients;
    // The next round writes to the same blocks.
    if (++this.#queued > clients) {
      this.#flush();
      this.#queued = 1;
    }
    for (let i = 0; i < packets; i++) {
      writeSequence(this.#arena.u8, this.#payloadAt(client, i), this.#sequence++);
    }
    const length = packets * PAYLOAD_LENGTH;
    this.#sender.queue(this.#payloadAt(client, 0), length, this.#addresses[client]!, INNER_PORT);
  }

  #flush(): void {
    this.#sender.flush();
    this.#queued = 0;
  }

  receive(): boolean {
    const udp = this.#receiver;
    const { any, lost } = drain(udp, (i) => {
      const at = udp.at(i);
      if (udp.length(i) !== PAYLOAD_LENGTH) this.tally.takeForeign();
      else this.tally.take(sequenceOf(udp.bytes, at), payloadClient(udp.bytes, at));
    });
    this.#overflowed += lost;
    return any;
  }

  #result(sendSeconds: number): LoadResult {
    const { clients, up, seconds } = this.#plan;
    return {
      ...this.tally.result(),
      sent: this.#sender.bytes / PAYLOAD_LENGTH,
      planned: clients + this.schedule.total,
      expected: 1 + Math.round(up * seconds),
      bubblesReceived: 0,
      bubblesSent: 0,
      overflowed: this.#overflowed,
      sendSeconds,
      cpuSeconds: cpuSeconds(),
    };
  }
}
