import { PEER_NATS, type PeerNat, type Reach } from "./figure.ts";
import type {
  AssignmentWord,
  FilteringWord,
  HairpinWord,
  MappingWord,
  NatWord,
  NestedWord,
  PoolingWord,
  PreservationWord,
  UdpWord,
} from "./verdict.ts";

/** What each word of a verdict says to people. */
export const UDP: Readonly<Record<UdpWord, string>> = {
  passes: "passes",
  not_to_3544: "passes, but no server answers: UDP to port 3544 may be blocked",
  refused: "reaches hosts, none of which runs a Teredo server",
  filtered_here:
    "does not leave this host: its own packet filter drops what is for port 3544; as root " +
    "`teredo check client` names the rule, unless it is a service's (IPAddressDeny=) or connection tracking " +
    "is full",
  blocked: "nothing came back: UDP, or UDP to port 3544, is blocked, or every server is down",
  no_route: "no way there: this host has no IPv4 route to the servers",
  unknown: "not known: no server was asked",
};

export const MAPPING: Readonly<Record<MappingWord, string>> = {
  none: "no NAT: servers see this host's own address and port",
  endpoint_independent: "endpoint-independent: every server sees the same",
  address_dependent: "address-dependent: each address sees another mapping",
  address_and_port_dependent: "address- and port-dependent: each destination sees another mapping",
  dependent: "address-dependent, or address- and port-dependent: servers see different mappings",
  unknown: "not known: fewer than two addresses of servers answered",
};

export const POOLING: Readonly<Record<PoolingWord, string>> = {
  paired: "paired: one external address",
  arbitrary: "arbitrary: several external addresses",
  unknown: "not known",
};

export const FILTERING: Readonly<Record<FilteringWord, string>> = {
  endpoint_independent: "endpoint-independent: anyone's packets come in",
  address_dependent: "address-dependent: from addresses that were sent to",
  address_and_port_dependent:
    "address- and port-dependent: from where was sent to, and nowhere else",
  dependent: "address-dependent, or address- and port-dependent: strangers' packets are kept out",
  unknown: "not known: no server's secondary address answered",
};

export const PRESERVATION: Readonly<Record<PreservationWord, string>> = {
  yes: "yes: mapped ports are the local ones",
  some: "of some sockets only",
  no: "no",
  unknown: "not known",
};

export const ASSIGNMENT: Readonly<Record<AssignmentWord, string>> = {
  preserved: "",
  sequential: "; ports are given out one after the other",
  random: "; ports are given out at random",
  unknown: "",
};

export const HAIRPIN: Readonly<Record<HairpinWord, string>> = {
  external: "yes, from the external address",
  internal: "yes, but from the internal address",
  no: "no: peers behind the same NAT do not reach each other by their mapped addresses",
  not_needed: "not needed",
  unknown: "not known",
};

export const NESTED: Readonly<Record<NestedWord, string>> = {
  no: "none seen",
  carrier: "yes: a carrier's NAT, by an address of 100.64.0.0/10 (RFC 6598)",
  nested: "likely: a private network lies behind the first router",
  unknown: "not known: routers on the way do not say who they are",
};

export const NAT: Readonly<Record<NatWord, string>> = {
  none: "none",
  firewall: "none, but a firewall keeps strangers' packets out",
  none_or_firewall: "none; whether a firewall keeps strangers' packets out is not known",
  cone: "cone NAT",
  address_restricted: "address-restricted NAT",
  port_restricted: "port-restricted NAT",
  restricted: "restricted NAT; whether by address or by port as well, `--stun HOST` tells",
  cone_or_restricted: "cone or restricted NAT",
  port_preserving_symmetric: "port-preserving port-symmetric NAT",
  sequential_symmetric: "sequential port-symmetric NAT",
  port_symmetric: "port-symmetric NAT",
  address_symmetric: "address-symmetric NAT",
  unknown: "not known",
};

const PEER: Readonly<Record<PeerNat, string>> = {
  cone: "none or cone",
  address_restricted: "address-restricted",
  port_restricted: "port-restricted",
  upnp_port_restricted: "UPnP port-restricted",
  upnp_port_symmetric: "UPnP port-symmetric",
  port_preserving_symmetric: "port-preserving symmetric",
  sequential_symmetric: "sequential symmetric",
  port_symmetric: "port-symmetric",
  address_symmetric: "address-symmetric",
};

const REACH: readonly (readonly [Reach, string])[] = [
  ["yes", "reached"],
  ["sns", "reached, by symmetric NAT support (RFC 6081 3.1)"],
  ["sns_pp", "reached, by port-preserving symmetric NAT support (RFC 6081 3.3)"],
  ["sns_ss", "reached, by sequential symmetric NAT support (RFC 6081 3.4)"],
  ["sns_upnp", "reached, by UPnP symmetric NAT support (RFC 6081 3.2)"],
  ["depends", "may be reached"],
  ["no", "not reached"],
];

/** One line for each way in which peers are reached, with the NATs that they stand behind. */
export function reachLines(reaches: Readonly<Record<PeerNat, Reach>>): string[] {
  return REACH.flatMap(([reach, words]) => {
    const peers = PEER_NATS.filter((peer) => reaches[peer] === reach).map((peer) => PEER[peer]);
    return peers.length === 0 ? [] : [`${words}: ${peers.join(", ")}`];
  });
}
