import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { BPF_TCX_EGRESS, BPF_TCX_INGRESS, SYS_BPF } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { linkNamed } from "#src/datapath/linux/netlink/look_up.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";

/**
 * Programs that an interface has, by TCX; as a program of its own it prints both numbers:
 *
 *     attached_programs.ts INTERFACE
 */

// union bpf_attr, <linux/bpf.h>: what BPF_PROG_QUERY reads and writes of it
const BPF_PROG_QUERY = 16;
const QUERY_LENGTH = 64;
const QUERY_COUNT_AT = 24;

/** @param type BPF_TCX_INGRESS or BPF_TCX_EGRESS */
export function attachedPrograms(libc: Libc, index: number, type: number): number {
  const query = new Arena(libc, QUERY_LENGTH);
  const at = query.take(QUERY_LENGTH);
  query.u32.set([index, type], at >> 2);
  const number = SYS_BPF[process.arch]!;
  const done = libc.call.syscall(number, BPF_PROG_QUERY, query.address(at), QUERY_LENGTH, 0);
  check(libc, done, "bpf", "BPF_PROG_QUERY");
  const count = query.u32[(at + QUERY_COUNT_AT) >> 2]!;
  query.close();
  return count;
}

if (import.meta.main) {
  const libc = await openLibc();
  const { index } = linkNamed(new Netlink(libc), process.argv[2]!)!;
  const counts = [BPF_TCX_INGRESS, BPF_TCX_EGRESS].map((it) => attachedPrograms(libc, index, it));
  console.log(counts.join(" "));
}
