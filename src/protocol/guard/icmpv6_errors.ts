import type { TunnelSink } from "../tunnel.ts";
import {
  ICMPV6_ERROR_MAX_LENGTH,
  ICMPV6_FIRST_INFORMATIONAL,
  ICMPV6_UNREACHABLE,
  UNREACHABLE_ADDRESS,
  writeIcmpv6Error,
} from "../wire/build.ts";
import { readU32 } from "../wire/bytes.ts";
import { Counter, type Counters } from "../counters.ts";
import {
  DESTINATION_AT,
  IPV6_LENGTH,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  NEXT_HEADER_AT,
  NEXT_HEADER_NONE,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import { icmpv6TypeOf } from "../wire/extension_headers.ts";
import { Limiter, TokenBucket } from "./limiter.ts";
import type { RelayOptions } from "../relay/contract.ts";
import type { Millis } from "../time.ts";
import type { UdpDatagram } from "../wire/udp_datagram.ts";

const ICMPV6_REDIRECT = 137;
const UNSPECIFIED = new Uint8Array(IPV6_LENGTH);

/** One destination's share of the rate and of the burst, at least one error. */
const RATE_SHARE = 1 / 4;
const BURST_SHARE = 1 / 2;
const DESTINATIONS = 4_096;

export type Icmpv6Limits = Pick<RelayOptions, "icmpRate" | "icmpBurst">;

/** Rate and burst of one destination. */
function ofDestination({ icmpRate, icmpBurst }: Icmpv6Limits): [rate: number, burst: number] {
  return [Math.max(1, icmpRate * RATE_SHARE), Math.max(1, icmpBurst * BURST_SHARE)];
}

/**
 * ICMPv6 errors to the IPv6 side: about which packets, and how many. RFC 4443 §2.4 (e), (f)
 *
 * Besides the bucket for all of them each destination network (/64) has a share, so that one host
 * that scans the prefix does not silence the errors of the others.
 */
export class Icmpv6Errors {
  readonly #counters: Counters;
  readonly #all: TokenBucket;
  readonly #byDestination: Limiter;
  readonly #error = new Uint8Array(ICMPV6_ERROR_MAX_LENGTH);

  /** @param key0 with `key1`, random bits: which destinations share a bucket is not guessable */
  constructor(
    options: Icmpv6Limits,
    counters: Counters,
    key0: number,
    key1: number,
  ) {
    this.#counters = counters;
    this.#all = new TokenBucket(options.icmpRate, options.icmpBurst);
    this.#byDestination = new Limiter(...ofDestination(options), key0, key1, DESTINATIONS);
  }

  /** Other rates; what has been taken stays taken. */
  set(options: Icmpv6Limits, now: Millis): void {
    this.#all.set(options.icmpRate, options.icmpBurst, now);
    this.#byDestination.set(...ofDestination(options), now);
  }

  /**
   * Unreachable about the IPv6 packet in `packet`, where one is allowed. RFC 4443 §3.1
   *
   * @param code why
   */
  unreachable(
    packet: UdpDatagram,
    now: Millis,
    sink: TunnelSink,
    code = UNREACHABLE_ADDRESS,
  ): void {
    const { bytes: b, at, length } = packet;
    if (!mayCauseError(b, at, length)) return;
    const source = at + SOURCE_AT;
    const allowed = this.#byDestination.take(readU32(b, source), readU32(b, source + 4), now);
    if (!allowed || !this.#all.take(now)) {
      this.#counters[Counter.icmpv6_errors_suppressed]!++;
      return;
    }
    const error = this.#error;
    const type = ICMPV6_UNREACHABLE;
    const end = writeIcmpv6Error(error, 0, type, code, 0, UNSPECIFIED, b, at, length);
    sink.sendIcmpv6Error(error, 0, end);
    this.#counters[Counter.icmpv6_errors_sent]!++;
  }
}

/**
 * Whether an ICMPv6 error may be sent about the packet at `at`. RFC 4443 §2.4 (e)
 *
 * In doubt it may not: an ICMPv6 message whose type is not in this packet could be an error.
 */
export function mayCauseError(b: Uint8Array, at: number, length: number): boolean {
  const source = at + SOURCE_AT;
  if (isMulticast(b, source) || isUnspecified(b, source)) return false;
  if (isLinkLocal(b, source) || isLoopback(b, source)) return false;
  if (isMulticast(b, at + DESTINATION_AT)) return false;
  if (b[at + NEXT_HEADER_AT] === NEXT_HEADER_NONE) return false; // bubbles
  const type = icmpv6TypeOf(b, at, length);
  if (type === undefined) return true;
  return type >= ICMPV6_FIRST_INFORMATIONAL && type !== ICMPV6_REDIRECT;
}
