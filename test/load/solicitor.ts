import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { BATCH } from "#src/datapath/frames.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import {
  ICMPV6_ROUTER_ADVERTISEMENT,
  writeAuthentication,
  writeRouterSolicitation,
} from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  equalIpv6,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
} from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT, writeLinkLocal } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import { drain } from "./drain.ts";
import { clientAddress } from "./plan.ts";
import {
  cpuSeconds,
  drive,
  type LoadResult,
  type Party,
  type SolicitationPlan,
  waitFor,
} from "./role.ts";
import { Schedule } from "./schedule.ts";
import { GENERATOR_BUFFER } from "./sockets.ts";
import { Tally } from "./tally.ts";
import { WaitingSender } from "./waiting_sender.ts";

const NOTHING = new Uint8Array(0);
/** Where the nonce starts when identifier and value are empty. RFC 4380 §5.1.1 */
const NONCE_AT = 4;
/** Authentication with a nonce alone (13), router solicitation (48). */
const SOLICITATION_LENGTH = 13 + 48;
const SLOT_LENGTH = 64;
/** No slot is written to again before the batch it was queued in has left. */
const SLOTS = 2 * BATCH;
const SOURCE_PORT = 3545;

/**
 * Sends router solicitations from many addresses and checks every advertisement that returns: its
 * nonce is the number of the solicitation, and the origin indication names the address it left from.
 */
export class Solicitor implements Party {
  readonly #libc: Libc;
  readonly #plan: SolicitationPlan;
  readonly #arena: Arena;
  readonly #receiver: UdpReceiver;
  readonly #sender: WaitingSender;
  readonly #counters = makeCounters();
  readonly #datagram = new TeredoDatagram();
  readonly #linkLocal = new Uint8Array(IPV6_LENGTH);
  readonly #server: number;
  readonly #slots: number;
  readonly schedule: Schedule;
  readonly tally: Tally;
  #sequence = 0;
  #overflowed = 0;

  constructor(libc: Libc, plan: SolicitationPlan) {
    const { rate, seconds, sources } = plan;
    this.#libc = libc;
    this.#plan = plan;
    this.#server = parseIpv4(plan.server)!;
    this.#arena = new Arena(
      libc,
      UdpReceiver.arenaLength + WaitingSender.arenaLength + SLOTS * SLOT_LENGTH + 65_536,
    );
    const socket = { address: 0, port: SOURCE_PORT, buffer: GENERATOR_BUFFER };
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, this.#arena, socket);
    this.#receiver = new UdpReceiver(libc, this.#arena, fd);
    this.#sender = new WaitingSender(libc, this.#arena, fd, this.#counters);
    // Cone bit clear: the answer comes from the address that was asked. RFC 4380 §5.3.2
    writeLinkLocal(this.#linkLocal, 0, 0, clientAddress(0), SOURCE_PORT);
    this.#slots = this.#arena.take(SLOTS * SLOT_LENGTH);
    for (let i = 0; i < SLOTS; i++) this.#writeSlot(this.#slots + i * SLOT_LENGTH);
    this.schedule = new Schedule(rate, seconds);
    this.tally = new Tally(1 + this.schedule.total, sources);
  }

  /** A whole solicitation but for its nonce. */
  #writeSlot(at: number): void {
    const b = this.#arena.u8;
    const end = writeAuthentication(b, at, NOTHING, NOTHING, new Uint8Array(8), 0, 0);
    writeRouterSolicitation(b, end, this.#linkLocal, 0);
  }

  /** Runs to the end of the schedule and of what arrives. @throws Error when the server is silent */
  run(): LoadResult {
    this.#knock();
    return this.#result(drive(this.#libc, this, this.#plan.seconds));
  }

  /** One solicitation alone, so that no burst meets an address that is still being resolved. */
  #knock(): void {
    this.#send();
    this.#sender.flush();
    const isAnswered = () => this.tally.received > 0;
    waitFor(this.#libc, this, isAnswered, `no answer from ${this.#plan.server}`);
  }

  sendDue(now: Millis): void {
    const due = this.schedule.due(now);
    this.schedule.sent += due;
    for (let i = 0; i < due; i++) this.#send();
    this.#sender.flush();
  }

  #send(): void {
    const b = this.#arena.u8;
    const sequence = this.#sequence++;
    const at = this.#slots + (sequence % SLOTS) * SLOT_LENGTH;
    writeU32(b, at + NONCE_AT, sequence);
    writeU32(b, at + NONCE_AT + 4, ~sequence >>> 0);
    const source = clientAddress(sequence % this.#plan.sources);
    this.#sender.queue(b, at, SOLICITATION_LENGTH, this.#server, TEREDO_PORT, source);
  }

  receive(): boolean {
    const { any, lost } = drain(this.#receiver, (i) => {
      const sequence = this.#answeredBy(i);
      this.tally.take(sequence, sequence % this.#plan.sources);
    });
    this.#overflowed += lost;
    return any;
  }

  /** The number of the solicitation that datagram `i` answers; -1 for anything but a right answer. */
  #answeredBy(i: number): number {
    const udp = this.#receiver;
    const b = udp.bytes;
    const d = this.#datagram;
    if (d.parse(b, udp.at(i), udp.length(i)) !== Drop.None) return -1;
    if (d.authenticationAt < 0 || d.clientIdLength !== 0 || d.confirmation !== 0) return -1;
    const sequence = readU32(b, d.nonceAt);
    if (readU32(b, d.nonceAt + 4) !== ~sequence >>> 0) return -1;

    const right = udp.address(i) === this.#server && udp.port(i) === TEREDO_PORT &&
      d.originAt >= 0 && d.originPort === SOURCE_PORT && d.originAddress === udp.local(i) &&
      d.originAddress === clientAddress(sequence % this.#plan.sources) &&
      d.trailersAt === d.end && this.#isAdvertisement(b, d.ipv6At);
    return right ? sequence : -1;
  }

  #isAdvertisement(b: Uint8Array, at: number): boolean {
    return b[at + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
      b[at + IPV6_HEADER_LENGTH] === ICMPV6_ROUTER_ADVERTISEMENT &&
      equalIpv6(b, at + DESTINATION_AT, this.#linkLocal, 0) && payloadChecksum(b, at) === 0;
  }

  #result(sendSeconds: number): LoadResult {
    return {
      ...this.tally.result(),
      sent: this.#counters[Counter.udp_sent_datagrams]!,
      planned: 1 + this.schedule.total,
      expected: 1 + this.schedule.total,
      bubblesReceived: 0,
      bubblesSent: 0,
      overflowed: this.#overflowed,
      sendSeconds,
      cpuSeconds: cpuSeconds(),
    };
  }
}
