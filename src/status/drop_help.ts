import type { DropReason } from "./snapshot.ts";

export interface DropHelp {
  /** Completes "the packet was discarded because". */
  readonly because: string;
  /** Where such packets come from. */
  readonly cause: string;
  /** What an operator does about it; undefined: nothing here can or should. */
  readonly mend: string | undefined;
  /** Packets that should have been carried: it points at this machine or its configuration. */
  readonly isOurs: boolean;
}

/** Of what others send: nobody here has done anything wrong. */
const theirs = (because: string, cause: string, mend?: string): DropHelp => ({
  because,
  cause,
  mend,
  isOurs: false,
});

const ours = (because: string, cause: string, mend: string): DropHelp => ({
  because,
  cause,
  mend,
  isOurs: true,
});

const NOISE = "scans, forged packets and broken clients";
const FILTERED = "with many of one client, look at what it sends: `teredo log debug --peer`";
const KERNEL_SAYS = "`teredo_send_failures_total` and the log tell what the kernel said and what " +
  "mends that; `teredo explain ERRNO` as well";

/** Why packets are discarded, for docs/metrics.md, the log and `teredo explain`. */
export const DROP_HELP: Readonly<Record<DropReason, DropHelp>> = {
  truncated: theirs("it ends before its own headers do", NOISE),
  not_teredo: theirs(
    "it is not a Teredo datagram: no known encapsulation",
    "programs of other protocols, and scans of the UDP port",
  ),
  not_ipv6: theirs(
    "what it carries is not IPv6",
    "other protocols and scans; from the IPv6 side, IPv4 that a route leads into the tunnel",
    "of a relay: no IPv4 route should lead into its interface, see `ip route`",
  ),
  bad_length: theirs("the IPv6 payload length runs past its end", NOISE),
  source_not_global: theirs(
    "its IPv4 source is not global unicast",
    "forged packets; hosts of this network with private addresses, which reach no relay by Teredo",
    "clients have to come by way of a NAT with a public address (RFC 4380 §5.2.4)",
  ),
  mapped_address_not_global: theirs(
    "the mapped address in its Teredo address is not global unicast",
    "clients behind two NATs of which the server saw the inner one, and made up addresses",
    "none at a relay: the client has to qualify with a server outside of its network",
  ),
  server_address_not_global: theirs(
    "the server address in its Teredo address is not global unicast",
    "made up addresses; clients of a server in a private network",
    "give that server a public address, or `advertised_address` behind 1:1 NAT",
  ),
  own_address: theirs(
    "it would go to an address of our own, claims to come from one, or would go back where it came from",
    "loops that somebody tries to set up, and clients on this very host",
    "run no Teredo client on the host of the relay or server",
  ),
  source_not_teredo: theirs(
    "its IPv6 source is not a Teredo address",
    "clients that send what they took from another interface, and forged packets",
    FILTERED,
  ),
  source_mismatch: theirs(
    "its IPv6 source does not hold the UDP address and port it came from",
    "clients whose NAT has given them another mapping (symmetric, or restarted), and forged packets",
    "none here: the client qualifies again and goes on; it stays with symmetric NATs",
  ),
  source_scope: theirs(
    "its IPv6 source cannot be on the Internet",
    "hosts that send with link-local, unique-local or multicast sources, and forged packets",
    "`teredo check relay` says if this host's own source is one of them (`icmp_source`)",
  ),
  destination_not_teredo: theirs(
    "its IPv6 destination is not a Teredo address",
    "a route that leads more than the Teredo prefix into the tunnel",
    "`ip -6 route show dev teredo` shows the routes: 2001::/32 alone belongs there",
  ),
  destination_scope: theirs(
    "its IPv6 destination cannot be on the Internet",
    "clients that look for neighbours, and multicast of programs on them",
  ),
  destination_not_served: theirs(
    "its IPv6 destination is not one this relay serves",
    "clients that use this relay for what it was not set up for; of a client that relays for its host, " +
      "those that want another one",
    "name what it is to serve in `served`",
  ),
  unknown_peer: theirs(
    "it came from a peer that we never wrote to",
    "clients that begin by themselves, which are asked to prove themselves and get through with " +
      "the next packet; scans",
  ),
  bad_token: theirs(
    "it answers a bubble that we did not send",
    "answers that come late, after a restart of the relay, or forged ones",
  ),
  peer_table_full: ours(
    "there is no room for another peer",
    "more clients than `max_peers`, or than one mapping or address may have (see docs/limits.md)",
    "raise `max_peers`, about 140 bytes of memory each",
  ),
  hold_full: theirs(
    "there is no room to hold it",
    "a host that sends much to a client before that has answered; scans of Teredo addresses",
    "with many new clients raise `hold_memory`; for single ones `hold_packets` and `hold_bytes`",
  ),
  hold_expired: theirs(
    "it was held too long",
    "clients that answer only after `hold_age`, or never",
    "none for clients that are gone; for slow ones raise `hold_age`",
  ),
  peer_unreachable: theirs(
    "its peer answers no bubble",
    "clients that are switched off, or whose NAT or server lets no bubble through",
    "if it is all of one server, see whether that server runs: `teredo probe SERVER`",
  ),
  not_bubble_or_icmpv6: theirs(
    "a server passes on bubbles and ICMPv6 only",
    "clients that take the server for a relay",
  ),
  not_accepted: theirs(
    "none of the server's acceptance rules takes it",
    "scans, and clients with an address of another server (RFC 4380 §5.3.1)",
  ),
  icmpv6_too_large: theirs(
    "it is ICMPv6 longer than the server passes on",
    "pings with a large payload; somebody who wants to use the server as a data path",
    "raise `icmp_max_length` if they are your own",
  ),
  bad_hop_limit: theirs("its hop limit is not the one required", NOISE),
  bad_checksum: theirs("its ICMPv6 checksum is wrong", NOISE),
  bad_solicitation: theirs("it is a malformed router solicitation", NOISE),
  not_handled: theirs(
    "it is ICMPv6 that nobody here answers",
    "neighbour discovery and the like, which the tunnel has no use for",
  ),
  authentication_missing: theirs(
    "the server requires authentication",
    "clients that are not configured for it, and scans",
    "give the client a name and secret of `secrets_file`, or let the server require none",
  ),
  authentication_failed: theirs(
    "its authentication value is wrong, or its client identifier unknown",
    "clients with an old secret, and guessing",
    "compare the client's secret with `secrets_file`",
  ),
  rate_limited: theirs(
    "its source sends more than it may",
    "floods and scans, and more honest clients at once than the limits were made for",
    "docs/limits.md names each limit, its key and how many clients it is enough for",
  ),
  send_failed: ours(
    "the kernel refused to send it",
    "a packet filter, a route that is missing, an interface that is down",
    KERNEL_SAYS,
  ),
  tun_write_failed: ours(
    "the kernel refused to take it from the TUN side",
    "a tunnel interface that is down or was deleted, or an overloaded host",
    KERNEL_SAYS,
  ),
  socket_overflow: ours(
    "the kernel dropped it before we read it: the receive buffer was full",
    "more packets than this machine carries, or pauses of the process",
    "raise `socket_buffer` and `workers`; see `teredo status` for processor time",
  ),
  send_queue_full: ours(
    "more waits to be sent than there is room for",
    "an uplink slower than what is to go out by it",
    "see the queue of the interface (`tc -s qdisc`), and raise `socket_buffer`",
  ),
  draining: theirs("the daemon is ending", "what comes after `drain_time`"),
  trailers_too_long: theirs(
    "its trailers are longer than the server passes on",
    "somebody who wants to use the server as a data path",
    "raise `icmp_max_length` if they are your own clients",
  ),
  unknown_trailer: theirs(
    "a trailer of a kind that must be understood is not",
    "clients with extensions that RFC 6081 does not have",
  ),
  bad_trailer: theirs("a trailer after its IPv6 packet is malformed (RFC 6081 §4)", NOISE),
  source_not_served: theirs(
    "its IPv6 source is not one that this relay serves",
    "hosts that send to clients by this relay without being among `served`, or by a client's host, which " +
      "relays for itself alone",
    "name them in `served`, or announce the prefix to the served alone",
  ),
  bad_advertisement: theirs(
    "it is a malformed router advertisement",
    "forged advertisements, and servers with a fault; a client's",
  ),
  no_origin: theirs(
    "it is an advertisement that does not say which mapping the client has",
    "servers with a fault, and forged advertisements; a client's",
  ),
  prefix_mismatch: theirs(
    "it is an advertisement of a prefix that is not the server's",
    "servers that stand behind another address than they advertise; a client's",
    "name the server by its primary address",
  ),
  nonce_mismatch: theirs(
    "its nonce is not the one that was sent",
    "answers that come late, and forged ones; a client's",
  ),
  destination_not_ours: theirs(
    "its IPv6 destination is not an address of ours",
    "peers that know an address which is gone, and forged packets; a client's",
  ),
  source_not_ours: theirs(
    "its IPv6 source is not our Teredo address",
    "programs and routes that send from another interface's address into the tunnel; a client's",
    "a rule for the source address, see `ip -6 rule`",
  ),
  not_qualified: theirs(
    "there is no Teredo address to send from yet",
    "what is sent before a server has answered; a client's",
  ),
  routing_header: theirs(
    "it has a routing header of type 0, which lets strangers choose its way",
    "attacks (RFC 5095); a client's",
  ),
  not_local: theirs(
    "it is a discovery bubble that did not come from our own link",
    "forged bubbles; a client's",
  ),
};

/** Reasons that point at this machine or its configuration. */
export const OWN_DROPS: readonly DropReason[] = (Object.keys(DROP_HELP) as DropReason[])
  .filter((reason) => DROP_HELP[reason].isOurs);
