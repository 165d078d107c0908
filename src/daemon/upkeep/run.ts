import { writeSync } from "node:fs";
import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { keepEntrusted } from "#src/datapath/linux/keep/entrusted.ts";
import type { Keeper } from "#src/datapath/keep/contract.ts";
import { ignoreNamelessSignals } from "../host/mod.ts";
import { keepTunnel } from "../keep.ts";
import { ANSWERED } from "../signals.ts";
import { keepOneRight } from "../host/linux/one_right.ts";
import { readTask, type Said, type Task } from "./words.ts";

const STDOUT = 1;

/**
 * Keeps the interface of a daemon, whose process has given up the right to do so: its {@link Task} comes
 * on standard input, what happens goes to standard output. Ends when standard input does.
 *
 * @returns the exit status
 */
export async function runUpkeep(): Promise<number> {
  // They may go to all of a terminal, a service or a name: the daemon ends, and this with it.
  for (const signal of ANSWERED) process.on(signal, () => {});
  const libc = await openLibc();
  ignoreNamelessSignals(libc);
  const { task, ended } = openInput();
  let keeper: Keeper;
  try {
    keeper = begin(libc, readTask(await task));
  } catch (error) {
    say({ event: "unable", problem: error instanceof Error ? error.message : String(error) });
    return 1;
  }
  say({ event: "keeping" });
  const stop = keepTunnel(keeper, say);
  await ended;
  stop();
  return 0;
}

function begin(libc: Libc, { user, chroot, entrusted }: Task): Keeper {
  keepOneRight(libc, user, chroot);
  return keepEntrusted(libc, entrusted);
}

/** The first line, or what there is of it, and the end. */
function openInput(): { task: Promise<string>; ended: Promise<void> } {
  const task = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  let text = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("\n")) task.resolve(text.slice(0, text.indexOf("\n")));
  });
  const end = () => {
    task.resolve(text);
    ended.resolve();
  };
  process.stdin.on("end", end);
  process.stdin.on("error", end);
  return { task: task.promise, ended: ended.promise };
}

function say(said: Said): void {
  try {
    writeSync(STDOUT, `${JSON.stringify(said)}\n`);
  } catch {
    // Nobody listens any more: standard input ends as well.
  }
}
