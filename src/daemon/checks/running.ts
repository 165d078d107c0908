import type { Role } from "#src/config/config.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";

/** A daemon of the role that is checked, which runs on this host. */
export interface Running {
  readonly role: Role;
  readonly pid: number;
  /** Of a relay: its TUN interface. */
  readonly interfaceName: string | undefined;
  /** UDP addresses it receives on, `A.B.C.D:port`. */
  readonly listening: readonly string[];
  /** What it says of itself; undefined: it does not answer. */
  readonly state: RunningState | undefined;
}

export interface RunningState {
  /** Of its program. */
  readonly version: string;
  readonly ready: boolean;
  readonly checks: readonly ReadinessCheck[];
}

/** `the running relay, process 4711` */
export const nameOf = ({ role, pid }: Running) => `the running ${role}, process ${pid}`;

/** What a daemon that runs says of itself: it knows better than any check beside it. */
export function checkRunning(running: Running): CheckResult {
  const { role, pid, state } = running;
  if (state === undefined) {
    return warn(
      "running",
      `teredo ${role} runs as process ${pid} and does not answer, so that its state is not known`,
      "have its status pages answer: enabled = yes in [status]",
    );
  }
  const who = `teredo ${role} ${state.version} runs as process ${pid}`;
  if (state.ready) return ok("running", `${who} and is ready`);
  const failing = state.checks.filter((check) => !check.ok);
  const why = failing.map(({ name, detail }) => `${name}: ${detail}`).join("; ");
  const mends = failing.map(({ mend }) => mend).filter((mend) => mend !== undefined);
  const detail = `${who} and is not ready: ${why}`;
  if (mends.length === 0) return { name: "running", verdict: "fail", detail };
  return fail("running", detail, mends.join("; "));
}
