import {
  BPF_ADJ_ROOM_MAC,
  BPF_F_ADJ_ROOM_DECAP_L3_IPV6,
  BPF_F_INGRESS,
  BPF_FUNC_redirect,
  BPF_FUNC_skb_adjust_room,
} from "#ffi/linux/mod.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import {
  add,
  and,
  call,
  exit,
  ifAbove,
  ifEqual,
  ifNot,
  load,
  loadMapValue,
  network16,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R4,
  set,
  shiftLeft,
  subtract,
  swap,
  xor,
} from "../bpf/steps.ts";
import { checkOurs, checkWhole, IPV4, PAYLOAD, UDP } from "./datagram.ts";
import {
  CONTROL_TUN_AT,
  CONTROL_TUN_MTU_AT,
  SLOT_LOCAL_ADDRESS_AT,
  SLOT_MAPPED_ADDRESS_AT,
  SLOT_MAPPED_PORT_AT,
  SLOT_RECEIVED_AT,
  SLOT_RECEIVED_BYTES_AT,
  SLOT_RECEIVED_PACKETS_AT,
  SLOT_UP_RENEW_AT,
  SLOT_UP_UNTIL_AT,
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
  fetch,
  findLease,
  fold,
  LEASE,
  leave,
  LENGTH,
  PACKET,
  type RelayProgramOptions,
  withLeaving,
} from "./parts.ts";
import {
  IPV4_DESTINATION_AT,
  IPV4_SOURCE_AT,
  PROTOCOL_UDP,
  TUNNEL_HEADERS,
  UDP_CHECKSUM_AT,
  UDP_LENGTH_AT,
  UDP_SOURCE_PORT_AT,
} from "./wire.ts";

const IPV6 = PAYLOAD;
const END = IPV6 + IPV6_HEADER_LENGTH;

/**
 * Runs where datagrams come in by an Ethernet interface. A packet of a peer that has a lease leaves its
 * tunnel there and is handed to the kernel as if the TUN interface had received it: routes, hop limit
 * and the firewall's FORWARD chain are the kernel's. RFC 4380 §5.4.2
 *
 * What passes is what the relay's rules would have passed: see `Relay.fromUdp`.
 */
export const relayUp = (options: RelayProgramOptions): Program =>
  withLeaving([
    set(CONTEXT, R1),
    checkOurs(options.servicePort),
    checkDatagram,
    checkPacket(options),
    findLease(options, IPV6 + SOURCE_AT),
    checkTime(options, SLOT_UP_UNTIL_AT),
    checkPeer,
    checkNative(options, IPV6 + DESTINATION_AT),
    checkChecksum,
    checkRenewal(SLOT_UP_RENEW_AT),
    deliver(options),
  ], options);

/** One whole datagram, whose IPv4 header can be trusted. */
const checkDatagram: Program = [
  checkWhole,
  set(R2, 0),
  addWords(R2, PACKET, [0, 4, 8, 12, 16].map((i) => IPV4 + i)),
  fold(R2, R1),
  ifNot(R2, 0xffff, leave("ipv4_checksum")),
];

/** An IPv6 packet that fills the datagram: no indications, no trailers. RFC 4380 §5.1.1, RFC 6081 §4 */
const checkPacket = ({ control }: RelayProgramOptions): Program => [
  fetch(END, leave("length")),
  load.byte(R2, PACKET, IPV6),
  and(R2, 0xf0),
  ifNot(R2, 0x60, leave("not_ipv6")),
  load.half(R2, PACKET, IPV6 + PAYLOAD_LENGTH_AT),
  swap(R2, 16),
  add(R2, END),
  ifNot(R2, LENGTH, leave("trailers")),
  checkNextHeader(IPV6 + NEXT_HEADER_AT),
  // The TUN interface would drop what is longer than it carries, without a Packet Too Big.
  loadMapValue(R1, control, CONTROL_TUN_MTU_AT),
  load.word(R1, R1, 0),
  add(R1, IPV6),
  ifAbove(LENGTH, R1, leave("too_long")),
];

/** From where the peer is known to be, to our address that it is known to use. RFC 4380 §5.4.2 */
const checkPeer: Program = [
  load.word(R1, PACKET, IPV4 + IPV4_SOURCE_AT),
  load.word(R2, LEASE, SLOT_MAPPED_ADDRESS_AT),
  ifNot(R1, R2, leave("mapping")),
  load.half(R1, PACKET, UDP + UDP_SOURCE_PORT_AT),
  load.half(R2, LEASE, SLOT_MAPPED_PORT_AT),
  ifNot(R1, R2, leave("mapping")),
  load.word(R1, PACKET, IPV4 + IPV4_DESTINATION_AT),
  load.word(R2, LEASE, SLOT_LOCAL_ADDRESS_AT),
  ifNot(R1, R2, leave("local_address")),
];

/**
 * The UDP checksum is the one that the headers make if the transport's is right: then that one makes the
 * sum of all it covers, addresses, length, next header and payload, ~0. So what is left of the IPv6
 * packet are its first words, less the length and the next header: the payload need not be read.
 *
 * If the payload was damaged on the way, both checksums are wrong alike, and the receiver sees it.
 */
const checkChecksum: Program = [
  load.half(R2, PACKET, UDP + UDP_CHECKSUM_AT),
  ifEqual(R2, 0, leave("no_checksum")),
  // Of the pseudo-header. RFC 768
  set(R3, network16(PROTOCOL_UDP)),
  addWords(R3, PACKET, [IPV4 + IPV4_SOURCE_AT, IPV4 + IPV4_DESTINATION_AT]),
  addHalves(R3, PACKET, [UDP + UDP_LENGTH_AT]),
  set(R4, R3),
  // A guest on this machine leaves this sum there, for its interface to go on with.
  fold(R4, R1),
  ifEqual(R2, R4, leave("unfinished_checksum")),
  // Of ports, length and checksum, and of version, traffic class, flow label and hop limit.
  addWords(R3, PACKET, [UDP, UDP + UDP_LENGTH_AT, IPV6]),
  addHalves(R3, PACKET, [IPV6 + NEXT_HEADER_AT]),
  load.byte(R2, PACKET, IPV6 + NEXT_HEADER_AT),
  shiftLeft(R2, 8),
  xor(R2, 0xffff),
  add(R3, R2),
  fold(R3, R1),
  ifNot(R3, 0xffff, leave("checksum")),
];

/** Out of its tunnel. Up to here nothing has been changed. */
const deliver = ({ control }: RelayProgramOptions): Program => [
  set(R1, CONTEXT),
  set(R2, -TUNNEL_HEADERS),
  set(R3, BPF_ADJ_ROOM_MAC),
  set(R4, BPF_F_ADJ_ROOM_DECAP_L3_IPV6),
  call(BPF_FUNC_skb_adjust_room),
  ifNot(R0, 0, leave("failed")),
  subtract(LENGTH, IPV6),
  count(SLOT_RECEIVED_PACKETS_AT, SLOT_RECEIVED_BYTES_AT, SLOT_RECEIVED_AT),
  loadMapValue(R1, control, CONTROL_TUN_AT),
  load.word(R1, R1, 0),
  set(R2, BPF_F_INGRESS),
  call(BPF_FUNC_redirect),
  exit,
];
