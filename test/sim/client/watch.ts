import assert from "node:assert/strict";
import type { ClientOptions, ServerAddresses } from "#src/protocol/client/contract.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, isBubble } from "#src/protocol/wire/ipv6.ts";
import { Trailers } from "#src/protocol/wire/trailers.ts";
import {
  hasMapping,
  isTeredo,
  SERVICE_PREFIX,
  TEREDO_PORT,
} from "#src/protocol/wire/teredo_address.ts";
import { toHex } from "#test/protocol/vectors.ts";
import {
  destinationOf,
  ECHO_REPLY,
  ECHO_REQUEST,
  ICMPV6,
  keyOf,
  numberOf,
  sourceOf,
} from "../packets.ts";

/** RFC 4380 §5.2.6 */
const BUBBLE_INTERVAL = 2_000;
const BUBBLE_MAX = 4;
const BUBBLE_WINDOW = 300_000;
/** Rounds of a timer, which is never early but may be late. */
const STEP = 100;
/** What data of a forger has for a number: no client may deliver it. */
export const FORGED = 0xffffffff;
/** An echo test: 8 bytes of data. */
const TEST_LENGTH = 56;
/** T, and a step of the timer. RFC 4380 §5.2.1 */
const PATIENCE = 4_100;

interface Asked {
  readonly at: number[];
}

/** What a peer has to repeat before it is trusted elsewhere than its address says. */
interface Secrets {
  nonce: string;
  /** Data of echo tests. */
  readonly tests: Set<string>;
}

/** What must hold of all that one client sends, whatever comes to it. */
export class ClientWatch {
  readonly #servers: readonly ServerAddresses[];
  readonly #options: ClientOptions;
  /** Times of indirect bubbles that were not answered, by peer. RFC 4380 §5.2.6 */
  readonly #asked = new Map<string, Asked>();
  readonly #datagram = new TeredoDatagram();
  readonly #secrets = new Map<string, Secrets>();
  readonly #trailers = new Trailers();
  /** What it sent while it looked at one datagram: how many to each end, and to each IPv4 address. */
  #answers: Map<string, number> | undefined;
  readonly #addresses = new Map<number, number>();
  /** The end that it came from, if nobody passed it on. */
  #cameFrom = "";
  #isProof = false;
  #solicitedAt: number | undefined;

  constructor(
    { servers }: { readonly servers: readonly ServerAddresses[] },
    options: ClientOptions,
  ) {
    this.#servers = servers;
    this.#options = options;
  }

  /** A datagram comes; it ends with {@link end}. */
  begin(b: Uint8Array, address: number, port: number): void {
    this.#answers = new Map();
    this.#addresses.clear();
    this.#isProof = false;
    const d = this.#datagram;
    if (d.parse(b, 0, b.length) !== Drop.None) return;
    // What a server passes on is answered by way of it, with a nonce of ours.
    if (d.originAt < 0) this.#cameFrom = `${formatIpv4(address)}:${port}`;
    const source = sourceOf(b, d.ipv6At);
    this.#isProof = this.#proves(b, d, source, address, port);
    if (!this.#isServer(address, port)) this.#asked.delete(keyOf(source));
  }

  /** Whether it shows that its source is at the mapping it came from. */
  #proves(
    b: Uint8Array,
    d: TeredoDatagram,
    source: Uint8Array,
    address: number,
    port: number,
  ): boolean {
    const secrets = this.#secrets.get(keyOf(source));
    if (isTeredo(source, 0, SERVICE_PREFIX)) {
      // On the link it has told so before: what a client does then, discovery's own tests say.
      if (hasMapping(source, 0, address, port) || this.#options.localDiscovery) return true;
      const trailers = this.#trailers;
      const isRead = trailers.parse(b, d.trailersAt, d.end) === Drop.None && trailers.nonceAt >= 0;
      return isRead && secrets?.nonce === toHex(b, trailers.nonceAt, 4);
    }
    const isReply = b[d.ipv6At + 6] === ICMPV6 && b[d.ipv6At + 40] === ECHO_REPLY;
    return isReply && secrets?.tests.has(toHex(b, d.ipv6At + 48, 8)) === true;
  }

  #secretsOf(peer: Uint8Array): Secrets {
    const key = keyOf(peer);
    const secrets = this.#secrets.get(key) ?? { nonce: "", tests: new Set<string>() };
    this.#secrets.set(key, secrets);
    return secrets;
  }

  /**
   * To no end more than one bubble went, from each of its ports, for one datagram that came, to no IPv4
   * address more than two, its mapping's and its random port's, and to no more than six: a peer's, its
   * server's and four alternate ones. Nobody is trusted for one that proves nothing.
   *
   * @param trusted how many more peers are trusted than before
   */
  end(trusted: number): void {
    assert.ok(trusted <= 0 || this.#isProof, "somebody is trusted without proof");
    for (const [to, count] of this.#answers!) {
      assert.ok(count <= 1, `${count} bubbles went from ${to} for one datagram`);
    }
    for (const [address, count] of this.#addresses) {
      assert.ok(count <= 2, `${count} bubbles to ${formatIpv4(address)} for one datagram`);
    }
    assert.ok(this.#addresses.size <= 6, "one datagram made too many hosts be sent to");
    this.#answers = undefined;
    this.#cameFrom = "";
  }

  /** Entries made room for others: what they had been sent is not known any more. */
  evicted(): void {
    this.#asked.clear();
  }

  sent(b: Uint8Array, from: number, address: number, port: number, now: number): void {
    const d = this.#datagram;
    assert.equal(d.parse(b, 0, b.length), Drop.None, "a client sent what is no Teredo datagram");
    const { ipv6At } = d;
    if (b[ipv6At + 6] === ICMPV6 && b[ipv6At + 40] === 133) return this.#solicited(now);
    if (b[ipv6At + 6] === ICMPV6 && b[ipv6At + 40] === ECHO_REQUEST && b.length === TEST_LENGTH) {
      this.#secretsOf(destinationOf(b, ipv6At)).tests.add(toHex(b, ipv6At + 48, 8));
    }
    if (!isBubble(b, ipv6At)) return;
    if (address === DISCOVERY_GROUP) return;
    const end = `${from} to ${formatIpv4(address)}:${port}`;
    this.#answers?.set(end, (this.#answers.get(end) ?? 0) + 1);
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
    const to = destinationOf(b, ipv6At);
    if (!isTeredo(to, 0, SERVICE_PREFIX) || !this.#isServer(address, port)) return;
    // Whoever sends from a server's port and knows the nonce is a peer there, and answered as one.
    if (this.#cameFrom === `${formatIpv4(address)}:${port}`) return;
    assert.equal(this.#trailers.parse(b, d.trailersAt, d.end), Drop.None);
    const { nonceAt } = this.#trailers;
    if (nonceAt >= 0) this.#secretsOf(to).nonce = toHex(b, nonceAt, 4);
    this.#checkIndirect(to, now);
  }

  #checkIndirect(to: Uint8Array, now: number): void {
    const key = keyOf(to);
    const asked = this.#asked.get(key) ?? { at: [] };
    this.#asked.set(key, asked);
    while (asked.at.length > 0 && now - asked.at[0]! >= BUBBLE_WINDOW) asked.at.shift();
    const last = asked.at.at(-1) ?? -Infinity;
    const name = formatIpv6(to);
    assert.ok(now - last >= BUBBLE_INTERVAL, `bubbles to ${name} ${now - last} ms apart`);
    assert.ok(asked.at.length < BUBBLE_MAX, `more than 4 bubbles to ${name} in 300 s`);
    asked.at.push(now);
  }

  #isServer(address: number, port: number): boolean {
    return port === TEREDO_PORT &&
      this.#servers.some((it) => it.primary === address || it.secondary === address);
  }

  #solicited(now: number): void {
    this.#solicitedAt = now;
  }

  /** In each refresh interval a server was asked. RFC 4380 §5.2.5 */
  checkMaintenance(now: number): void {
    const most = this.#options.refresh + PATIENCE + STEP;
    const idle = now - (this.#solicitedAt ?? -Infinity);
    assert.ok(idle <= most, `no solicitation for ${idle} ms`);
  }

  /** A packet passed to the host. */
  delivered(packet: Uint8Array): void {
    assert.notEqual(numberOf(packet), FORGED, "a forged packet was delivered");
  }
}
