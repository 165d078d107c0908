import type { Ipv6Prefix } from "../wire/ipv6.ts";
import type { Millis } from "../time.ts";

/** What an operator can set; see the configuration reference for units and defaults. */
export interface RelayOptions {
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** `RelayType restricted`: a direct bubble goes out beside each indirect one. RFC 4380 §5.4.1 */
  readonly restricted: boolean;
  readonly refuseReserved: boolean;
  /** Our own IPv4 addresses and service port, to refuse datagrams to ourselves. */
  readonly ownAddresses: readonly number[];
  readonly servicePort: number;
  /** Destinations that clients may reach, and sources that may reach them; undefined: any. */
  readonly served: readonly Ipv6Prefix[] | undefined;
  readonly maxPeers: number;
  /** Per peer. */
  readonly holdPackets: number;
  /** Per peer. */
  readonly holdBytes: number;
  readonly holdAge: Millis;
  /** Bytes held for all peers together. */
  readonly holdMemory: number;
  /** The longest packet that may be held: the tunnel's MTU. */
  readonly mtu: number;
  /** ICMPv6 errors a second, and at once. RFC 4443 §2.4 (f) */
  readonly icmpRate: number;
  readonly icmpBurst: number;
  /** Stateless bubbles to unknown peers a second, over all of them. */
  readonly challengeRate: number;
  /** Peers a second, and at once, that packets from one IPv6 /64 may bring into the table; 0: any. */
  readonly newPeerRate: number;
  /** Bubbles to peers in the table in any one second, over all of them; 0: any. */
  readonly bubbleRate: number;
  /** The same, of those that go to one IPv4 address, a server's or a mapped one; 0: any. */
  readonly addressBubbleRate: number;
}
