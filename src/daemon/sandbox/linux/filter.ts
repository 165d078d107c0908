import process from "node:process";
import { type Calls, callsOf } from "#ffi/linux/calls/mod.ts";
import {
  AUDIT_ARCH,
  ENOSYS,
  SECCOMP_DATA_ARCH_AT,
  SECCOMP_DATA_ARGS_AT,
  SECCOMP_DATA_NR_AT,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRAP,
} from "#ffi/linux/mod.ts";
import { classic, type Instruction, type Program } from "#src/datapath/linux/filter_code.ts";
import type { Argued, Condition, Profile } from "./calls.ts";

/**
 * What becomes of a violation: the thread tells it and ends the process; the kernel ends the process; the
 * kernel logs it, and nothing is refused.
 */
export type Violation = "tell" | "kill" | "log";

const REFUSALS: Readonly<Record<Violation, number>> = {
  tell: SECCOMP_RET_TRAP,
  kill: SECCOMP_RET_KILL_PROCESS,
  log: SECCOMP_RET_LOG,
};

/**
 * A filter of system calls, which the kernel runs at each of them. A call that this processor has not
 * is left out.
 */
export function filterOf(
  { first, groups, argued, answered }: Profile,
  violation: Violation,
  architecture: string = process.arch,
): Program {
  const calls = callsOf(architecture);
  const refused = classic.returns(REFUSALS[violation]);
  const errno = (number: number) =>
    classic.returns(violation === "log" ? SECCOMP_RET_LOG : SECCOMP_RET_ERRNO | number);
  const soon = words(first);
  const ruleOf = (it: Argued) => only(calls, it.call, argumentsOf(it, refused, errno));
  const allowed = (name: string) => only(calls, name, [classic.returns(SECCOMP_RET_ALLOW)]);
  const plain = groups.flatMap((group) => words(group.calls));
  return [
    // Numbers mean something else to another processor's mode.
    classic.loadWord(SECCOMP_DATA_ARCH_AT),
    classic.ifEqual(AUDIT_ARCH[architecture]!, "foreign"),
    classic.loadWord(SECCOMP_DATA_NR_AT),
    classic.ifEqual(numberOf(calls, "recvmmsg"), "next"),
    classic.returns(SECCOMP_RET_ALLOW),
    "foreign",
    classic.returns(SECCOMP_RET_KILL_PROCESS),
    "next",
    ...soon.slice(1).flatMap((name) => {
      const rule = argued.find(({ call }) => call === name);
      return rule === undefined ? allowed(name) : ruleOf(rule);
    }),
    ...plain.flatMap(allowed),
    ...argued.filter(({ call }) => !soon.includes(call)).flatMap(ruleOf),
    ...answered.flatMap((it) => only(calls, it.call, [errno(it.errno)])),
    // What a newer library tries before what there was before.
    classic.ifFrom(calls.end, "violation"),
    errno(ENOSYS),
    "violation",
    refused,
  ];
}

export const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");

function numberOf(calls: Calls, name: string): number {
  const number = calls.numberOf(name);
  if (number === undefined) throw new Error(`there is no system call ${name}`);
  return number;
}

/** What is done at one system call, and at no other. */
function only(calls: Calls, name: string, program: Program): Program {
  const number = calls.numberOf(name);
  if (number === undefined) return [];
  const end = `not ${name}`;
  return [classic.ifEqual(number, end), ...program, end];
}

function argumentsOf(
  { call, when, tried, errno }: Argued,
  violation: Instruction,
  refusal: (errno: number) => Instruction,
): Program {
  const rows = [
    ...when.map((conditions) => [conditions, classic.returns(SECCOMP_RET_ALLOW)] as const),
    ...(tried === undefined ? [] : [[tried.when, refusal(tried.errno)] as const]),
  ];
  return [
    ...rows.flatMap(([conditions, answer], row) => {
      const end = `${call}: not ${row}`;
      return [
        ...conditions.flatMap((it, i) => conditionOf(it, `${call}: ${row}.${i}`, end)),
        answer,
        end,
      ];
    }),
    errno === undefined ? violation : refusal(errno),
  ];
}

/** Goes on if it holds, else at `end`. */
function conditionOf({ argument, mask, values }: Condition, holds: string, end: string): Program {
  const before = values.slice(0, -1);
  return [
    classic.loadWord(SECCOMP_DATA_ARGS_AT + 8 * argument),
    ...(mask === undefined ? [] : [classic.and(mask)]),
    ...before.map((value) => classic.to(holds, value >>> 0)),
    classic.ifEqual(values.at(-1)! >>> 0, end),
    holds,
  ];
}
