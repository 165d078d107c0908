import type { OpenRole } from "../datapath.ts";
import type { Kernel, Tunnel } from "../kernel.ts";
import { Tape } from "../recorder/tape.ts";
import { lengthOf, SharedValue } from "../threads/shared_value.ts";
import type { WorkerStart } from "../threads/supervise.ts";
import { type Workers, WorkersRefused } from "../threads/workers.ts";
import type { UdpSocket } from "../udp/socket.ts";
import type { Millis } from "#src/protocol/time.ts";

/** For the structures of set-up calls; the threads have arenas of their own. */
export const SETUP_ARENA = 256 * 1024;

/** Bytes for rules that are to come, beside what the first ones take; see docs/limits.md. */
const RULES_ROOM = 65_536;

/** How long the threads wait for an interface that is gone to be made again. */
export const QUEUE_PATIENCE: Millis = 10_000;

/** One worker can be had anywhere: where more cannot, that is what serves. */
export function withWorkers(
  { oneWorker }: Kernel,
  wanted: Workers,
  open: (workers: Workers) => OpenRole,
): OpenRole {
  const openOne = (why: string) =>
    open({ count: 1, reason: `not ${wanted.count} (${wanted.reason}): ${why}` });
  if (wanted.count > 1 && oneWorker !== undefined) return openOne(oneWorker);
  try {
    return open(wanted);
  } catch (error) {
    if (!(error instanceof WorkersRefused)) throw error;
    return openOne(error.problem);
  }
}

/** Room for rules that are to come: secrets and this host's addresses may be many, and become more. */
export function roomForRules<T>(first: unknown): SharedValue<T> {
  return new SharedValue<T>(RULES_ROOM + 2 * lengthOf(first));
}

export function tapesOf({ count }: Workers, record = false): readonly Tape[] {
  return record ? Array.from({ length: count }, () => new Tape()) : [];
}

/** The threads hear of it when the interface is gone or was made again. */
export function keepOf(
  { keep, entrusted }: Tunnel,
  starts: readonly WorkerStart[],
): Pick<OpenRole, "keep" | "entrusted"> {
  const announce = () => starts.forEach(({ shared }) => shared.announceQueue());
  return {
    keep: (mayCommand) => keep(announce, mayCommand),
    ...(entrusted === undefined ? {} : { entrusted }),
  };
}

/** Sockets of one kind have the same to tell. */
export function noticesOf(sockets: readonly UdpSocket[]): string[] {
  const notices = sockets.map(({ notice }) => notice).filter((it) => it !== undefined);
  return [...new Set(notices)];
}
