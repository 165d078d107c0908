import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { codeOf } from "#src/config/files.ts";
import { strangerAt } from "#src/ownership.ts";
import { changedHooks, type MiredoHooks } from "../../client/miredo_hook.ts";
import { type CheckResult, fail, ok, warn } from "../result.ts";

const NAME = "hook";
/** What Linux reads of a file to see how it is run. BINPRM_BUF_SIZE, <linux/binfmts.h> */
const HEAD_LENGTH = 256;
const ELF = "\x7fELF";
/** Of paths that lead nowhere. */
const ABSENT: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"];

export function checkHook(hook: string | undefined): CheckResult[] {
  if (hook === undefined) return [];
  try {
    const stat = statSync(hook);
    if (!stat.isFile()) return [fail(NAME, `${hook} is no file`, "name the program itself")];
    accessSync(hook, constants.X_OK);
    const stranger = strangerAt(hook, stat);
    if (stranger === undefined) return [checkBeginning(hook) ?? ok(NAME, hook)];
    return [
      fail(
        NAME,
        `${hook}: ${stranger}, who could have it do whatever this user may`,
        "chown it, and the folders it is in, to root, and take the right to write from others",
      ),
    ];
  } catch (error) {
    if (ABSENT.includes(codeOf(error))) {
      return [fail(NAME, `there is no file ${hook}`, "correct the path that `hook` names")];
    }
    return [fail(NAME, `${hook} is no program that can be run`, `chmod 755 ${hook}`)];
  }
}

/**
 * Whether execve(2) knows how to run it: it says no more than ENOEXEC, or ENOENT for a file that is
 * there, when the client is long at work.
 */
function checkBeginning(hook: string): CheckResult | undefined {
  const head = headOf(hook);
  if (head === undefined || head.startsWith(ELF)) return undefined;
  if (!head.startsWith("#!")) {
    // Not for certain: the kernel may have been told of more kinds, by binfmt_misc.
    return warn(
      NAME,
      `${hook} begins with no \`#!\`, and is no program by itself: the kernel may not run it`,
      "let its first line be `#!/bin/sh`, or what else is to run it",
    );
  }
  const [line = ""] = head.slice(2).split("\n");
  const [interpreter = ""] = line.replace(/^[ \t]+/, "").split(/[ \t]/);
  if (interpreter === "" || interpreter === "\r") {
    return fail(NAME, `${hook} names no program after \`#!\``, "let its first line be `#!/bin/sh`");
  }
  if (line.endsWith("\r")) {
    return fail(
      NAME,
      `${hook} has the line ends of Windows, which count as part of what is to run it`,
      "save it with those of Unix",
    );
  }
  if (isProgram(interpreter)) return undefined;
  return fail(
    NAME,
    `${hook} is to be run by ${interpreter}, which is no program here`,
    "install it, or correct the first line",
  );
}

/** One character for each byte; undefined: it may be run and not be read. */
function headOf(path: string): string | undefined {
  try {
    const fd = openSync(path, "r");
    try {
      const head = Buffer.alloc(HEAD_LENGTH);
      return head.toString("latin1", 0, readSync(fd, head, 0, HEAD_LENGTH, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @param hook the one that is run */
export function checkMiredoHook(hook: string | undefined, hooks?: MiredoHooks): CheckResult[] {
  if (hook !== undefined) return [];
  return changedHooks(hooks).map((path) =>
    warn(
      NAME,
      `${path}, which Miredo runs and somebody has changed, is not run: addresses and routes are set up ` +
        "without it",
      `where what it does is still wanted, write hook = ${path} in [client]`,
    )
  );
}
