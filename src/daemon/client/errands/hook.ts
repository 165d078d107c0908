import { type ChildProcess, spawn } from "node:child_process";
import { Readable } from "node:stream";
import { asError } from "#src/errors.ts";
import type { Millis } from "#src/protocol/time.ts";
import { type HookEnvironment, OUTPUT_MAX } from "./words.ts";

/** After which a hook is ended, with all that it has started. */
export const HOOK_LIMIT: Millis = 30_000;
/** Characters of why it could not be run. */
const FAILURE_MAX = 200;
/** Control characters, and halves of a pair. */
const OTHER = /(?![\t\n])[\p{Cc}\p{Cs}]/gu;
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
 * @param ending when it is not waited for any more: it is ended as well
 * @returns when it has ended, or was ended for having taken too long
 */
export function runHook(
  path: string,
  environment: HookEnvironment,
  limit: Millis = HOOK_LIMIT,
  ending?: AbortSignal,
): Promise<HookEnd> {
  const { promise, resolve } = Promise.withResolvers<HookEnd>();
  let output = "";
  let isLate = false;
  let child: ChildProcess;
  try {
    // A group of its own, so that what it started can be ended with it.
    child = spawn(path, [], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
      env: { PATH, ...environment },
      detached: true,
    });
  } catch (error) {
    // Some of what execve(2) refuses: a text without `#!`, a program that is being written.
    return Promise.resolve({ output, failure: failureOf(error) });
  }
  // Without descriptors for them there are none.
  const streams = [child.stdout, child.stderr].filter((it) => it instanceof Readable);
  for (const stream of streams) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => output = (output + chunk).slice(0, OUTPUT_MAX));
    stream.on("error", () => {});
  }
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(child.pid!);
  }, limit);
  const giveUp = () => killGroup(child.pid!);
  ending?.addEventListener("abort", giveUp);
  const end = (failure: string | undefined) => {
    clearTimeout(timer);
    ending?.removeEventListener("abort", giveUp);
    // Something of it may go on in the background, and keep these open.
    for (const stream of streams) stream.destroy();
    resolve({ output: told(output), ...(failure === undefined ? {} : { failure }) });
  };
  child.once("error", (error) => end(failureOf(error)));
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

const failureOf = (error: unknown) => asError(error).message.slice(0, FAILURE_MAX);

/** Of what a hook wrote the text: what else there may be takes six characters each on the way. */
function told(output: string): string {
  return output.replace(OTHER, "\ufffd").trim();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in this moment.
  }
}
