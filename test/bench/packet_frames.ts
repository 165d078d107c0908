import { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4 } from "#ffi/linux/mod.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_UDP,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { UDP_CHECKSUM_AT, UDP_HEADER_LENGTH } from "#src/segments/transport.ts";

/**
 * Frames as a packet socket with PACKET_VNET_HDR takes them:
 *
 *     tunnel:  0 virtio_net_hdr (10)   10 Ethernet (14)   24 IPv4 (20)   44 UDP (8)   52 datagram...
 *     native:  0 virtio_net_hdr (10)   10 Ethernet (14)   24 IPv6 (40)   64 UDP (8)   72 payload...
 *
 * The head is what comes before the datagram or payload. Several of equal length may follow one head:
 * a burst, which the kernel cuts apart where a device does not (GSO, Linux 6.2).
 */
const ETHERNET_AT = 10;
export const NETWORK_AT: number = ETHERNET_AT + 14;
export const TUNNEL_HEAD: number = NETWORK_AT + 20 + 8;
export const NATIVE_HEAD: number = NETWORK_AT + IPV6_HEADER_LENGTH + 8;

const HOP_LIMIT = 64;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/** Between which two interfaces a frame goes: 6 bytes each. */
export interface Link {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** Of two addresses as `ip link` prints them. */
export function linkBetween(from: string, to: string): Link {
  const bytes = (text: string) => Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
  return { from: bytes(from), to: bytes(to) };
}

/** IPv4 addresses and UDP ports. */
export interface Tunnel {
  readonly source: number;
  readonly sourcePort: number;
  readonly destination: number;
  readonly destinationPort: number;
}

/**
 * Writes a tunnel head at `at` for `count` datagrams of `each` bytes.
 *
 * The UDP checksum holds the pseudo-header's sum, for whoever cuts or receives to complete.
 */
export function writeTunnelHead(
  b: Uint8Array,
  at: number,
  link: Link,
  tunnel: Tunnel,
  each: number,
  count: number,
): void {
  const length = UDP_HEADER_LENGTH + each * count;
  const ip = at + NETWORK_AT;
  writeVnetHeader(b, at, 20, each, count);
  writeEthernet(b, at, link, ETHERTYPE_IPV4);
  writeU32(b, ip, 0x45000000 + 20 + length);
  writeU32(b, ip + 4, 0);
  writeU32(b, ip + 8, ((HOP_LIMIT << 24) | (NEXT_HEADER_UDP << 16)) >>> 0);
  writeU32(b, ip + 12, tunnel.source);
  writeU32(b, ip + 16, tunnel.destination);
  writeU16(b, ip + 10, finishChecksum(addBytes(b, ip, 20, 0)));
  const udp = ip + 20;
  writeUdp(b, udp, tunnel.sourcePort, tunnel.destinationPort, length);
  const sum = addBytes(b, ip + 12, 8, NEXT_HEADER_UDP + length);
  writeU16(b, udp + UDP_CHECKSUM_AT, ~finishChecksum(sum) & 0xffff);
}

/** Likewise for IPv6: 16 bytes of address each. */
export function writeNativeHead(
  b: Uint8Array,
  at: number,
  link: Link,
  source: Uint8Array,
  destination: Uint8Array,
  port: number,
  each: number,
  count: number,
): void {
  const length = UDP_HEADER_LENGTH + each * count;
  const ip = at + NETWORK_AT;
  writeVnetHeader(b, at, IPV6_HEADER_LENGTH, each, count);
  writeEthernet(b, at, link, ETHERTYPE_IPV6);
  writeIpv6Header(b, ip, length, NEXT_HEADER_UDP, HOP_LIMIT);
  b.set(source, ip + SOURCE_AT);
  b.set(destination, ip + DESTINATION_AT);
  const udp = ip + IPV6_HEADER_LENGTH;
  writeUdp(b, udp, port, port, length);
  const sum = addBytes(b, ip + SOURCE_AT, 32, NEXT_HEADER_UDP + length);
  writeU16(b, udp + UDP_CHECKSUM_AT, ~finishChecksum(sum) & 0xffff);
}

/** A whole inner packet of `length` bytes: IPv6 and UDP headers, a number, zeros up to `length`. */
export function writeInner(
  b: Uint8Array,
  at: number,
  source: Uint8Array,
  destination: Uint8Array,
  port: number,
  length: number,
  number = 0,
): void {
  const udp = at + IPV6_HEADER_LENGTH;
  b.fill(0, at, at + length);
  writeIpv6Header(b, at, length - IPV6_HEADER_LENGTH, NEXT_HEADER_UDP, HOP_LIMIT);
  b.set(source, at + SOURCE_AT);
  b.set(destination, at + DESTINATION_AT);
  writeUdp(b, udp, port, port, length - IPV6_HEADER_LENGTH);
  writeU32(b, udp + UDP_HEADER_LENGTH, number);
  writeU16(b, udp + UDP_CHECKSUM_AT, payloadChecksum(b, at));
}

/** struct virtio_net_hdr: multi-byte fields in host order. */
function writeVnetHeader(
  b: Uint8Array,
  at: number,
  ipLength: number,
  each: number,
  count: number,
): void {
  const checksumStart = 14 + ipLength;
  const u16 = (offset: number, value: number) => {
    b[at + offset] = value & 0xff;
    b[at + offset + 1] = value >>> 8;
  };
  b[at] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  b[at + 1] = count > 1 ? VIRTIO_NET_HDR_GSO_UDP_L4 : 0;
  u16(2, checksumStart + UDP_HEADER_LENGTH);
  u16(4, count > 1 ? each : 0);
  u16(6, checksumStart);
  u16(8, UDP_CHECKSUM_AT);
}

function writeEthernet(b: Uint8Array, at: number, link: Link, ethertype: number): void {
  b.set(link.to, at + ETHERNET_AT);
  b.set(link.from, at + ETHERNET_AT + 6);
  writeU16(b, at + ETHERNET_AT + 12, ethertype);
}

function writeUdp(b: Uint8Array, at: number, source: number, to: number, length: number): void {
  writeU16(b, at, source);
  writeU16(b, at + 2, to);
  writeU16(b, at + 4, length);
  writeU16(b, at + UDP_CHECKSUM_AT, 0);
}
