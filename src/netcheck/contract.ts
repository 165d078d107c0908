import type { AddressRules, Endpoint, Failure, Guise } from "#src/probe/contract.ts";
import type { ServerAddresses } from "#src/protocol/client/contract.ts";
import type { Millis } from "#src/protocol/time.ts";

/** How an address of a server, or of a STUN server, sees the socket that asked. */
export interface View {
  readonly mapped: Endpoint;
  readonly rtt: Millis;
}

/** A server, and as whom it is asked. */
export interface AskedServer extends ServerAddresses, Guise {}

/** Why nothing can come back, as ICMP (RFC 1122 §3.2.2.1) or this host's kernel says. */
export type Refusal =
  | "filtered_here" // this host's own packet filter lets nothing out to there
  | "refused" // the host is there, and nobody listens
  | "unreachable"; // a router on the way, or this host, knows no way

/** A native IPv6 host that was pinged through a server. */
export interface NativeSeen {
  /** 16 bytes. */
  readonly target: Uint8Array;
  /** Undefined: it did not answer. */
  readonly answer: { readonly relay: Endpoint; readonly rtt: Millis } | undefined;
}

/** One server, asked by the socket that all servers are asked by. */
export interface ServerSeen {
  /** As it was given: an address or a name. */
  readonly name: string;
  readonly primary: number;
  readonly secondary: number;
  /** What its two addresses answered; undefined: nothing. */
  readonly primaryView: View | undefined;
  readonly secondaryView: View | undefined;
  /** Whether its secondary address got in unasked, to a socket that had sent to the primary alone. */
  readonly strangerCameIn: boolean;
  /** Our address by this server, 16 bytes, and the MTU it told; undefined: it qualified nobody. */
  readonly home: { readonly address: Uint8Array; readonly mtu: number } | undefined;
  readonly failure: Failure | undefined;
  /** Of a server that was silent. */
  readonly refusal: Refusal | undefined;
  /** Undefined: nobody was pinged. */
  readonly native: NativeSeen | undefined;
}

/** A socket of its own that asked a server's two addresses, one after the other. */
export interface FreshSeen {
  readonly localPort: number;
  /** In the order in which they were asked for. */
  readonly mapped: readonly Endpoint[];
}

/** RFC 5780 §4.3 and §4.4, and RFC 3489 §10.1 with servers that are older. */
export interface StunSeen {
  readonly name: string;
  /** Undefined: it did not answer. */
  readonly address: number | undefined;
  /** Seen by its address and port; by its other address; by that and its other port. */
  readonly first: View | undefined;
  readonly otherAddress: View | undefined;
  readonly otherBoth: View | undefined;
  /** Whether it sends from another address or port when asked to: it told where from. */
  readonly canChange: boolean;
  /**
   * Whether what it sent from another address and port, or another port alone, came in. Undefined: nothing
   * came, and nobody answers there either when asked: there was nothing to keep out.
   */
  readonly changedBothCameIn: boolean | undefined;
  readonly changedPortCameIn: boolean | undefined;
}

/** A datagram to our own mapped address. RFC 4787 §6 */
export interface HairpinSeen {
  readonly cameBack: boolean;
  /** Whom it seemed to come from; undefined: it did not come. */
  readonly from: Endpoint | undefined;
  /** How a server sees the socket that sent it. */
  readonly sender: Endpoint;
}

/** Mappings that were left alone, each for its time, until the server sent something. RFC 4787 §4.3 */
export interface LifetimeSeen {
  /** Whether a packet that the server sent at once came in: without it the rest says nothing. */
  readonly controlled: boolean;
  readonly tries: readonly { readonly idle: Millis; readonly alive: boolean }[];
}

/** A datagram that was taken for none of ours. */
export interface Stray {
  readonly from: Endpoint;
  readonly reason: string;
  readonly times: number;
}

/** All that was seen of a network. */
export interface Observations {
  /** By which the servers were asked. */
  readonly rules: AddressRules;
  /** Where the socket that asks the servers is bound; undefined: there is no way to the servers. */
  readonly local: Endpoint | undefined;
  /** This host's IPv4 addresses. */
  readonly ownAddresses: readonly number[];
  readonly servers: readonly ServerSeen[];
  readonly fresh: readonly FreshSeen[];
  /** The rest undefined: not looked for, or there was no way to. */
  readonly stun: StunSeen | undefined;
  readonly hairpin: HairpinSeen | undefined;
  readonly lifetime: LifetimeSeen | undefined;
  /** Routers on the way, nearest first; undefined within: one that does not say who it is. */
  readonly hops: readonly (number | undefined)[] | undefined;
  readonly strays: readonly Stray[];
}
