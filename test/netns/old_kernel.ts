import { spawn } from "node:child_process";
import process from "node:process";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import {
  BPF_LINK_CREATE,
  EINVAL,
  ENOSYS,
  EPERM,
  SECCOMP_DATA_ARGS_AT,
  SECCOMP_DATA_NR_AT,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SOL_UDP,
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
import { installFilter } from "#src/daemon/sandbox/linux/seccomp.ts";
import { classic, type Program } from "#src/datapath/linux/filter_code.ts";

/**
 * A program of its own: runs another one as on a kernel that lacks something.
 *
 *     old_kernel.ts LACKS PROGRAM ARGUMENTS...    LACKS: names of {@link LACKS}, with commas between
 *
 * A system call that asks for it fails, as an old kernel's would. (A seccomp filter sees the numbers
 * that a call is given, not the memory they point to: what a message of `sendmmsg` asks for is hidden
 * from it.)
 */
type Call = readonly [call: string, errno: number, ...args: (number | undefined)[]];

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
  seccomp: ["seccomp", EINVAL],
  Landlock: ["landlock_create_ruleset", ENOSYS],
  // As what starts a service may have it.
  capset: ["capset", EPERM],
} as const satisfies Record<string, Call>;
export type Lack = keyof typeof LACKS;

/** Refuses a call whose lower halves of arguments are these; undefined: any. */
function refusal([call, errno, ...args]: Call, i: number): Program {
  const next = `after ${i}`;
  const compared = args.flatMap((arg, n) =>
    arg === undefined ? [] : [
      classic.loadWord(SECCOMP_DATA_ARGS_AT + 8 * n),
      classic.ifEqual(arg, next),
    ]
  );
  const number = classic.ifEqual(callsOf().numberOf(call)!, next);
  const load = classic.loadWord(SECCOMP_DATA_NR_AT);
  return [load, number, ...compared, classic.returns(SECCOMP_RET_ERRNO | errno), next];
}

async function refuse(lacks: readonly Lack[]): Promise<void> {
  const program = lacks.flatMap((it, i) => refusal(LACKS[it], i));
  const allow = classic.returns(SECCOMP_RET_ALLOW);
  const problem = installFilter(await openLibc(), [...program, allow]);
  if (problem !== undefined) throw new Error(`${lacks.join(", ")}: ${problem}`);
}

if (import.meta.main) {
  const [lacks, command, ...args] = process.argv.slice(2);
  await refuse(lacks!.split(",") as Lack[]);
  const child = spawn(command!, args, { stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("close", (status) => process.exit(status ?? 1));
}
