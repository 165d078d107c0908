import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { EPERM } from "#ffi/posix.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Refusal } from "../contract.ts";
import { type Complaint, complaintAbout } from "../linux/icmp.ts";

/** RFC 792 */
const UNREACHABLE = 3;
const PORT_UNREACHABLE = 3;
const TIME_EXCEEDED = 11;

const PATIENCE: Millis = 1_000;
/** The private part of a way is no longer than this. */
const MAX_HOPS = 5;

/**
 * What ICMP, or the kernel itself, says of a server that is silent; undefined: nothing, or this kernel
 * does not tell.
 *
 * @param source IPv4 address of this host that it is asked from
 */
export async function measureRefusal(
  libc: Libc,
  server: number,
  source: number,
): Promise<Refusal | undefined> {
  const complaint = await complain(libc, server, source, undefined);
  if (complaint === "no-way") return "unreachable";
  if (complaint === "filtered") return "filtered_here";
  if (complaint?.type !== UNREACHABLE) return undefined;
  return complaint.code === PORT_UNREACHABLE ? "refused" : "unreachable";
}

/**
 * The routers on the way to `server`, nearest first, up to the first that is global. Their addresses
 * are what they say themselves.
 *
 * @param source IPv4 address of this host that the way begins at
 * @returns undefined: this kernel does not tell who complains
 */
export async function measureHops(
  libc: Libc,
  server: number,
  source: number,
): Promise<(number | undefined)[] | undefined> {
  if (libc.layout.system !== "Linux") return undefined;
  const ttls = Array.from({ length: MAX_HOPS }, (_, i) => i + 1);
  const complaints = await Promise.all(ttls.map((ttl) => complain(libc, server, source, ttl)));
  const hops = complaints.map((it) =>
    typeof it === "object" && it.type === TIME_EXCEEDED ? it.from : undefined
  );
  const last = hops.findLastIndex((it) => it !== undefined);
  const global = hops.findIndex((it) => it !== undefined && isGlobalUnicast(it, true));
  return hops.slice(0, 1 + (global === -1 ? last : global));
}

async function complain(
  libc: Libc,
  server: number,
  source: number,
  ttl: number | undefined,
): Promise<Complaint | "no-way" | "filtered" | undefined> {
  if (libc.layout.system !== "Linux") return undefined;
  try {
    const to = { address: server, port: TEREDO_PORT };
    return await complaintAbout(libc, source, to, ttl, PATIENCE);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    // What a filter drops or rejects in the output hook is told by EPERM; no route is by another number.
    return error.syscall === "sendto" && error.errno === EPERM ? "filtered" : "no-way";
  }
}
