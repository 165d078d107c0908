import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  IP_RECVERR,
  IP_TTL,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  SIZEOF_MSGHDR,
  SOCK_CLOEXEC,
  SOL_IP,
} from "#ffi/linux/mod.ts";
import {
  AF_INET,
  CMSGHDR_DATA_AT,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  SIZEOF_SOCKADDR_IN,
  SOCK_DGRAM,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/posix.ts";
import type { Endpoint } from "#src/probe/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import { readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { wait } from "../measure/wire.ts";

/** struct sock_extended_err, <linux/errqueue.h>; a sockaddr_in of who complains stands behind it. */
const ORIGIN_AT = 4;
const TYPE_AT = 5;
const CODE_AT = 6;
const SIZEOF_EXTENDED_ERROR = 16;
const ORIGIN_ICMP = 2;

const PAYLOAD_LENGTH = 24;
const CONTROL_LENGTH = 128;
const LOOK_EVERY: Millis = 20;

/** An ICMP error about a datagram of ours. RFC 792 */
export interface Complaint {
  readonly type: number;
  readonly code: number;
  /** Who wrote it; 0: it does not say. */
  readonly from: number;
}

/**
 * Sends one datagram and waits for an ICMP error about it, for which no right is needed: ip(7),
 * IP_RECVERR. The datagram says nothing that a Teredo server would answer.
 *
 * @param source IPv4 address of this host that it leaves from
 * @param ttl undefined: the usual one
 * @returns undefined: nobody complained in time
 * @throws SyscallError when the kernel itself refuses, without a way there for one
 */
export async function complaintAbout(
  libc: Libc,
  source: number,
  to: Endpoint,
  ttl: number | undefined,
  patience: Millis,
): Promise<Complaint | undefined> {
  const arena = Arena.plain(libc, 4096);
  const { call } = libc;
  const about = "UDP";
  const fd = check(libc, call.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", about);
  try {
    const set = (option: number, value: number) => {
      const at = arena.take(4);
      arena.i32[at >> 2] = value;
      const result = call.setsockopt(fd, SOL_IP, option, arena.address(at), 4);
      check(libc, result, "setsockopt", about);
    };
    set(IP_RECVERR, 1);
    if (ttl !== undefined) set(IP_TTL, ttl);
    const name = nameOf(arena, { address: source, port: 0 });
    check(libc, call.bind(fd, name, SIZEOF_SOCKADDR_IN), "bind", about);
    send(libc, arena, fd, to);
    const header = makeHeader(arena);
    for (let waited = 0; waited <= patience; waited += LOOK_EVERY) {
      const complaint = read(libc, arena, fd, header);
      if (complaint !== undefined) return complaint;
      await wait(LOOK_EVERY);
    }
    return undefined;
  } finally {
    call.close(fd);
    arena.close();
  }
}

/** @returns where a struct sockaddr_in is */
function nameOf(arena: Arena, { address, port }: Endpoint): number {
  const name = arena.take(SIZEOF_SOCKADDR_IN);
  arena.u16[name >> 1] = AF_INET;
  writeU16(arena.u8, name + SOCKADDR_IN_PORT_AT, port);
  writeU32(arena.u8, name + SOCKADDR_IN_ADDR_AT, address);
  return arena.address(name);
}

function send(libc: Libc, arena: Arena, fd: number, to: Endpoint): void {
  const name = nameOf(arena, to);
  const payload = arena.take(PAYLOAD_LENGTH);
  const sent = libc.call.sendto(
    fd,
    arena.address(payload),
    PAYLOAD_LENGTH,
    MSG_NOSIGNAL,
    name,
    SIZEOF_SOCKADDR_IN,
  );
  check(libc, sent, "sendto", "UDP");
}

interface Header {
  readonly at: number;
  readonly control: number;
}

/** Without room for the datagram that comes back: only what is said about it is of interest. */
function makeHeader(arena: Arena): Header {
  const at = arena.take(SIZEOF_MSGHDR);
  const control = arena.take(CONTROL_LENGTH);
  arena.writeU64(at + MSGHDR_CONTROL_AT, arena.address(control));
  return { at, control };
}

function read(libc: Libc, arena: Arena, fd: number, header: Header): Complaint | undefined {
  const { at, control } = header;
  arena.writeU64(at + MSGHDR_CONTROLLEN_AT, CONTROL_LENGTH); // the kernel overwrites it
  const flags = MSG_ERRQUEUE | MSG_DONTWAIT;
  if (libc.call.recvmsg(fd, arena.address(at), flags) === -1) return undefined;
  const least = CMSGHDR_DATA_AT + SIZEOF_EXTENDED_ERROR + SIZEOF_SOCKADDR_IN;
  if (arena.readU64(at + MSGHDR_CONTROLLEN_AT) < least) return undefined;
  const error = control + CMSGHDR_DATA_AT;
  if (arena.u8[error + ORIGIN_AT] !== ORIGIN_ICMP) return undefined;
  const from = readU32(arena.u8, error + SIZEOF_EXTENDED_ERROR + SOCKADDR_IN_ADDR_AT);
  return { type: arena.u8[error + TYPE_AT]!, code: arena.u8[error + CODE_AT]!, from };
}
