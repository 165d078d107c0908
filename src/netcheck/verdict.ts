import type { Endpoint } from "#src/probe/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { PeerNat, Reach } from "./figure.ts";

/** Whether UDP comes back at all. */
export type UdpWord =
  | "passes"
  | "not_to_3544" // a STUN server answered, and no Teredo server did
  | "refused" // hosts are reached, and none of them runs a server
  | "filtered_here" // this host's own packet filter lets nothing out to any server
  | "blocked" // nothing came back
  | "no_route"
  | "unknown"; // there was nobody to ask

/** RFC 4787 §4.1, RFC 5780 §4.3 */
export type MappingWord =
  | "none" // no NAT
  | "endpoint_independent"
  | "address_dependent"
  | "address_and_port_dependent"
  | "dependent" // one of the two before
  | "unknown";

/** RFC 4787 §5, RFC 5780 §4.4 */
export type FilteringWord =
  | "endpoint_independent"
  | "address_dependent"
  | "address_and_port_dependent"
  | "dependent"
  | "unknown";

/** "IP address pooling", RFC 4787 §4.1. */
export type PoolingWord = "paired" | "arbitrary" | "unknown";

/** RFC 4787 §4.2.1; `some`: of several sockets some kept their port. */
export type PreservationWord = "yes" | "some" | "no" | "unknown";

/** How ports are given out where they are not preserved. RFC 6081 §2 */
export type AssignmentWord = "preserved" | "sequential" | "random" | "unknown";

/** RFC 4787 §6; internal: what comes back seems to come from the inside. */
export type HairpinWord = "external" | "internal" | "no" | "not_needed" | "unknown";

export type NestedWord =
  | "no" // as far as the way shows
  | "carrier" // an address of 100.64.0.0/10, RFC 6598
  | "nested" // a private network behind the first router
  | "unknown";

/** The NAT in the words of RFC 6081 §2, as far as it is known. */
export type NatWord =
  | Exclude<PeerNat, "upnp_port_restricted" | "upnp_port_symmetric">
  | "none"
  | "firewall" // no NAT, and strangers' packets are kept out
  | "none_or_firewall"
  | "restricted" // by address, or by address and port
  | "cone_or_restricted"
  | "unknown";

export interface LifetimeVerdict {
  readonly atLeast: Millis;
  /** When it was gone; undefined: it never was. */
  readonly below: Millis | undefined;
}

export interface Verdict {
  /** Whether a client would have IPv6 here: a server qualifies it, and whoever was pinged answers. */
  readonly reachable: boolean;
  readonly udp: UdpWord;
  readonly mapped: Endpoint | undefined;
  readonly mapping: MappingWord;
  /** How many addresses of servers the mapping was compared between. */
  readonly compared: number;
  readonly pooling: PoolingWord;
  readonly filtering: FilteringWord;
  readonly preservation: PreservationWord;
  readonly assignment: AssignmentWord;
  readonly hairpin: HairpinWord;
  readonly lifetime: LifetimeVerdict | undefined;
  readonly nested: NestedWord;
  readonly nat: NatWord;
  /** Undefined: too little is known of the NAT. */
  readonly reaches: Readonly<Record<PeerNat, Reach>> | undefined;
}
