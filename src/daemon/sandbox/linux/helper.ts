import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import { PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS } from "#ffi/linux/mod.ts";
import type { SandboxMode } from "#src/config/config.ts";
import { tkills } from "./c_library.ts";
import { helperCalls } from "./calls.ts";
import { filterOf } from "./filter.ts";
import { landlockVersion, makeRuleset } from "./landlock.ts";
import { prepareLastWords } from "./last_words.ts";
import { helperGrants } from "./paths.ts";
import { installFilter, ringProblem } from "./seccomp.ts";
import { type Call, EachThread } from "./threads.ts";

/**
 * Makes the sandbox of the process that keeps an interface ready, while it sees all files: it reads what
 * the kernel tells, and has a socket for what it sets.
 *
 * @param line what it says, as its last words, to whoever started it
 * @returns enters it
 * @throws SyscallError, Error of `node:fs`: it cannot be had
 */
export function prepareHelperSandbox(
  libc: Libc,
  mode: SandboxMode,
  line: (call: string) => string,
): () => void {
  if (mode === "off") return () => {};
  const profile = helperCalls({ pid: process.pid, tkills: tkills() });
  if (mode === "log") return () => void installFilter(libc, filterOf(profile, "log"));
  const ring = ringProblem();
  const threads = new EachThread(libc);
  const version = landlockVersion(libc);
  const ruleset = typeof version === "string"
    ? undefined
    : makeRuleset(libc, version, { grants: helperGrants(), abstract: false, signals: false });
  const listen = prepareLastWords(libc, { line, log: STANDARD_OUTPUT, file: undefined });
  return () => {
    const calls: Call[] = [
      ["prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0],
      ...(ruleset === undefined ? [] : [["landlock_restrict_self", ruleset, 0] as const]),
    ];
    threads.make(calls);
    threads.close();
    listen();
    if (ruleset !== undefined) libc.call.close(ruleset);
    libc.call.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (ring === undefined) installFilter(libc, filterOf(profile, "tell"));
  };
}

const STANDARD_OUTPUT = 1;
