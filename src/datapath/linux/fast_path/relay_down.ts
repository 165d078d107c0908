import {
  AF_INET,
  BPF_ADJ_ROOM_MAC,
  BPF_F_ADJ_ROOM_ENCAP_L3_IPV4,
  BPF_F_ADJ_ROOM_ENCAP_L4_UDP,
  BPF_FUNC_get_prandom_u32,
  BPF_FUNC_redirect_neigh,
  BPF_FUNC_skb_adjust_room,
  BPF_FUNC_skb_change_head,
  BPF_FUNC_skb_pull_data,
  BPF_FUNC_skb_store_bytes,
  BPF_REDIR_NEIGH_IPV4_NH_AT,
  BPF_REDIR_NEIGH_NH_FAMILY_AT,
  ETH_HLEN,
  ETH_P_IPV6,
  SIZEOF_BPF_REDIR_NEIGH,
  SK_BUFF_DATA_END_AT,
  SK_BUFF_GSO_SIZE_AT,
  SK_BUFF_LEN_AT,
  SK_BUFF_PROTOCOL_AT,
  TC_ACT_SHOT,
} from "#ffi/linux/mod.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_TCP,
  NEXT_HEADER_UDP,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import {
  add,
  and,
  call,
  exit,
  FRAME,
  goTo,
  ifAbove,
  ifAtLeast,
  ifEqual,
  ifNot,
  load,
  network16,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R4,
  R5,
  set,
  shiftLeft,
  store,
  subtract,
  swap,
  xor,
} from "../bpf/steps.ts";
import {
  SLOT_DOWN_RENEW_AT,
  SLOT_DOWN_UNTIL_AT,
  SLOT_INTERFACE_AT,
  SLOT_LOCAL_ADDRESS_AT,
  SLOT_MAPPED_ADDRESS_AT,
  SLOT_MAPPED_PORT_AT,
  SLOT_MTU_AT,
  SLOT_NEXT_HOP_AT,
  SLOT_SENT_AT,
  SLOT_SENT_BYTES_AT,
  SLOT_SENT_PACKETS_AT,
} from "./leases.ts";
import {
  addHalves,
  addWords,
  checkNative,
  checkNextHeader,
  checkRenewal,
  checkTime,
  CONTEXT,
  count,
  findLease,
  fold,
  HEADERS_AT,
  LEASE,
  leave,
  LENGTH,
  PACKET,
  reach,
  type RelayProgramOptions,
  withLeaving,
} from "./parts.ts";
import {
  IPV4_CHECKSUM_AT,
  IPV4_DESTINATION_AT,
  IPV4_FRAGMENT_AT,
  IPV4_HEADER,
  IPV4_ID_AT,
  IPV4_LENGTH_AT,
  IPV4_PLAIN,
  IPV4_SOURCE_AT,
  IPV4_TTL_AT,
  PROTOCOL_UDP,
  TUNNEL_HEADERS,
  UDP_CHECKSUM_AT,
  UDP_DESTINATION_PORT_AT,
  UDP_HEADER,
  UDP_LENGTH_AT,
  UDP_SOURCE_PORT_AT,
} from "./wire.ts";

export interface RelayDownOptions extends RelayProgramOptions {
  /** Time to live of the datagrams: the host's. */
  readonly ttl: number;
  /**
   * Bytes before the IPv6 header. The TUN interface has none; BPF_PROG_TEST_RUN runs a program on
   * nothing but Ethernet frames.
   */
  readonly linkHeader: 0 | typeof ETH_HLEN;
}

/** Where the transport's checksum is, behind the IPv6 header. RFC 9293 §3.1, RFC 768, RFC 4443 §2.1 */
const TRANSPORT_CHECKSUM_AT = { tcp: 16, udp: 6, icmpv6: 2 } as const;
/** What has to be looked at, if there is as much: up to the checksum of TCP, the last of them. */
const LOOKED_AT = IPV6_HEADER_LENGTH + TRANSPORT_CHECKSUM_AT.tcp + 2;

// The datagram's headers in the making
const IPV4 = HEADERS_AT;
const UDP = IPV4 + IPV4_HEADER;
// And then whom it goes to
const NEXT_HOP = HEADERS_AT;

/**
 * Runs where packets leave by the TUN interface, after routes, hop limit and the firewall's FORWARD
 * chain. A packet to a peer that has a lease gets its tunnel there, and goes to the peer's IPv4 address
 * by the interface that the lease names. RFC 4380 §5.4.1
 *
 * What passes is what the relay's rules would have sent at once: see `Relay.fromIpv6`.
 */
export function relayDown(options: RelayDownOptions): Program {
  const ipv6 = options.linkHeader;
  return withLeaving([
    set(CONTEXT, R1),
    checkWhole(ipv6),
    checkNative(options, ipv6 + SOURCE_AT),
    checkNextHeader(ipv6 + NEXT_HEADER_AT),
    findLease(options, ipv6 + DESTINATION_AT),
    checkTime(options, SLOT_DOWN_UNTIL_AT),
    checkWay,
    checkTransportChecksum(ipv6),
    checkRenewal(SLOT_DOWN_RENEW_AT),
    writeIpv4(options),
    writeUdp(options),
    encapsulate(ipv6),
    send,
  ], options);
}

/** One whole IPv6 packet, whose header can be read. From here on {@link LENGTH} is the packet's. */
const checkWhole = (ipv6: number): Program => [
  load.word(R2, CONTEXT, SK_BUFF_GSO_SIZE_AT),
  ifNot(R2, 0, leave("super_packet")),
  load.word(R2, CONTEXT, SK_BUFF_PROTOCOL_AT),
  ifNot(R2, network16(ETH_P_IPV6), leave("not_ipv6")),
  load.word(LENGTH, CONTEXT, SK_BUFF_LEN_AT),
  reach(ipv6 + LOOKED_AT, "elsewhere"),
  goTo("at hand"),
  "elsewhere",
  // It is shorter, or the interface has left its payload where only its card's memory was.
  set(R1, CONTEXT),
  set(R2, ipv6 + LOOKED_AT),
  ifAtLeast(LENGTH, R2, "long"),
  set(R2, LENGTH),
  "long",
  call(BPF_FUNC_skb_pull_data),
  reach(ipv6 + IPV6_HEADER_LENGTH, leave("length")),
  "at hand",
  load.byte(R2, PACKET, ipv6),
  and(R2, 0xf0),
  ifNot(R2, 0x60, leave("not_ipv6")),
  subtract(LENGTH, ipv6),
  load.half(R2, PACKET, ipv6 + PAYLOAD_LENGTH_AT),
  swap(R2, 16),
  add(R2, IPV6_HEADER_LENGTH),
  ifNot(R2, LENGTH, leave("length")),
];

/** There is an interface to the peer, which takes the datagram whole. */
const checkWay: Program = [
  load.word(R1, LEASE, SLOT_INTERFACE_AT),
  ifEqual(R1, 0, leave("no_interface")),
  set(R1, LENGTH),
  add(R1, TUNNEL_HEADERS),
  load.word(R2, LEASE, SLOT_MTU_AT),
  ifAbove(R1, R2, leave("too_long")),
];

/**
 * The transport's checksum is there: the UDP checksum of the datagram follows from it. A guest on this
 * machine leaves the sum of the pseudo-header, for its interface to go on with. RFC 8200 §8.1
 */
const checkTransportChecksum = (ipv6: number): Program => [
  load.byte(R2, PACKET, ipv6 + NEXT_HEADER_AT),
  load.word(R3, CONTEXT, SK_BUFF_DATA_END_AT),
  ifEqual(R2, NEXT_HEADER_TCP, "tcp"),
  ifEqual(R2, NEXT_HEADER_UDP, "udp"),
  loadTransportChecksum(ipv6, TRANSPORT_CHECKSUM_AT.icmpv6),
  goTo("loaded"),
  "tcp",
  loadTransportChecksum(ipv6, TRANSPORT_CHECKSUM_AT.tcp),
  goTo("loaded"),
  "udp",
  loadTransportChecksum(ipv6, TRANSPORT_CHECKSUM_AT.udp),
  ifEqual(R4, 0, leave("no_checksum")),
  "loaded",
  shiftLeft(R2, 8), // the next header as the second byte of a word in network order
  addWords(R2, PACKET, [0, 4, 8, 12, 16, 20, 24, 28].map((i) => ipv6 + SOURCE_AT + i)),
  addHalves(R2, PACKET, [ipv6 + PAYLOAD_LENGTH_AT]),
  fold(R2, R1),
  ifEqual(R2, R4, leave("unfinished_checksum")),
];

const loadTransportChecksum = (ipv6: number, checksumAt: number): Program => [
  set(R1, PACKET),
  add(R1, ipv6 + IPV6_HEADER_LENGTH + checksumAt + 2),
  ifAbove(R1, R3, leave("length")),
  load.half(R4, PACKET, ipv6 + IPV6_HEADER_LENGTH + checksumAt),
];

/** TOS 0, so that congestion marks of the path are never read as the packet's: RFC 9601 §5. DF 0. */
const writeIpv4 = ({ ttl }: RelayDownOptions): Program => [
  store.half(FRAME, IPV4, IPV4_PLAIN),
  set(R1, LENGTH),
  add(R1, TUNNEL_HEADERS),
  swap(R1, 16),
  store.half(FRAME, IPV4 + IPV4_LENGTH_AT, R1),
  call(BPF_FUNC_get_prandom_u32),
  store.half(FRAME, IPV4 + IPV4_ID_AT, R0),
  store.half(FRAME, IPV4 + IPV4_FRAGMENT_AT, 0),
  store.half(FRAME, IPV4 + IPV4_TTL_AT, ttl | (PROTOCOL_UDP << 8)),
  store.half(FRAME, IPV4 + IPV4_CHECKSUM_AT, 0),
  load.word(R1, LEASE, SLOT_LOCAL_ADDRESS_AT),
  store.word(FRAME, IPV4 + IPV4_SOURCE_AT, R1),
  load.word(R1, LEASE, SLOT_MAPPED_ADDRESS_AT),
  store.word(FRAME, IPV4 + IPV4_DESTINATION_AT, R1),
  set(R2, 0),
  addWords(R2, FRAME, [0, 4, 8, 12, 16].map((i) => IPV4 + i)),
  fold(R2, R1),
  xor(R2, 0xffff),
  store.half(FRAME, IPV4 + IPV4_CHECKSUM_AT, R2),
];

/** The checksum needs no payload: see `checkChecksum` of `relay_up.ts`. */
const writeUdp = ({ servicePort, linkHeader: ipv6 }: RelayDownOptions): Program => [
  store.half(FRAME, UDP + UDP_SOURCE_PORT_AT, network16(servicePort)),
  load.half(R1, LEASE, SLOT_MAPPED_PORT_AT),
  store.half(FRAME, UDP + UDP_DESTINATION_PORT_AT, R1),
  set(R1, LENGTH),
  add(R1, UDP_HEADER),
  swap(R1, 16),
  store.half(FRAME, UDP + UDP_LENGTH_AT, R1),
  store.half(FRAME, UDP + UDP_CHECKSUM_AT, 0),
  // Of the pseudo-header, and of the header: the length is in both. RFC 768
  set(R2, network16(PROTOCOL_UDP)),
  add(R2, R1),
  addWords(R2, FRAME, [
    IPV4 + IPV4_SOURCE_AT,
    IPV4 + IPV4_DESTINATION_AT,
    UDP,
    UDP + UDP_LENGTH_AT,
  ]),
  addWords(R2, PACKET, [ipv6]),
  addHalves(R2, PACKET, [ipv6 + NEXT_HEADER_AT]),
  load.byte(R1, PACKET, ipv6 + NEXT_HEADER_AT),
  shiftLeft(R1, 8),
  xor(R1, 0xffff),
  add(R2, R1),
  fold(R2, R1),
  xor(R2, 0xffff),
  ifNot(R2, 0, "checksum"),
  set(R2, 0xffff), // 0 would be no checksum
  "checksum",
  store.half(FRAME, UDP + UDP_CHECKSUM_AT, R2),
];

/** Up to the first of these calls nothing has been changed; after it the packet goes, or is lost. */
const encapsulate = (ipv6: number): Program => [
  set(R1, CONTEXT),
  set(R2, TUNNEL_HEADERS),
  set(R3, BPF_ADJ_ROOM_MAC),
  set(R4, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP),
  call(BPF_FUNC_skb_adjust_room),
  ifNot(R0, 0, leave("failed")),
  set(R1, CONTEXT),
  set(R2, ipv6),
  set(R3, FRAME),
  add(R3, HEADERS_AT),
  set(R4, TUNNEL_HEADERS),
  set(R5, 0),
  call(BPF_FUNC_skb_store_bytes),
  ifNot(R0, 0, "lost"),
  // redirect_neigh puts an Ethernet header into the room that there is for one.
  ipv6 === ETH_HLEN ? [] : [
    set(R1, CONTEXT),
    set(R2, ETH_HLEN),
    set(R3, 0),
    call(BPF_FUNC_skb_change_head),
    ifNot(R0, 0, "lost"),
  ],
];

/**
 * To the next hop that the host's routes lead to by this interface. The lease knows it, and ends when
 * routes change: looking for it again takes a tenth of a packet's time.
 */
const send: Program = [
  count(SLOT_SENT_PACKETS_AT, SLOT_SENT_BYTES_AT, SLOT_SENT_AT),
  load.word(R1, LEASE, SLOT_NEXT_HOP_AT),
  set(R2, 0),
  set(R3, 0),
  ifEqual(R1, 0, "ask the routes"),
  // The headers are in the packet by now.
  store.word(FRAME, NEXT_HOP + BPF_REDIR_NEIGH_NH_FAMILY_AT, AF_INET),
  store.word(FRAME, NEXT_HOP + BPF_REDIR_NEIGH_IPV4_NH_AT, R1),
  set(R2, FRAME),
  add(R2, NEXT_HOP),
  set(R3, SIZEOF_BPF_REDIR_NEIGH),
  "ask the routes",
  load.word(R1, LEASE, SLOT_INTERFACE_AT),
  set(R4, 0),
  call(BPF_FUNC_redirect_neigh),
  exit,
  "lost",
  set(R0, TC_ACT_SHOT),
  exit,
];
