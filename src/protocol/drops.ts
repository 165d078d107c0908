/**
 * Why a packet was discarded: the closed list behind `teredo_drops_total{reason="..."}`.
 *
 * Every discard has one reason and one counter. Append only: dashboards are built on the names.
 */
export const DROP_NAMES = [
  "none",
  // The datagram itself. RFC 4380 §5.1.1, §5.2.3
  "truncated",
  "not_teredo",
  "not_ipv6",
  "bad_length",
  // IPv4 addresses. RFC 4380 §5.2.4
  "source_not_global",
  "mapped_address_not_global",
  "server_address_not_global",
  "own_address",
  // IPv6 addresses
  "source_not_teredo",
  "source_mismatch",
  "source_scope",
  "destination_not_teredo",
  "destination_scope",
  "destination_not_served",
  // Peers. RFC 4380 §5.4
  "unknown_peer",
  "bad_token",
  "peer_table_full",
  "hold_full",
  "hold_expired",
  "peer_unreachable",
  // Server. RFC 4380 §5.3
  "not_bubble_or_icmpv6",
  "not_accepted",
  "icmpv6_too_large",
  "bad_hop_limit",
  "bad_checksum",
  "bad_solicitation",
  "not_handled",
  "authentication_missing",
  "authentication_failed",
  "rate_limited",
  // The kernel
  "send_failed",
  "tun_write_failed",
  "socket_overflow",
  "send_queue_full",
  "draining",
  // Trailers. RFC 6081 §4, §5.1.2
  "trailers_too_long",
  "unknown_trailer",
  "bad_trailer",
  // Relay, IPv6 side. RFC 4380 §7.1
  "source_not_served",
  // Client: advertisements. RFC 4380 §5.2.1, §5.2.2
  "bad_advertisement",
  "no_origin",
  "prefix_mismatch",
  "nonce_mismatch",
  // Client: packets. RFC 4380 §5.2.3, §5.2.4, §5.2.8
  "destination_not_ours",
  "source_not_ours",
  "not_qualified",
  "routing_header",
  "not_local",
] as const;

export type DropName = (typeof DROP_NAMES)[number];

/** Index of a reason in {@link DROP_NAMES}; 0 means that the packet was not dropped. */
export const Drop = {
  None: 0,
  Truncated: 1,
  NotTeredo: 2,
  NotIpv6: 3,
  BadLength: 4,
  SourceNotGlobal: 5,
  MappedAddressNotGlobal: 6,
  ServerAddressNotGlobal: 7,
  OwnAddress: 8,
  SourceNotTeredo: 9,
  SourceMismatch: 10,
  SourceScope: 11,
  DestinationNotTeredo: 12,
  DestinationScope: 13,
  DestinationNotServed: 14,
  UnknownPeer: 15,
  BadToken: 16,
  PeerTableFull: 17,
  HoldFull: 18,
  HoldExpired: 19,
  PeerUnreachable: 20,
  NotBubbleOrIcmpv6: 21,
  NotAccepted: 22,
  Icmpv6TooLarge: 23,
  BadHopLimit: 24,
  BadChecksum: 25,
  BadSolicitation: 26,
  NotHandled: 27,
  AuthenticationMissing: 28,
  AuthenticationFailed: 29,
  RateLimited: 30,
  SendFailed: 31,
  TunWriteFailed: 32,
  SocketOverflow: 33,
  SendQueueFull: 34,
  Draining: 35,
  TrailersTooLong: 36,
  UnknownTrailer: 37,
  BadTrailer: 38,
  SourceNotServed: 39,
  BadAdvertisement: 40,
  NoOrigin: 41,
  PrefixMismatch: 42,
  NonceMismatch: 43,
  DestinationNotOurs: 44,
  SourceNotOurs: 45,
  NotQualified: 46,
  RoutingHeader: 47,
  NotLocal: 48,
} as const;
export type Drop = (typeof Drop)[keyof typeof Drop];
