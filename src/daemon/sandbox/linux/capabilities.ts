import { readFileSync } from "node:fs";
import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { boundingBut, capabilitySets } from "#ffi/linux/capabilities.ts";
import {
  CAP_BPF,
  CAP_DAC_OVERRIDE,
  CAP_NET_ADMIN,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAPBSET_DROP,
} from "#ffi/linux/mod.ts";
import type { SandboxNeeds } from "../contract.ts";
import type { Call } from "./threads.ts";

const ROOT = 0;

/** For messages, in the order in which they are told. */
const NAMES: readonly (readonly [number: number, name: string])[] = [
  [CAP_NET_ADMIN, "CAP_NET_ADMIN"],
  [CAP_BPF, "CAP_BPF"],
  [CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"],
];

/**
 * What stays, of what this process has. With `user` that is nothing: its helper has the one right that
 * is left. Without, it keeps its interface and reads filters itself (CAP_NET_ADMIN); its programs can be
 * made for other rules (CAP_BPF); and who is root goes on reading, within what Landlock leaves, a
 * configuration that somebody else owns (CAP_DAC_OVERRIDE).
 */
export function keptCapabilities(
  { user, reprograms }: Pick<SandboxNeeds, "user" | "reprograms">,
  permitted: bigint,
  uid: number,
): readonly number[] {
  if (user !== undefined) return [];
  const wanted = [
    CAP_NET_ADMIN,
    ...(reprograms ? [CAP_BPF] : []),
    ...(uid === ROOT ? [CAP_DAC_OVERRIDE] : []),
  ];
  return wanted.filter((it) => (permitted >> BigInt(it)) & 1n);
}

export function capabilityNames(kept: readonly number[]): string {
  return NAMES.filter(([number]) => kept.includes(number)).map(([, name]) => name).join(", ");
}

/** Those that this process has, or may take. */
export function permittedCapabilities(): bigint {
  const status = readFileSync("/proc/self/status", "utf8");
  return BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}

/** Takes from the bounding set of a thread what is in it, but for those that stay. */
export function shrinkBounding(libc: Libc, kept: readonly number[]): Call[] {
  return boundingBut(libc.call, kept).map((it) => ["prctl", PR_CAPBSET_DROP, it, 0, 0]);
}

/** Takes all from the ambient set of a thread: what it executes gets nothing. */
export const CLEAR_AMBIENT: Call = ["prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0];

/** Leaves a thread these, and none to inherit. The arena stays until it is made. */
export function setCapabilities(arena: Arena, kept: readonly number[]): Call {
  const { header, data } = capabilitySets(arena, kept);
  return ["capset", header, data];
}
