import { spawn } from "node:child_process";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import {
  BPF_K,
  BPF_LINK_CREATE,
  BPF_RET,
  EINVAL,
  EPERM,
  SIZEOF_SOCK_FPROG,
  SOCK_FPROG_FILTER_AT,
  SOCK_FPROG_LEN_AT,
  SOL_UDP,
  SYS_BPF,
  TUN_F_CSUM,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNSETOFFLOAD,
  UDP_GRO,
  UDP_SEGMENT,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { assembleClassic, classic, type Program } from "#src/datapath/linux/filter_code.ts";

/**
 * A program of its own: runs another one as on a kernel that lacks something.
 *
 *     old_kernel.ts LACKS PROGRAM ARGUMENTS...    LACKS: names of {@link LACKS}, with commas between
 *
 * A system call that asks for it fails, as an old kernel's would. (A seccomp filter sees the numbers
 * that a call is given, not the memory they point to: what a message of `sendmmsg` asks for is hidden
 * from it.)
 */
type Call = readonly [call: keyof typeof NUMBERS, errno: number, ...args: (number | undefined)[]];

const ENOPROTOOPT = 92;
const ALL_OF_TUN = TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;

export const LACKS = {
  USO: ["ioctl", EINVAL, undefined, TUNSETOFFLOAD, ALL_OF_TUN],
  TUNSETOFFLOAD: ["ioctl", EINVAL, undefined, TUNSETOFFLOAD],
  UDP_GRO: ["setsockopt", ENOPROTOOPT, undefined, SOL_UDP, UDP_GRO],
  UDP_SEGMENT: ["setsockopt", ENOPROTOOPT, undefined, SOL_UDP, UDP_SEGMENT],
  // Of GSO in what is written to TUN, as far as a filter can tell: of pieces.
  writev: ["writev", EINVAL],
  bpf: ["bpf", EPERM],
  TCX: ["bpf", EINVAL, BPF_LINK_CREATE],
} as const satisfies Record<string, Call>;
export type Lack = keyof typeof LACKS;

/** By what `process.arch` says. */
const NUMBERS: Readonly<
  Record<"ioctl" | "setsockopt" | "writev" | "bpf" | "seccomp", typeof SYS_BPF>
> = {
  ioctl: { x64: 16, arm64: 29 },
  setsockopt: { x64: 54, arm64: 208 },
  writev: { x64: 20, arm64: 66 },
  bpf: SYS_BPF,
  seccomp: { x64: 317, arm64: 277 },
};

// <linux/seccomp.h>
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
/** struct seccomp_data: the call's number, then from here on its arguments, of 8 bytes each. */
const ARGUMENTS_AT = 16;

const answer = (k: number) => ({ code: BPF_RET | BPF_K, k });

/** Refuses a call whose lower halves of arguments are these; undefined: any. */
function refusal([call, errno, ...args]: Call, i: number): Program {
  const next = `after ${i}`;
  const compared = args.flatMap((arg, n) =>
    arg === undefined ? [] : [
      classic.loadWord(ARGUMENTS_AT + 8 * n),
      classic.ifEqual(arg, next),
    ]
  );
  const number = classic.ifEqual(NUMBERS[call][process.arch]!, next);
  return [classic.loadWord(0), number, ...compared, answer(SECCOMP_RET_ERRNO | errno), next];
}

async function refuse(lacks: readonly Lack[]): Promise<void> {
  const libc = await openLibc();
  const arena = new Arena(libc, 8_192);
  const program = [...lacks.flatMap((it, i) => refusal(LACKS[it], i)), answer(SECCOMP_RET_ALLOW)];
  const { at, count } = assembleClassic(arena, program);
  const filter = arena.take(SIZEOF_SOCK_FPROG);
  arena.u16[(filter + SOCK_FPROG_LEN_AT) >> 1] = count;
  arena.writeU64(filter + SOCK_FPROG_FILTER_AT, arena.address(at));
  const number = NUMBERS.seccomp[process.arch]!;
  const [mode, flags] = [SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC];
  const result = libc.call.syscall(number, mode, flags, arena.address(filter), 0);
  check(libc, result, "seccomp", lacks.join(", "));
}

if (import.meta.main) {
  const [lacks, command, ...args] = process.argv.slice(2);
  await refuse(lacks!.split(",") as Lack[]);
  const child = spawn(command!, args, { stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("close", (status) => process.exit(status ?? 1));
}
