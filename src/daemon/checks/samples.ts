import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "#src/protocol/wire/build.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_ICMPV6,
  NEXT_HEADER_TCP,
  NEXT_HEADER_UDP,
} from "#src/protocol/wire/ipv6.ts";
import type { SamplePacket, Tracked } from "../host/traffic.ts";

/** Packets to judge filters by. None of them is ever sent. */

const IPV4_HEADER_LENGTH = 20;
const UDP_HEADER_LENGTH = 8;
const PAYLOAD_LENGTH = 60;
const HOP_LIMIT = 57;
const TCP_LENGTH = 20;
const SYN = 0x02;
const ACK = 0x10;
const ICMPV6_PACKET_TOO_BIG = 2;

export interface Ends4 {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
}

/** A UDP datagram over IPv4. */
export function udp4(what: string, ends: Ends4, local: SamplePacket["local"]): SamplePacket {
  const udpLength = UDP_HEADER_LENGTH + PAYLOAD_LENGTH;
  const bytes = new Uint8Array(IPV4_HEADER_LENGTH + udpLength);
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0x40, 0, HOP_LIMIT, NEXT_HEADER_UDP]);
  writeU32(bytes, 12, ends.from);
  writeU32(bytes, 16, ends.to);
  writeU16(bytes, 10, finishChecksum(addBytes(bytes, 0, IPV4_HEADER_LENGTH, 0)));
  writeU16(bytes, IPV4_HEADER_LENGTH, ends.fromPort);
  writeU16(bytes, IPV4_HEADER_LENGTH + 2, ends.toPort);
  writeU16(bytes, IPV4_HEADER_LENGTH + 4, udpLength);
  return {
    what,
    bytes,
    transportAt: IPV4_HEADER_LENGTH,
    protocol: NEXT_HEADER_UDP,
    tracked: "new",
    local,
  };
}

/** Source and destination, 16 bytes each, and which of them is this host's. */
export interface Ends6 {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly local: SamplePacket["local"];
}

function packet6(
  what: string,
  ends: Ends6,
  protocol: number,
  payload: Uint8Array,
  tracked: Tracked,
): SamplePacket {
  const bytes = new Uint8Array(IPV6_HEADER_LENGTH + payload.length);
  bytes.set([0x60, 0, 0, 0, 0, payload.length, protocol, HOP_LIMIT]);
  bytes.set(ends.from, 8);
  bytes.set(ends.to, 24);
  bytes.set(payload, IPV6_HEADER_LENGTH);
  const checksumAt = { [NEXT_HEADER_TCP]: 16, [NEXT_HEADER_UDP]: 6 }[protocol] ?? 2;
  writeU16(bytes, IPV6_HEADER_LENGTH + checksumAt, payloadChecksum(bytes, 0));
  const { local } = ends;
  return { what, bytes, transportAt: IPV6_HEADER_LENGTH, protocol, tracked, local };
}

/** The first segment of a connection, or one of its later ones. */
export function tcp6(ends: Ends6, tracked: "new" | "established"): SamplePacket {
  const segment = new Uint8Array(TCP_LENGTH);
  const isNew = tracked === "new";
  writeU16(segment, 0, isNew ? 50_123 : 443);
  writeU16(segment, 2, isNew ? 443 : 50_123);
  segment.set([0x50, isNew ? SYN : ACK, 0xff, 0xff], 12);
  return packet6("TCP", ends, NEXT_HEADER_TCP, segment, tracked);
}

export function udp6(ends: Ends6): SamplePacket {
  const datagram = new Uint8Array(UDP_HEADER_LENGTH);
  writeU16(datagram, 0, 50_123);
  writeU16(datagram, 2, 443);
  writeU16(datagram, 4, datagram.length);
  return packet6("UDP", ends, NEXT_HEADER_UDP, datagram, "new");
}

export function echoRequest6(ends: Ends6): SamplePacket {
  return icmp6("echo requests", ends, [ICMPV6_ECHO_REQUEST, 0], "new");
}

/** To a request that did not come this way, so that connection tracking knows nothing of it. */
export function strayEchoReply6(ends: Ends6): SamplePacket {
  return icmp6("echo replies", ends, [ICMPV6_ECHO_REPLY, 0], "invalid");
}

/** About a packet of a connection that is tracked, which it quotes. */
export function packetTooBig6(ends: Ends6, { bytes }: SamplePacket): SamplePacket {
  return icmp6(
    "Packet Too Big",
    ends,
    [ICMPV6_PACKET_TOO_BIG, 0, 0, 0, 0, 0, 5, 0],
    "related",
    bytes,
  );
}

function icmp6(
  what: string,
  ends: Ends6,
  start: readonly number[],
  tracked: Tracked,
  rest: Uint8Array = new Uint8Array(PAYLOAD_LENGTH),
): SamplePacket {
  const message = new Uint8Array(8 + rest.length);
  message.set(start);
  message.set(rest, 8);
  return packet6(what, ends, NEXT_HEADER_ICMPV6, message, tracked);
}
