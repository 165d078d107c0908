import { copyBytes, readU16, writeU32 } from "../../wire/bytes.ts";
import { ICMPV6_ECHO_REPLY, ICMPV6_FIRST_INFORMATIONAL } from "../../wire/build.ts";
import { Counter, type Counters } from "../../counters.ts";
import {
  ECHO_DATA_LENGTH,
  ECHO_LENGTH,
  isEchoReply,
  isErrorAbout,
  writeEchoRequest,
} from "../messages/echo.ts";
import { DESTINATION_AT, IPV6_HEADER_LENGTH, IPV6_LENGTH, SOURCE_AT } from "../../wire/ipv6.ts";
import type { KeyedHash, Millis } from "../../time.ts";
import { TEREDO_PORT } from "../../wire/teredo_address.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/** RFC 4380 §5.2.4 case 2 */
export const ECHO_TIMEOUT: Millis = 2_000;
export const ECHO_MAX = 4;
/** An answer counts in the window its request was made in and in the next: for 30 s at least. */
const WINDOW: Millis = 30_000;

/**
 * The direct IPv6 connectivity test (RFC 4380 §5.2.9): a ping by way of our server, whose answer comes
 * through the relay that is near the host.
 *
 * Its data, 8 bytes of a keyed hash over both addresses and the time, stands for the stored nonce:
 * who repeats them has seen the request.
 */
export class EchoTests {
  readonly #hash: KeyedHash;
  readonly #counters: Counters;
  readonly #message = new Uint8Array(2 * IPV6_LENGTH + 4);
  readonly #buffer = new Uint8Array(ECHO_LENGTH);
  readonly #out = new UdpDatagram();
  readonly #echo = {
    source: new Uint8Array(IPV6_LENGTH),
    target: new Uint8Array(IPV6_LENGTH),
    identifier: 0,
    sequence: 0,
    data: new Uint8Array(ECHO_DATA_LENGTH),
  };

  /** @param identifier random, 16 bits: another client on this host has another */
  constructor(hash: KeyedHash, identifier: number, counters: Counters) {
    this.#hash = hash;
    this.#counters = counters;
    this.#echo.identifier = identifier;
    this.#out.setPayload(this.#buffer, 0, ECHO_LENGTH);
  }

  /**
   * @param source our address, 16 bytes
   * @param target the host's 16 bytes at `at`
   * @param server its primary address
   */
  send(
    source: Uint8Array,
    target: Uint8Array,
    at: number,
    server: number,
    now: Millis,
    sink: TunnelSink,
  ): void {
    this.#make(source, 0, target, at, windowAt(now));
    writeEchoRequest(this.#buffer, 0, this.#echo);
    this.#out.setEnds(server, TEREDO_PORT, 0);
    sink.sendDatagram(this.#out);
    this.#counters[Counter.client_echo_tests]!++;
  }

  /** Whether the IPv6 packet at `at` is the answer to a test of ours. RFC 4380 §5.2.3 case 2 */
  isAnswer(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    if (length !== ECHO_LENGTH || b[at + IPV6_HEADER_LENGTH] !== ICMPV6_ECHO_REPLY) return false;
    const window = this.#windowOf(b, at + IPV6_HEADER_LENGTH, now);
    this.#make(b, at + DESTINATION_AT, b, at + SOURCE_AT, window);
    return isEchoReply(b, at, length, this.#echo);
  }

  /** Whether it says that a test of ours did not reach the host at {@link target}. */
  isRefusal(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    const quoted = at + IPV6_HEADER_LENGTH + 8;
    if (length < quoted - at + ECHO_LENGTH) return false;
    if (b[at + IPV6_HEADER_LENGTH]! >= ICMPV6_FIRST_INFORMATIONAL) return false;
    const window = this.#windowOf(b, quoted + IPV6_HEADER_LENGTH, now);
    this.#make(b, quoted + SOURCE_AT, b, quoted + DESTINATION_AT, window);
    return isErrorAbout(b, at, length, this.#echo);
  }

  /** The host of the last test looked at, 16 bytes. */
  get target(): Uint8Array {
    return this.#echo.target;
  }

  /** The window that the ICMPv6 message at `icmp` names, if it is this one or the last. */
  #windowOf(b: Uint8Array, icmp: number, now: Millis): number {
    const window = windowAt(now);
    return (window & 0xffff) === readU16(b, icmp + 6) ? window : window - 1;
  }

  #make(source: Uint8Array, sourceAt: number, target: Uint8Array, at: number, window: number) {
    const echo = this.#echo;
    const message = this.#message;
    copyBytes(echo.source, 0, source, sourceAt, IPV6_LENGTH);
    copyBytes(echo.target, 0, target, at, IPV6_LENGTH);
    echo.sequence = window & 0xffff;
    copyBytes(message, 0, echo.source, 0, IPV6_LENGTH);
    copyBytes(message, IPV6_LENGTH, echo.target, 0, IPV6_LENGTH);
    writeU32(message, 2 * IPV6_LENGTH, window);
    copyBytes(echo.data, 0, this.#hash(message), 0, ECHO_DATA_LENGTH);
  }
}

function windowAt(now: Millis): number {
  return Math.floor(now / WINDOW);
}
