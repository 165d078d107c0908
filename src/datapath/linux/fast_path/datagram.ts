import {
  ETH_HLEN,
  ETH_P_IP,
  PACKET_HOST,
  SK_BUFF_GSO_SIZE_AT,
  SK_BUFF_LEN_AT,
  SK_BUFF_PKT_TYPE_AT,
  SK_BUFF_PROTOCOL_AT,
  SK_BUFF_VLAN_PRESENT_AT,
} from "#ffi/linux/mod.ts";
import { add, ifAnyBit, ifNot, load, network16, type Program, R2, R3, swap } from "../bpf/steps.ts";
import { CONTEXT, fetch, leave, LENGTH, NOT_OURS, PACKET } from "./parts.ts";
import {
  ECN,
  FRAGMENT_OFFSET,
  IPV4_FRAGMENT_AT,
  IPV4_HEADER,
  IPV4_LENGTH_AT,
  IPV4_PLAIN,
  IPV4_PROTOCOL_AT,
  IPV4_TOS_AT,
  MORE_FRAGMENTS,
  PROTOCOL_UDP,
  TUNNEL_HEADERS,
  UDP_DESTINATION_PORT_AT,
  UDP_LENGTH_AT,
} from "./wire.ts";

// Where a frame from an Ethernet interface has its headers, and what is behind them
export const IPV4: number = ETH_HLEN;
export const UDP: number = IPV4 + IPV4_HEADER;
export const PAYLOAD: number = ETH_HLEN + TUNNEL_HEADERS;

/**
 * To this host, by IPv4, UDP and our port. Others' packets are passed over as soon as can be.
 *
 * @param checkAddress leads to {@link NOT_OURS} where the IPv4 address is none of ours
 */
export const checkOurs = (port: number, checkAddress: Program = []): Program => [
  load.word(R2, CONTEXT, SK_BUFF_PROTOCOL_AT),
  ifNot(R2, network16(ETH_P_IP), NOT_OURS),
  load.word(R2, CONTEXT, SK_BUFF_PKT_TYPE_AT),
  ifNot(R2, PACKET_HOST, NOT_OURS),
  fetch(PAYLOAD, NOT_OURS),
  load.byte(R2, PACKET, IPV4 + IPV4_PROTOCOL_AT),
  ifNot(R2, PROTOCOL_UDP, NOT_OURS),
  checkAddress,
  load.byte(R2, PACKET, IPV4),
  ifNot(R2, IPV4_PLAIN, leave("ipv4_options")), // where its port is, is not known
  load.half(R2, PACKET, IPV4 + IPV4_FRAGMENT_AT),
  ifAnyBit(R2, network16(FRAGMENT_OFFSET), NOT_OURS), // only a first fragment has ports
  load.half(R3, PACKET, UDP + UDP_DESTINATION_PORT_AT),
  ifNot(R3, network16(port), NOT_OURS),
  ifAnyBit(R2, network16(MORE_FRAGMENTS), leave("fragment")),
];

/** One whole datagram and nothing else. {@link LENGTH} is the frame's from here on. */
export const checkWhole: Program = [
  load.word(R2, CONTEXT, SK_BUFF_VLAN_PRESENT_AT),
  ifNot(R2, 0, leave("vlan")),
  load.word(R2, CONTEXT, SK_BUFF_GSO_SIZE_AT),
  ifNot(R2, 0, leave("super_packet")),
  // Outer congestion marks are not ours to lose. RFC 9601 §5
  load.byte(R2, PACKET, IPV4 + IPV4_TOS_AT),
  ifAnyBit(R2, ECN, leave("ecn")),
  load.word(LENGTH, CONTEXT, SK_BUFF_LEN_AT),
  load.half(R2, PACKET, IPV4 + IPV4_LENGTH_AT),
  swap(R2, 16),
  add(R2, IPV4),
  ifNot(R2, LENGTH, leave("length")),
  load.half(R2, PACKET, UDP + UDP_LENGTH_AT),
  swap(R2, 16),
  add(R2, UDP),
  ifNot(R2, LENGTH, leave("length")),
];
