import { spawn } from "node:child_process";
import type { Millis } from "#src/protocol/time.ts";
import { type HookEnvironment, OUTPUT_MAX } from "./words.ts";

/** After which a hook is ended, with all that it has started. */
export const HOOK_LIMIT: Millis = 30_000;
/** What it has written when it ends may still be on its way. */
const LAST_WORDS: Millis = 100;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface HookEnd {
  /** Undefined: it ended as it should. */
  readonly failure?: string;
  /** The beginning of what it wrote to standard output and standard error. */
  readonly output: string;
}

/**
 * Runs a program, with nothing in its environment but `environment` and a path for commands.
 *
 * @returns when it has ended, or was ended for having taken too long
 */
export function runHook(
  path: string,
  environment: HookEnvironment,
  limit: Millis = HOOK_LIMIT,
): Promise<HookEnd> {
  const { promise, resolve } = Promise.withResolvers<HookEnd>();
  // A group of its own, so that what it started can be ended with it.
  const child = spawn(path, [], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: "/",
    env: { PATH, ...environment },
    detached: true,
  });
  let output = "";
  let isLate = false;
  const hear = (chunk: string) => {
    output = (output + chunk).slice(0, OUTPUT_MAX);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", hear);
    stream.on("error", () => {});
  }
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child.pid!);
  }, limit);
  const end = (failure: string | undefined) => {
    clearTimeout(timer);
    // Something of it may go on in the background, and keep these open.
    child.stdout.destroy();
    child.stderr.destroy();
    resolve({ output: output.trim(), ...(failure === undefined ? {} : { failure }) });
  };
  child.once("error", (error) => end(error.message));
  child.once("exit", (status, signal) => {
    const failure = isLate
      ? `it took longer than ${limit / 1000} s, and was ended`
      : status === 0
      ? undefined
      : `it ended with ${signal ?? `status ${status}`}`;
    setTimeout(() => end(failure), LAST_WORDS);
  });
  return promise;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in this moment.
  }
}
