/**
 * Why the server's program leaves a datagram to the threads, which then do as they do without it. In the
 * order in which a datagram meets them.
 *
 * What is not UDP to port 3544 of the server's addresses is not counted.
 * The names are those of `teredo_fast_path_left_alone_total`: dashboards are built on them.
 */
export const SERVER_REASONS = {
  ipv4_options: "a UDP datagram, to whatever port, with IPv4 options",
  fragment: "the first fragment of a datagram",
  paused: "while the threads were to see all there is",
  vlan: "with a VLAN tag",
  super_packet: "several packets that the kernel keeps as one",
  ecn: "with congestion information",
  length: "lengths of headers and frame that do not agree",
  other: "anything but a router solicitation without options, identifier and trailers",
  failed: "that the kernel had no memory for",
  ipv4_checksum: "an IPv4 header with a wrong checksum",
  no_checksum: "without a UDP checksum",
  unfinished_checksum: "with a checksum that an interface was to fill in",
  checksum: "with a wrong UDP checksum",
  invalid: "a router solicitation that RFC 4861 section 6.1.1 says to discard",
  source: "from an IPv4 address or port that no client can have",
} as const;

export type ServerReason = keyof typeof SERVER_REASONS;
export const SERVER_REASON_NAMES = Object.keys(SERVER_REASONS) as readonly ServerReason[];
