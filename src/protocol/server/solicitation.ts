import {
  type Authenticate,
  signAuthentication,
  verifyAuthentication,
} from "../wire/authentication.ts";
import { ClientSecrets } from "./secrets.ts";
import { readU16 } from "../wire/bytes.ts";
import {
  type Advertisement,
  ICMPV6_ROUTER_SOLICITATION,
  ND_HOP_LIMIT,
  writeAuthentication,
  writeOrigin,
  writeRouterAdvertisement,
} from "../wire/build.ts";
import { payloadChecksum } from "../wire/checksum.ts";
import { Counter, type Counters } from "../counters.ts";
import type { TeredoDatagram } from "../wire/datagram.ts";
import { Drop } from "../drops.ts";
import {
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import type { Limiter } from "../guard/limiter.ts";
import {
  type ClientSecret,
  PRIMARY,
  SECONDARY,
  type ServerOptions,
  type ServerSink,
  type ServerSocket,
} from "./contract.ts";
import { hasConeFlag } from "../wire/teredo_address.ts";
import type { Millis } from "../time.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

const FIXED_LENGTH = 8;
/** Nothing longer can come through a tunnel with the MTU of RFC 4380 §5.1.2. */
const MAX_LENGTH = 1280 - IPV6_HEADER_LENGTH;
/** Authentication with two fields of 255 bytes, origin indication, router advertisement. */
const ANSWER_MAX_LENGTH = 13 + 255 + 255 + 8 + 96;

const NOTHING = new Uint8Array(0);

/** How a server answers router solicitations. RFC 4380 §5.3.2 */
export class Solicitations {
  readonly #counters: Counters;
  readonly #authenticate: Authenticate;
  readonly #required: boolean;
  readonly #secrets: ClientSecrets;
  /** Keeps the place of an authentication value until it can be computed. */
  readonly #blankValue: Uint8Array;
  readonly #limiter: Limiter;
  readonly #advertisement: Advertisement;
  readonly #answer = new Uint8Array(ANSWER_MAX_LENGTH);
  readonly #out = new UdpDatagram();

  /** @param limiter how many are answered for one IPv4 address */
  constructor(
    options: ServerOptions,
    counters: Counters,
    authenticate: Authenticate,
    limiter: Limiter,
  ) {
    this.#counters = counters;
    this.#authenticate = authenticate;
    this.#required = options.requireAuthentication;
    this.#secrets = new ClientSecrets(options.secrets);
    const anyKey = options.secrets[0]?.key;
    this.#blankValue = anyKey === undefined ? NOTHING : authenticate(anyKey, NOTHING).slice();
    this.#limiter = limiter;
    this.#advertisement = options;
  }

  /**
   * Answers the solicitation that `d` found in `arrival`.
   *
   * The address it came from is the mapped address of the client; it has been found global (the
   * MUST before sending, RFC 4380 §5.3.2).
   */
  receive(
    socket: ServerSocket,
    arrival: UdpDatagram,
    d: TeredoDatagram,
    now: Millis,
    sink: ServerSink,
  ): Drop {
    const { bytes: b, address, port } = arrival;
    const cone = hasConeFlag(b, d.ipv6At + SOURCE_AT);
    this.#counters[Counter.solicitations_received]!++;
    if (cone) this.#counters[Counter.solicitations_cone]!++;
    else if (socket === SECONDARY) this.#counters[Counter.solicitations_secondary]!++;
    const invalid = checkSolicitation(b, d.ipv6At);
    if (invalid !== Drop.None) return invalid;

    const secret = this.#secrets.find(b, d);
    const refused = this.#checkAuthentication(b, d, secret);
    if (refused !== Drop.None) return refused;

    // Last, so that only what would be answered costs its sender a token.
    if (!this.#limiter.take(address, 0, now)) return Drop.RateLimited;
    const length = this.#writeAnswer(arrival, d, secret);
    const from = answersFrom(socket, cone);
    this.#out.setPayload(this.#answer, 0, length);
    this.#out.setEnds(address, port, 0);
    sink.sendDatagram(from, this.#out);
    this.#counters[Counter.advertisements_sent]!++;
    return Drop.None;
  }

  /** RFC 4380 §5.3.1 (4), §5.2.2. A client that is known is held to its secret in any case. */
  #checkAuthentication(
    b: Uint8Array,
    d: TeredoDatagram,
    secret: ClientSecret | undefined,
  ): Drop {
    if (secret !== undefined) {
      return verifyAuthentication(b, d, secret.key, this.#authenticate)
        ? Drop.None
        : Drop.AuthenticationFailed;
    }
    if (!this.#required) return Drop.None;
    const absent = d.authenticationAt < 0 || d.clientIdLength === 0;
    return absent ? Drop.AuthenticationMissing : Drop.AuthenticationFailed;
  }

  /**
   * [authentication] origin indication, router advertisement: 104..627 bytes.
   *
   * A nonce is returned only to who sent one. Without a secret for the client, identifier and value
   * stay empty: RFC 4380 §5.2.2, first level of protection.
   */
  #writeAnswer(
    { bytes: b, address, port }: UdpDatagram,
    d: TeredoDatagram,
    secret: ClientSecret | undefined,
  ): number {
    const out = this.#answer;
    let end = 0;
    if (secret !== undefined) {
      const confirmation = secret.valid ? 0 : 1;
      const { clientId } = secret;
      end = writeAuthentication(out, 0, clientId, this.#blankValue, b, d.nonceAt, confirmation);
    } else if (d.authenticationAt >= 0) {
      end = writeAuthentication(out, 0, NOTHING, NOTHING, b, d.nonceAt, 0);
    }
    end = writeOrigin(out, end, address, port);
    end = writeRouterAdvertisement(out, end, this.#advertisement, b, d.ipv6At + SOURCE_AT);
    if (secret !== undefined) signAuthentication(out, 0, end, secret.key, this.#authenticate);
    return end;
  }
}

/**
 * A client that believes it sits behind a cone NAT is answered from the other address, which only
 * a cone NAT lets in. RFC 4380 §5.3.2; the one place where RFC 5991 §3.2 keeps the cone bit.
 */
function answersFrom(arrivedOn: ServerSocket, cone: boolean): ServerSocket {
  if (!cone) return arrivedOn;
  return arrivedOn === PRIMARY ? SECONDARY : PRIMARY;
}

/** Whether the packet at `at` is an ICMPv6 message of type 133, right or wrong in the rest. */
export function isRouterSolicitation(b: Uint8Array, at: number): boolean {
  return b[at + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6 &&
    readU16(b, at + PAYLOAD_LENGTH_AT) > 0 &&
    b[at + IPV6_HEADER_LENGTH] === ICMPV6_ROUTER_SOLICITATION;
}

/** RFC 4861 §6.1.1: what makes a solicitation valid. */
function checkSolicitation(b: Uint8Array, at: number): Drop {
  const length = readU16(b, at + PAYLOAD_LENGTH_AT);
  const icmp = at + IPV6_HEADER_LENGTH;
  if (b[at + HOP_LIMIT_AT] !== ND_HOP_LIMIT) return Drop.BadHopLimit;
  if (length < FIXED_LENGTH || length > MAX_LENGTH) return Drop.BadSolicitation;
  if (payloadChecksum(b, at) !== 0) return Drop.BadChecksum;
  if (b[icmp + 1] !== 0) return Drop.BadSolicitation;
  return hasGoodOptions(b, icmp + FIXED_LENGTH, icmp + length) ? Drop.None : Drop.BadSolicitation;
}

/** Each option says its length in units of 8 bytes; what they mean does not matter to a server. */
function hasGoodOptions(b: Uint8Array, at: number, end: number): boolean {
  while (at < end) {
    if (end - at < 8) return false;
    const length = 8 * b[at + 1]!;
    if (length === 0) return false;
    at += length;
  }
  return at === end;
}
