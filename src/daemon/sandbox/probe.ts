import type { Libc } from "#ffi/libc.ts";
import type { SandboxMode } from "#src/config/config.ts";
import { type CheckResult, note, ok, warn } from "../checks/result.ts";
import { landlockText, landlockVersion } from "./linux/landlock.ts";
import { seccompProblem } from "./linux/seccomp.ts";

const NAME = "sandbox";

/** What a daemon can take from itself here. None is kept from starting by it. */
export function checkSandbox(libc: Libc, mode: SandboxMode): CheckResult {
  if (libc.layout.system !== "Linux") return note(NAME, `there is none on ${libc.layout.system}`);
  if (mode === "off") return warn(NAME, "`sandbox = off`", "`sandbox = auto`");
  if (mode === "log") {
    return warn(NAME, "`sandbox = log`, which refuses nothing", "`sandbox = auto`");
  }
  const version = landlockVersion(libc);
  const seccomp = seccompProblem(libc);
  const landlock = typeof version === "number" ? `Landlock ${landlockText(version)}` : version;
  const text = `${landlock}; ${seccomp ?? "seccomp"}`;
  return typeof version === "number" && seccomp === undefined ? ok(NAME, text) : note(NAME, text);
}
