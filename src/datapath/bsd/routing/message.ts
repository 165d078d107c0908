import type { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { NONE, sockaddrHead } from "#ffi/layout.ts";
import { SIZEOF_SOCKADDR_IN6, SOCKADDR_IN6_ADDR_AT } from "#ffi/posix.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";

/** `sdl_index` of struct sockaddr_dl, a u_short in host byte order. */
const SOCKADDR_DL_INDEX_AT = 2;
/** `struct rt_msghdr` and its addresses, one for each of the bits of `rtm_addrs`. */
export const MAX_MESSAGE = 2048;

/** What a question is about. */
export interface RouteQuestion {
  readonly address: Uint8Array;
  /** 16 bytes; undefined: the best route for `address`. */
  readonly mask: Uint8Array | undefined;
  readonly pid: number;
  readonly seq: number;
}

/** A route as the kernel tells it. */
export interface RouteMessage {
  readonly type: number;
  readonly pid: number;
  readonly seq: number;
  readonly errno: number;
  readonly flags: number;
  /** Of the interface; 0: not told. */
  readonly index: number;
  /** 16 bytes; undefined: not IPv6, or not told. */
  readonly destination: Uint8Array | undefined;
  /** 16 bytes; of a host route all ones. */
  readonly mask: Uint8Array;
}

/**
 * Writes RTM_GET to offset `at` of the arena, which has to be zero there:
 *
 *     rt_msghdr | sockaddr_in6 destination | [sockaddr_in6 netmask] | empty sockaddr_dl
 *
 * The last asks for the interface, without which `rtm_index` would stay 0. route(4)
 *
 * @returns its length in bytes
 */
export function writeQuestion(
  arena: Arena,
  at: number,
  layout: BsdLayout,
  question: RouteQuestion,
): number {
  const { RTA_DST, RTA_NETMASK, RTA_IFP, AF_LINK, SIZEOF_SOCKADDR_DL } = layout;
  const { address, mask } = question;
  let next = at + layout.SIZEOF_RT_MSGHDR;
  next += writeAddress(arena, next, layout, address);
  if (mask !== undefined) next += writeAddress(arena, next, layout, mask);
  arena.u16[next >> 1] = sockaddrHead(layout, AF_LINK, SIZEOF_SOCKADDR_DL);
  next += roundUp(layout, SIZEOF_SOCKADDR_DL);

  arena.u16[(at + layout.RT_MSGHDR_MSGLEN_AT) >> 1] = next - at;
  arena.u8[at + layout.RT_MSGHDR_VERSION_AT] = layout.RTM_VERSION;
  arena.u8[at + layout.RT_MSGHDR_TYPE_AT] = layout.RTM_GET;
  if (layout.RT_MSGHDR_HDRLEN_AT !== NONE) {
    arena.u16[(at + layout.RT_MSGHDR_HDRLEN_AT) >> 1] = layout.SIZEOF_RT_MSGHDR;
  }
  arena.i32[(at + layout.RT_MSGHDR_FLAGS_AT) >> 2] = layout.RTF_UP;
  arena.i32[(at + layout.RT_MSGHDR_ADDRS_AT) >> 2] = RTA_DST | RTA_IFP |
    (mask === undefined ? 0 : RTA_NETMASK);
  arena.i32[(at + layout.RT_MSGHDR_PID_AT) >> 2] = question.pid;
  arena.i32[(at + layout.RT_MSGHDR_SEQ_AT) >> 2] = question.seq;
  return next - at;
}

function writeAddress(arena: Arena, at: number, layout: BsdLayout, address: Uint8Array): number {
  arena.u16[at >> 1] = sockaddrHead(layout, layout.AF_INET6, SIZEOF_SOCKADDR_IN6);
  arena.u8.set(address, at + SOCKADDR_IN6_ADDR_AT);
  return roundUp(layout, SIZEOF_SOCKADDR_IN6);
}

/**
 * Reads one message of `length` bytes.
 *
 * @returns undefined for one of another version, or that does not end where it says
 */
export function parseMessage(
  b: Uint8Array<ArrayBuffer>,
  layout: BsdLayout,
): RouteMessage | undefined {
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  if (b.length < layout.SIZEOF_RT_MSGHDR) return undefined;
  if (view.getUint16(layout.RT_MSGHDR_MSGLEN_AT, true) !== b.length) return undefined;
  if (b[layout.RT_MSGHDR_VERSION_AT] !== layout.RTM_VERSION) return undefined;
  const i32 = (at: number) => view.getInt32(at, true);
  const header = layout.RT_MSGHDR_HDRLEN_AT === NONE
    ? layout.SIZEOF_RT_MSGHDR
    : view.getUint16(layout.RT_MSGHDR_HDRLEN_AT, true);
  const addresses = splitAddresses(b, header, i32(layout.RT_MSGHDR_ADDRS_AT), layout);
  const destination = addresses.get(layout.RTA_DST);
  const mask = addresses.get(layout.RTA_NETMASK);
  const link = addresses.get(layout.RTA_IFP) ?? new Uint8Array(0);
  return {
    type: b[layout.RT_MSGHDR_TYPE_AT]!,
    pid: i32(layout.RT_MSGHDR_PID_AT),
    seq: i32(layout.RT_MSGHDR_SEQ_AT),
    errno: i32(layout.RT_MSGHDR_ERRNO_AT),
    flags: i32(layout.RT_MSGHDR_FLAGS_AT),
    index: view.getUint16(layout.RT_MSGHDR_INDEX_AT, true) || indexIn(link),
    destination: destination?.[1] === layout.AF_INET6 ? ipv6In(destination) : undefined,
    mask: mask === undefined ? new Uint8Array(IPV6_LENGTH).fill(0xff) : ipv6In(mask),
  };
}

/** The sockaddrs behind the header, in the order of their bits. */
function splitAddresses(
  b: Uint8Array,
  start: number,
  bits: number,
  layout: BsdLayout,
): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let at = start;
  for (let bit = 1; bit !== 0 && at < b.length; bit <<= 1) {
    if ((bits & bit) === 0) continue;
    const length = b[at]!;
    found.set(bit, b.subarray(at, at + length));
    at += roundUp(layout, length);
  }
  return found;
}

/** A netmask ends behind its last byte that is not zero, and that of a default route is empty. */
function ipv6In(sockaddr: Uint8Array): Uint8Array {
  const address = new Uint8Array(IPV6_LENGTH);
  const bytes = sockaddr.subarray(SOCKADDR_IN6_ADDR_AT, SOCKADDR_IN6_ADDR_AT + IPV6_LENGTH);
  address.set(bytes);
  return address;
}

function indexIn(link: Uint8Array): number {
  const at = SOCKADDR_DL_INDEX_AT;
  return link.length < at + 2 ? 0 : link[at]! | (link[at + 1]! << 8);
}

/** Distance to the next sockaddr: an empty one takes as much as the shortest. */
function roundUp({ RT_ROUNDUP }: BsdLayout, length: number): number {
  return Math.max(1, Math.ceil(length / RT_ROUNDUP)) * RT_ROUNDUP;
}
