import { NONE } from "#ffi/layout.ts";
import { AF_INET, IPPROTO_IP, IPPROTO_UDP, SOCKADDR_IN6_ADDR_AT } from "#ffi/posix.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Reader } from "./describe.ts";
import type { Control } from "./file.ts";
import { dataViewOf } from "./memory.ts";
import { readControl, readMessage } from "./messages.ts";

/** Bytes that pass through a descriptor: as its kind has them, or their number and a sum. */
export function dataText(
  { words, descriptors }: Reader,
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
): string {
  const read = words.data[descriptors.kindOf(fd)];
  return read === undefined ? `${bytes.length} bytes ${sumOf(bytes)}` : read(bytes);
}

/** A sockaddr of IPv4 or IPv6; of any other family its number. */
export function nameText({ layout }: Reader, name: Uint8Array<ArrayBuffer>): string {
  const family = layout.hasSockaddrLength ? name[1]! : dataViewOf(name).getUint16(0, true);
  if (family === AF_INET) return `${formatIpv4(readU32(name, 4))}:${readU16(name, 2)}`;
  if (family === layout.AF_INET6) return formatIpv6(name, SOCKADDR_IN6_ADDR_AT);
  return `family ${family}`;
}

/**
 * What a `struct msghdr` holds: `{192.0.2.7:40000, 88 bytes 1c291ca3, local 192.0.2.1}`.
 *
 * @param length of its data, when not all of the memory it names is in use
 */
export function messageText(reader: Reader, fd: number, header: number, length?: number): string {
  const { memory, layout } = reader;
  const { name, data } = readMessage(memory, layout, header);
  const parts = [dataText(reader, fd, data.slice(0, length))];
  if (name !== undefined) parts.unshift(nameText(reader, name));
  const control = readControl(memory, layout, header);
  return `{${[...parts, ...control.map((it) => controlText(reader, it))].join(", ")}}`;
}

function controlText({ layout }: Reader, { level, type, data }: Control): string {
  const { localAddress, UDP_SEGMENT, UDP_GRO, SO_RXQ_OVFL, SOL_SOCKET } = layout;
  const view = dataViewOf(data.slice());
  if (level === IPPROTO_IP && type === localAddress.sentType) {
    return `local ${formatIpv4(readU32(data, localAddress.sentAt))}`;
  }
  if (level === IPPROTO_IP && type === localAddress.receivedType) {
    return `local ${formatIpv4(readU32(data, localAddress.receivedAt))}`;
  }
  if (level === IPPROTO_UDP && type === UDP_SEGMENT && type !== NONE) {
    return `segments of ${view.getUint16(0, true)}`;
  }
  if (level === IPPROTO_UDP && type === UDP_GRO && type !== NONE) {
    return `joined of ${view.getInt32(0, true)}`;
  }
  if (level === SOL_SOCKET && type === SO_RXQ_OVFL && type !== NONE) {
    return `lost ${view.getUint32(0, true)}`;
  }
  return `control ${level}:${type} ${data.toHex()}`;
}

/** Tells different bytes apart: FNV-1a of 32 bits. */
export function sumOf(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16).padStart(8, "0");
}
