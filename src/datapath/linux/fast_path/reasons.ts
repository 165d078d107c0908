/**
 * Why the programs in the kernel leave a packet alone, which then goes the slow way: nothing is lost,
 * and nothing is wrong. In the order in which a packet meets them.
 *
 * Packets that are not ours, such as those to other ports, are not counted.
 * The names are those of `teredo_fast_path_left_alone_total`: dashboards are built on them.
 */
export const REASONS = {
  vlan: "with a VLAN tag",
  super_packet: "several packets that the kernel keeps as one",
  ipv4_options: "a UDP datagram, to whatever port, with IPv4 options",
  fragment: "the first fragment of a datagram",
  ecn: "with congestion information that RFC 9601 has to be applied to",
  length: "lengths of headers and frame that do not agree",
  ipv4_checksum: "an IPv4 header with a wrong checksum",
  not_ipv6: "no IPv6 packet, or one behind an indication of Teredo",
  trailers: "more in the datagram than the IPv6 packet, or less",
  next_header: "neither TCP, UDP nor ICMPv6 at once; bubbles are such",
  too_long: "longer than the interface that it would leave by takes",
  scope: "of an IPv6 address that is not carried",
  not_served: "of an IPv6 address that `served` does not name",
  no_lease: "of a peer that the kernel was not told of",
  expired: "of a peer whose time in the kernel is over",
  mapping: "from an IPv4 address or port that is not the peer's",
  local_address: "to another IPv4 address than the peer's last datagram",
  no_interface: "to a peer that no Ethernet interface leads to",
  no_checksum: "without a UDP checksum",
  unfinished_checksum: "with a checksum that an interface was to fill in",
  checksum: "with a UDP checksum that its headers do not make",
  renewal: "to show that the host's filters still let the peer's packets pass",
  failed: "that the kernel had no memory for",
} as const;

export type ReasonName = keyof typeof REASONS;
export const REASON_NAMES = Object.keys(REASONS) as readonly ReasonName[];
