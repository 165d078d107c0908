import { Counter, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import {
  AUTHENTICATION_FIXED_LENGTH,
  ORIGIN_LENGTH,
  TeredoDatagram,
} from "#src/protocol/wire/datagram.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import {
  DROP_SHIFT,
  ENTRY_WORDS,
  Flag,
  FLAGS_SHIFT,
  HEADERS_LENGTH,
  KEPT_SHIFT,
  PACKETS_SHIFT,
  TAPE_ENTRIES,
  Way,
  WORD,
} from "./entry.ts";
import type { UdpMessages } from "../udp/messages.ts";
import { headerLength } from "./headers.ts";
import { Surges } from "./surges.ts";
import { Stop, type Tape, UNPUBLISHED } from "./tape.ts";

/** What a sender knows of its messages. */
export type Queued = Pick<
  UdpMessages,
  "address" | "port" | "local" | "datagramAt" | "datagramLength" | "lengthFrom"
>;

const NOWHERE = -1;
/** The first word of no entry. */
const NONE = -1;
const MOST_PACKETS = 0xffff;
const SECOND: Millis = 1_000;
/** Between two stops for one reason; see docs/limits.md. */
const STOP_EVERY: Millis = 60_000;

/**
 * Records what passes one datapath thread: headers, never payload. It allocates nothing for a packet.
 *
 * An entry stands for one packet and its way through: what came from the IPv6 side and was sent on to
 * its peer is one, with that peer's end; so is a run of datagrams that came in one piece, as long as
 * the same becomes of all.
 */
export class PacketRecorder {
  readonly #tape: Tape;
  readonly #counters: Counters;
  readonly #wall: () => Millis;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #times: Float64Array;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #datagram = new TeredoDatagram();
  readonly #surges = new Surges();
  #now: Millis = 0;
  #clocksAt: Millis = -Infinity;
  /** Entries begun, modulo 2^32, and those of them that the tape tells of. */
  #next = 0;
  #published = 0;
  /** Nothing is recorded until the main thread has taken what led to a stop. */
  #stopped = false;

  /** First word of the entry of the packet that the rules are at. */
  #open = NONE;
  /** Where the packet lies that may be sent on as it is. */
  #openBytes: Uint8Array | undefined;
  #openAt = NOWHERE;
  /** What became of the datagram at hand. */
  #flags = 0;
  /** The datagram at hand lies right behind the last one, and came from the same end. */
  #follows = false;

  /** Of the last datagram: its entry, where it ended, and what became of it. */
  #last = NONE;
  #lastEnd = NOWHERE;
  #lastAddress = 0;
  #lastPort = 0;
  #lastDrop: Drop = Drop.None;

  /** Of what is counted, what has been seen. */
  #failed: number;
  #overflows: number;
  readonly #stoppedAt = new Map<Stop, Millis>();

  /**
   * @param memory that most packets lie in
   * @param wall the time of the day, in ms
   */
  constructor(tape: Tape, memory: Uint8Array, counters: Counters, wall: () => Millis) {
    this.#tape = tape;
    this.#counters = counters;
    this.#wall = wall;
    this.#words = tape.words;
    this.#bytes = tape.bytes;
    this.#times = tape.times;
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#failed = counters[Counter.peers_failed]!;
    this.#overflows = counters[DROPS_AT + Drop.SocketOverflow]!;
  }

  /** Before what happens in one turn of the loop, or a part of it: all that follows happens now. */
  begin(now: Millis): void {
    this.#now = now;
    this.#surges.begin(now);
    // What lies in the slots is another batch.
    this.#lastEnd = NOWHERE;
    if (now - this.#clocksAt >= SECOND) {
      this.#clocksAt = now;
      this.#tape.setClocks(now, this.#wall());
    }
    if (this.#stopped) this.#stopped = this.#tape.stopped !== Stop.No;
  }

  /** After it: whoever reads the tape may read of it. */
  end(): void {
    this.#publish();
    const overflows = this.#counters[DROPS_AT + Drop.SocketOverflow]!;
    this.#surges.add(overflows - this.#overflows);
    this.#overflows = overflows;
    const failed = this.#counters[Counter.peers_failed]!;
    if (failed !== this.#failed) {
      this.#failed = failed;
      this.#stop(Stop.PeerFailed);
    }
    if (this.#surges.isOne) this.#stop(Stop.Drops);
  }

  /** Before the rules see a datagram, which they may change. @param flags of {@link Flag} */
  came(arrival: UdpDatagram, flags = 0): void {
    const { bytes, at, address, port } = arrival;
    this.#flags = 0;
    this.#follows = at === this.#lastEnd && address === this.#lastAddress &&
      port === this.#lastPort && bytes === this.#memory;
    if (!this.#follows) this.#open = this.#putArrival(arrival, flags);
  }

  /** The rules are done with what {@link came}. */
  dealtWith(arrival: UdpDatagram, drop: Drop): void {
    if (drop !== Drop.None) this.#surges.add(1);
    if (this.#follows && (this.#last === NONE || drop !== this.#lastDrop)) {
      // Rules that get runs leave datagrams as they are: it is not too late.
      this.#follows = false;
      this.#open = this.#putArrival(arrival, 0);
    }
    if (this.#follows) {
      this.#addTo(this.#last, arrival.length);
    } else {
      this.#last = this.#open;
      this.#lastDrop = drop;
      this.#lastAddress = arrival.address;
      this.#lastPort = arrival.port;
      this.#close(drop, this.#flags);
    }
    this.#lastEnd = arrival.at + arrival.length;
  }

  /** Before the rules see a packet of the IPv6 side, or a super-packet of so many packets and bytes. */
  cameIpv6(b: Uint8Array, at: number, length: number, packets: number, bytes: number): void {
    const w = this.#begin(Way.FromIpv6, 0, 0, 0, length, bytes, packets);
    if (w !== NONE) this.#putPacket(w, 0, 0, b, at, length);
    this.#open = w;
    this.#openBytes = b;
    this.#openAt = at;
  }

  /** The rules are done with what {@link cameIpv6}. */
  dealtWithIpv6(drop: Drop): void {
    if (drop !== Drop.None) this.#surges.add(1);
    this.#openAt = NOWHERE;
    this.#close(drop, 0);
  }

  /** A datagram is sent: what came from the IPv6 side, or one of our own. */
  sent(datagram: UdpDatagram): void {
    const { bytes, at, length, address, port, local } = datagram;
    if (at === this.#openAt && bytes === this.#openBytes) {
      return this.#sendOn(this.#open, address, port, local);
    }
    const w = this.#begin(Way.ToUdp, address, port, local, length, length, 1);
    if (w !== NONE) this.#putDatagram(w, 0, bytes, at, length);
  }

  /** The packet in the datagram at hand is passed to the IPv6 side. */
  passed(): void {
    this.#flags |= Flag.Passed;
  }

  /**
   * A datagram is sent on account of the one at hand, by rules that send for no other reason: an entry
   * of its own would cost as much as that of what came.
   */
  answered({ bytes, at, address, port }: UdpDatagram): void {
    const w = this.#open;
    if (w === NONE) return;
    const words = this.#words;
    const isBack = address === words[w + WORD.address] && port === (words[w + WORD.port]! & 0xffff);
    if (isBack) this.#flags |= Flag.Answered;
    else this.#flags |= bytes[at]! >> 4 === 6 ? Flag.SentOn : Flag.SentOn | Flag.OriginAdded;
  }

  /** A packet of our own goes to the IPv6 side, or one that the kernel refused. */
  sentIpv6(b: Uint8Array, at: number, length: number, drop: Drop = Drop.None): void {
    if (drop !== Drop.None) this.#surges.add(1);
    this.#putOne(Way.ToIpv6, b, at, length, drop);
  }

  /** A packet that was held is let go. */
  letGo(b: Uint8Array, at: number, length: number, drop: Drop): void {
    this.#surges.add(1);
    this.#putOne(Way.FromHold, b, at, length, drop);
  }

  /** So many datagrams of a message are not sent, from number `first` on; they lie in our memory. */
  refused(messages: Queued, i: number, first: number, datagrams: number, drop: Drop): void {
    this.#surges.add(datagrams);
    const address = messages.address(i);
    const port = messages.port(i);
    const local = messages.local(i);
    const length = messages.datagramLength(i, first);
    const all = datagrams === 1 ? length : messages.lengthFrom(i, first);
    const w = this.#begin(Way.ToUdp, address, port, local, length, all, datagrams);
    if (w === NONE) return;
    this.#putDatagram(w, 0, this.#memory, messages.datagramAt(i, first), length);
    this.#words[w + WORD.kind]! |= drop << DROP_SHIFT;
  }

  #putOne(way: Way, b: Uint8Array, at: number, length: number, drop: Drop): void {
    const w = this.#begin(way, 0, 0, 0, length, length, 1);
    if (w === NONE) return;
    this.#putPacket(w, 0, 0, b, at, length);
    this.#words[w + WORD.kind]! |= drop << DROP_SHIFT;
  }

  #putArrival({ bytes, at, length, address, port, local }: UdpDatagram, flags: number): number {
    const w = this.#begin(Way.FromUdp, address, port, local, length, length, 1);
    if (w !== NONE) this.#putDatagram(w, flags, bytes, at, length);
    return w;
  }

  #addTo(w: number, length: number): void {
    const packets = this.#words[w + WORD.port]! >>> PACKETS_SHIFT;
    if (packets < MOST_PACKETS) this.#words[w + WORD.port]! += 1 << PACKETS_SHIFT;
    this.#words[w + WORD.all]! += length;
  }

  #close(drop: Drop, flags: number): void {
    const w = this.#open;
    this.#open = NONE;
    if (w === NONE) return;
    this.#words[w + WORD.kind]! |= (drop << DROP_SHIFT) | (flags << FLAGS_SHIFT);
  }

  #sendOn(w: number, address: number, port: number, local: number): void {
    if (w === NONE) return;
    const words = this.#words;
    words[w + WORD.kind]! |= Flag.SentOn << FLAGS_SHIFT;
    words[w + WORD.address] = address;
    words[w + WORD.port]! |= port;
    words[w + WORD.local] = local;
  }

  /** @returns the first word of an entry without headers; {@link NONE} while nothing is recorded */
  #begin(
    way: Way,
    address: number,
    port: number,
    local: number,
    length: number,
    all: number,
    packets: number,
  ): number {
    if (this.#stopped) return NONE;
    const n = this.#next;
    if (((n - this.#published) | 0) >= UNPUBLISHED) this.#publish();
    this.#next = (n + 1) | 0;
    const w = (n & (TAPE_ENTRIES - 1)) * ENTRY_WORDS;
    const words = this.#words;
    words[w] = n;
    words[w + WORD.kind] = way;
    this.#times[(w + WORD.time) >> 1] = this.#now;
    words[w + WORD.address] = address;
    words[w + WORD.port] = port | (Math.min(packets, MOST_PACKETS) << PACKETS_SHIFT);
    words[w + WORD.local] = local;
    words[w + WORD.length] = length;
    words[w + WORD.all] = all;
    return w;
  }

  #putDatagram(w: number, flags: number, b: Uint8Array, at: number, length: number): void {
    if (length > 0 && b[at]! >> 4 === 6) return this.#putPacket(w, flags, 0, b, at, length);
    const d = this.#datagram;
    if (d.parse(b, at, length) !== Drop.None) {
      this.#words[w + WORD.kind]! |= flags << FLAGS_SHIFT;
      return;
    }
    const origin = d.originAt < 0 ? 0 : ORIGIN_LENGTH;
    const authentication = d.authenticationAt < 0 ? 0 : AUTHENTICATION_FIXED_LENGTH;
    const kept = authentication + origin;
    if (d.ipv6At - at !== kept) {
      return this.#putPacket(w, flags | Flag.LeftOut, 0, b, d.ipv6At, d.end - d.ipv6At);
    }
    const headers = 4 * (w + WORD.headers);
    for (let i = 0; i < kept; i++) this.#bytes[headers + i] = b[at + i]!;
    flags |= (authentication > 0 ? Flag.Authentication : 0) | (origin > 0 ? Flag.Origin : 0);
    this.#putPacket(w, flags, kept, b, d.ipv6At, d.end - d.ipv6At);
  }

  /** The headers of the IPv6 packet at `at`, of which at most `length` bytes are there. */
  #putPacket(
    w: number,
    flags: number,
    before: number,
    b: Uint8Array,
    at: number,
    length: number,
  ): void {
    const words = this.#words;
    const kept = Math.min(headerLength(b, at, length), (HEADERS_LENGTH - before) & ~3);
    words[w + WORD.kind]! |= (flags << FLAGS_SHIFT) | (kept << KEPT_SHIFT);
    const to = w + WORD.headers;
    if (b !== this.#memory || before > 0) return this.#copy(4 * to + before, b, at, kept);
    const view = this.#view;
    const count = kept >> 2;
    for (let i = 0; i < count; i++) words[to + i] = view.getUint32(at + 4 * i, true);
  }

  #copy(to: number, b: Uint8Array, at: number, length: number): void {
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) bytes[to + i] = b[at + i]!;
  }

  #publish(): void {
    if (this.#published === this.#next) return;
    this.#published = this.#next;
    this.#tape.publish(this.#next);
  }

  #stop(why: Stop): void {
    if (this.#stopped || this.#now - (this.#stoppedAt.get(why) ?? -Infinity) < STOP_EVERY) return;
    this.#stoppedAt.set(why, this.#now);
    this.#stopped = true;
    this.#tape.stop(why);
  }
}
