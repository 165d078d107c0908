import { cmsgNext, cmsgSpace, type Layout } from "#ffi/layout.ts";
import {
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  EINVAL,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  SIZEOF_IOVEC,
} from "#ffi/posix.ts";
import { Errno } from "./errno.ts";
import type { Control, Message } from "./file.ts";
import { concat } from "./lists.ts";
import { dataViewOf, type Memory } from "./memory.ts";

/** The pieces of memory that an array of `struct iovec` names. @throws Errno EFAULT */
export function pieces(memory: Memory, iovecs: number, count: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, (_, i) => {
    const at = iovecs + i * SIZEOF_IOVEC;
    const length = memory.u64(at + IOVEC_LEN_AT);
    return length === 0 ? new Uint8Array(0) : memory.view(memory.u64(at + IOVEC_BASE_AT), length);
  });
}

/** What a `struct msghdr` at an address gives to sendmsg(). @throws Errno EFAULT, EINVAL */
export function readMessage(memory: Memory, layout: Layout, header: number): Message {
  return {
    data: concat(...piecesOf(memory, header)),
    name: readName(memory, header),
    control: readControl(memory, layout, header),
  };
}

/** Where recvmsg() and the like cut off. */
export interface Cut {
  readonly data: boolean;
  readonly control: boolean;
}

/**
 * Puts a message where a `struct msghdr` says, as recvmsg() does: bytes, address, control messages,
 * and their lengths. The flags are the caller's.
 *
 * @returns bytes of data there was room for
 */
export function writeMessage(
  memory: Memory,
  layout: Layout,
  header: number,
  message: Message,
): { length: number; cut: Cut } {
  const length = scatter(piecesOf(memory, header), message.data);
  const view = memory.dataView(header, layout.SIZEOF_MSGHDR);
  const nameAt = memory.u64(header + MSGHDR_NAME_AT);
  if (nameAt !== 0) {
    const name = message.name ?? new Uint8Array(0);
    const room = view.getUint32(MSGHDR_NAMELEN_AT, true);
    memory.view(nameAt, Math.min(room, name.length)).set(name.subarray(0, room));
    view.setUint32(MSGHDR_NAMELEN_AT, name.length, true);
  }
  const control = packControl(layout, message.control);
  const room = view.getUint32(MSGHDR_CONTROLLEN_AT, true);
  const isCut = control.length > room;
  const used = isCut ? 0 : control.length;
  if (used > 0) memory.view(memory.u64(header + MSGHDR_CONTROL_AT), used).set(control);
  view.setUint32(MSGHDR_CONTROLLEN_AT, used, true);
  return { length, cut: { data: length < message.data.length, control: isCut } };
}

/** @returns bytes there was room for */
export function scatter(places: readonly Uint8Array[], bytes: Uint8Array): number {
  let at = 0;
  for (const place of places) {
    place.set(bytes.subarray(at, at + place.length));
    at += Math.min(place.length, bytes.length - at);
  }
  return at;
}

function piecesOf(memory: Memory, header: number): Uint8Array<ArrayBuffer>[] {
  const count = memory.u32(header + MSGHDR_IOVLEN_AT);
  return pieces(memory, memory.u64(header + MSGHDR_IOV_AT), count);
}

function readName(memory: Memory, header: number): Uint8Array<ArrayBuffer> | undefined {
  const address = memory.u64(header + MSGHDR_NAME_AT);
  const length = memory.u32(header + MSGHDR_NAMELEN_AT);
  return address === 0 ? undefined : memory.view(address, length).slice();
}

/** The control messages of a `struct msghdr`. @throws Errno EFAULT; EINVAL for a wrong length */
export function readControl(memory: Memory, layout: Layout, header: number): Control[] {
  const address = memory.u64(header + MSGHDR_CONTROL_AT);
  const length = memory.u32(header + MSGHDR_CONTROLLEN_AT);
  if (address === 0 || length === 0) return [];
  const bytes = memory.view(address, length);
  const view = dataViewOf(bytes);
  const found: Control[] = [];
  for (let at = 0; at + CMSGHDR_DATA_AT <= length;) {
    const size = view.getUint32(at + CMSGHDR_LEN_AT, true);
    if (size < CMSGHDR_DATA_AT || at + size > length) throw new Errno(EINVAL);
    found.push({
      level: view.getInt32(at + layout.CMSGHDR_LEVEL_AT, true),
      type: view.getInt32(at + layout.CMSGHDR_TYPE_AT, true),
      data: bytes.slice(at + CMSGHDR_DATA_AT, at + size),
    });
    at = cmsgNext(layout, at, size);
  }
  return found;
}

function packControl(layout: Layout, messages: readonly Control[]): Uint8Array {
  return concat(...messages.map(({ level, type, data }) => {
    const bytes = new Uint8Array(cmsgSpace(layout, data.length));
    const view = dataViewOf(bytes);
    view.setUint32(CMSGHDR_LEN_AT, CMSGHDR_DATA_AT + data.length, true);
    view.setInt32(layout.CMSGHDR_LEVEL_AT, level, true);
    view.setInt32(layout.CMSGHDR_TYPE_AT, type, true);
    bytes.set(data, CMSGHDR_DATA_AT);
    return bytes;
  }));
}
