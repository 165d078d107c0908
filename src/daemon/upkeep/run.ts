import { writeSync } from "node:fs";
import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import type { SandboxMode } from "#src/config/config.ts";
import { openLibc } from "#ffi/open.ts";
import { keepEntrusted } from "#src/datapath/linux/keep/entrusted.ts";
import type { Keeper } from "#src/datapath/keep/contract.ts";
import { linesOf } from "../helper/lines.ts";
import { ignoreNamelessSignals } from "../host/mod.ts";
import { keepTunnel } from "../keep.ts";
import { ANSWERED } from "../signals.ts";
import { keepOneRight } from "../host/linux/one_right.ts";
import { prepareHelperSandbox } from "../sandbox/linux/helper.ts";
import { readTask, readWish, type Said, type Task } from "./words.ts";

const STDOUT = 1;

/**
 * Keeps the interface of a daemon, whose process has given up the right to do so: its {@link Task} comes
 * on standard input, what happens goes to standard output. Ends when standard input does, or says what
 * is not understood.
 *
 * @returns the exit status
 */
export async function runUpkeep(): Promise<number> {
  // They may go to all of a terminal, a service or a name: the daemon ends, and this with it.
  for (const signal of ANSWERED) process.on(signal, () => {});
  const libc = await openLibc();
  ignoreNamelessSignals(libc);
  const lines = linesOf(process.stdin);
  let keeper: Keeper;
  let task: Task;
  try {
    task = readTask((await lines.next()).value ?? "");
    keeper = begin(libc, task);
  } catch (error) {
    say({ event: "unable", problem: error instanceof Error ? error.message : String(error) });
    return 1;
  }
  say({ event: "keeping" });
  const upkeeper = keepTunnel(keeper, say);
  for await (const line of lines) {
    const wish = readWish(line, task.entrusted);
    if (wish === undefined) break;
    if ("home" in wish) {
      await upkeeper.setHome(wish.home);
      say({ event: "set" });
    } else {
      upkeeper.announce(wish.announce);
    }
  }
  upkeeper.stop();
  return 0;
}

function begin(libc: Libc, { user, chroot, entrusted, sandbox }: Task): Keeper {
  const enterSandbox = prepareSandbox(libc, sandbox);
  keepOneRight(libc, user, chroot);
  const keeper = keepEntrusted(libc, entrusted);
  enterSandbox();
  return keeper;
}

/** Where there can be none it does without, as the daemon does. */
function prepareSandbox(libc: Libc, mode: SandboxMode): () => void {
  try {
    return prepareHelperSandbox(libc, mode, (call) => {
      const problem = `it made a system call that its sandbox refuses: ${call}`;
      return lineOf({ event: "unable", problem });
    });
  } catch {
    return () => {};
  }
}

const lineOf = (said: Said) => `${JSON.stringify(said)}\n`;

function say(said: Said): void {
  try {
    writeSync(STDOUT, lineOf(said));
  } catch {
    // Nobody listens any more: standard input ends as well.
  }
}
