import { isAdvertisement } from "#src/protocol/client/messages/advertisement.ts";
import {
  ECHO_LENGTH,
  isEchoReply,
  isErrorAbout,
  writeEchoRequest,
} from "#src/protocol/client/messages/echo.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { writeBubble } from "#src/protocol/wire/build.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  equalIpv6,
  IPV6_HEADER_LENGTH,
  isBubble,
  isLinkLocal,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { RANDOM_FLAGS, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import { Contacts } from "./contacts.ts";
import type {
  Endpoint,
  Failure,
  FillRandom,
  ProbeOptions,
  ProbeSink,
  ProbeSocket,
  Via,
} from "./contract.ts";
import { Ping } from "./ping.ts";
import { Qualification, type Qualified } from "./qualify.ts";

/**
 * A Teredo client that wants no tunnel: it qualifies, then pings one host. RFC 4380 §5.2
 *
 * No socket, clock or generator in here: datagrams come in by {@link receive}, time as an argument,
 * random bytes from the function given, and everything goes out through the sink. Call
 * {@link tick} when {@link deadline} has come.
 *
 * Its life is as long as its pings; it does no maintenance (§5.2.5).
 */
export class ProbeClient {
  readonly #options: ProbeOptions;
  readonly #sink: ProbeSink;
  readonly #random: FillRandom;
  readonly #datagram = new TeredoDatagram();
  readonly #contacts = new Contacts();
  readonly #buffer = new Uint8Array(ECHO_LENGTH);
  #qualification: Qualification | undefined;
  /** Our Teredo address, 16 bytes, once qualified. */
  #address: Uint8Array | undefined;
  #ping: Ping | undefined;
  #via: Via = "server";
  /** Of the last echo request. A number for each keeps a late answer from being timed wrong. */
  #sequence = 0;
  /** Pings answered or given up; and those answered. */
  #done = 0;
  #answered = 0;
  #nextPingAt: Millis = 0;
  /** The mapping that proved to lead to the target; undefined: none has. RFC 4380 §5.2.3 case 2 */
  #relay: Endpoint | undefined;
  #bubbled = false;
  #finished = false;

  constructor(options: ProbeOptions, sink: ProbeSink, random: FillRandom) {
    this.#options = options;
    this.#sink = sink;
    this.#random = random;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** When {@link tick} has something to do. */
  get deadline(): Millis {
    if (this.#finished) return Infinity;
    return this.#qualification?.deadline ?? this.#ping?.deadline ?? this.#nextPingAt;
  }

  start(now: Millis): void {
    this.#qualification = new Qualification(this.#options, this.#sink, this.#random);
    this.#qualification.start(now);
  }

  tick(now: Millis): void {
    if (this.#finished || now < this.deadline) return;
    if (this.#qualification !== undefined) this.#qualify(this.#qualification.tick(now), now);
    else if (this.#ping === undefined) this.#startPing(now);
    else this.#repeatPing(this.#ping, now);
  }

  /** One UDP datagram of `length` bytes at `at`, from `address`:`port`, that came by `socket`. */
  receive(
    b: Uint8Array,
    at: number,
    length: number,
    address: number,
    port: number,
    now: Millis,
    socket: ProbeSocket = "own",
  ): void {
    if (this.#finished) return;
    const from = { address, port };
    const drop = this.#datagram.parse(b, at, length);
    if (drop !== Drop.None) {
      return this.#ignore(from, `not a Teredo packet (${DROP_NAMES[drop]})`);
    }
    const { serverAddress, secondaryAddress } = this.#options;
    const isServer = address === serverAddress || address === secondaryAddress;
    if (isServer && port === TEREDO_PORT) this.#fromServer(b, from, now, socket);
    else if (socket === "cone") this.#ignore(from, "not what the cone test waits for");
    else this.#fromPeer(b, from, now);
  }

  #fromServer(b: Uint8Array, from: Endpoint, now: Millis, socket: ProbeSocket): void {
    if (isAdvertisement(b, this.#datagram)) {
      if (this.#qualification === undefined) return this.#ignore(from, "advertisement, unasked");
      return this.#qualify(this.#qualification.receive(b, this.#datagram, from, now, socket), now);
    }
    if (socket === "cone") return this.#ignore(from, "not what the cone test waits for");
    if (!this.#isForUs(b)) return this.#ignore(from, "not for our Teredo address");
    const hasOrigin = this.#datagram.originAt >= 0;
    if (isBubble(b, this.#datagram.ipv6At) && hasOrigin) return this.#answerIndirect(b, now);
    this.#ignore(from, "neither advertisement nor bubble with origin");
  }

  /** Anyone but the server: only a relay that answers has business with us. RFC 4380 §5.2.3 */
  #fromPeer(b: Uint8Array, from: Endpoint, now: Millis): void {
    const at = this.#datagram.ipv6At;
    if (!this.#isForUs(b)) return this.#ignore(from, "not for our Teredo address");
    if (isBubble(b, at)) return this.#answerChallenge(b, from, now);

    const length = this.#datagram.ipv6Length;
    const sentAt = this.#ping?.sentAt((echo) => isEchoReply(b, at, length, echo));
    if (sentAt !== undefined) return this.#receiveReply(from, now - sentAt, now);
    if (this.#ping?.sentAt((echo) => isErrorAbout(b, at, length, echo)) !== undefined) {
      return this.#receiveError(b);
    }
    this.#ignore(from, "no answer to a request of ours");
  }

  #qualify(outcome: Qualified | Failure | undefined, now: Millis): void {
    if (outcome === undefined) return;
    if (typeof outcome === "string") return this.#fail(outcome);
    this.#qualification = undefined;
    this.#address = this.#makeAddress(outcome.mapped);
    this.#sink.report({ kind: "qualified", address: this.#address, ...outcome });
    if (this.#options.target === undefined) return this.#finish();
    this.#startPing(now);
  }

  /** Cone bit 0 and 12 random flag bits. RFC 5991 §3.1, §3.2 */
  #makeAddress(mapped: Endpoint): Uint8Array {
    return toBytes({
      prefix: this.#options.prefix,
      serverAddress: this.#options.serverAddress,
      flags: this.#random16() & RANDOM_FLAGS,
      mappedAddress: mapped.address,
      mappedPort: mapped.port,
    });
  }

  #isForUs(b: Uint8Array): boolean {
    if (this.#address === undefined) return false;
    return equalIpv6(b, this.#datagram.ipv6At + DESTINATION_AT, this.#address, 0);
  }

  #startPing(now: Millis): void {
    const target = this.#options.target!;
    const number = this.#done + 1;
    this.#ping = new Ping(number, this.#address!, target, this.#random16(), this.#random);
    this.#sendEcho(this.#ping, now);
  }

  #repeatPing(ping: Ping, now: Millis): void {
    // What does not answer is no longer trusted: it must be found again, by way of the server.
    this.#relay = undefined;
    if (!ping.exhausted) return this.#sendEcho(ping, now);
    if (this.#answered === 0) return this.#fail(this.#bubbled ? "relay-silent" : "no-relay");
    this.#sink.report({ kind: "lost", ping: ping.number });
    this.#endPing(ping, now);
  }

  #sendEcho(ping: Ping, now: Millis): void {
    this.#via = this.#relay === undefined ? "server" : "relay";
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const { address, port } = this.#relay ??
      { address: this.#options.serverAddress, port: TEREDO_PORT };
    const length = writeEchoRequest(this.#buffer, 0, ping.repeat(this.#sequence, now));
    this.#sink.sendDatagram(this.#buffer, 0, length, address, port, "own");
    const { number, attempts: attempt } = ping;
    this.#sink.report({ kind: "ping", ping: number, attempt, via: this.#via });
  }

  #receiveReply(from: Endpoint, rtt: Millis, now: Millis): void {
    // A trusted entry holds for one mapping (§5.2.3 case 1); another has to prove itself afresh.
    if (this.#relay !== undefined && !same(this.#relay, from)) {
      return this.#ignore(from, "not from the relay that proved to lead to the target");
    }
    this.#relay = from;
    this.#contacts.heard(from.address, from.port);
    this.#answered++;
    const ping = this.#ping!;
    const { number, attempts } = ping;
    this.#sink.report({ kind: "reply", ping: number, attempts, relay: from, rtt, via: this.#via });
    this.#endPing(ping, now);
  }

  #endPing(ping: Ping, now: Millis): void {
    this.#ping = undefined;
    this.#done++;
    if (this.#done >= this.#options.pings) return this.#finish();
    this.#nextPingAt = Math.max(now, ping.startedAt + this.#options.pingInterval);
  }

  #receiveError(b: Uint8Array): void {
    const at = this.#datagram.ipv6At;
    const type = b[at + IPV6_HEADER_LENGTH]!;
    const code = b[at + IPV6_HEADER_LENGTH + 1]!;
    const from = b.slice(at + SOURCE_AT, at + DESTINATION_AT);
    this.#sink.report({ kind: "unreachable", type, code, from });
    this.#fail("unreachable");
  }

  /** A bubble straight to the relay that asked by way of our server opens our NAT for it. §5.2.6 */
  #answerIndirect(b: Uint8Array, now: Millis): void {
    const origin = { address: this.#datagram.originAddress, port: this.#datagram.originPort };
    // The origin was written by whoever sent the bubble: it must not make us hit a private host.
    const sensible = origin.port !== 0 &&
      isGlobalUnicast(origin.address, this.#options.refuseReserved);
    const answered = sensible && this.#contacts.mayBubble(origin.address, origin.port, now);
    this.#bubbled = true;
    if (answered) this.#sendBubble(b, origin);
    this.#sink.report({ kind: "bubble", origin, answered });
  }

  /**
   * A relay that lost its memory of us asks with a bubble whose link-local source holds a token.
   *
   * Answered only where we have sent a bubble before; then what it did not understand is repeated.
   */
  #answerChallenge(b: Uint8Array, from: Endpoint, now: Millis): void {
    const known = this.#contacts.knows(from.address, from.port);
    if (!known || !isLinkLocal(b, this.#datagram.ipv6At + SOURCE_AT)) {
      return this.#ignore(from, "bubble from a stranger");
    }
    const answered = this.#contacts.mayBubble(from.address, from.port, now);
    if (answered) this.#sendBubble(b, from);
    this.#sink.report({ kind: "challenge", from, answered });
    const ping = this.#ping;
    if (answered && ping !== undefined && !ping.exhausted) this.#sendEcho(ping, now);
  }

  #sendBubble(b: Uint8Array, to: Endpoint): void {
    const source = this.#datagram.ipv6At + SOURCE_AT;
    const length = writeBubble(this.#buffer, 0, this.#address!, 0, b, source);
    this.#sink.sendDatagram(this.#buffer, 0, length, to.address, to.port, "own");
  }

  #ignore(from: Endpoint, reason: string): void {
    this.#sink.report({ kind: "ignored", from, reason });
  }

  #fail(failure: Failure): void {
    this.#sink.report({ kind: "failed", failure });
    this.#finish();
  }

  #finish(): void {
    this.#finished = true;
    this.#sink.report({ kind: "finished" });
  }

  #random16(): number {
    const bytes = new Uint8Array(2);
    this.#random(bytes);
    return readU16(bytes, 0);
  }
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
