import { type ChildProcess, spawn } from "node:child_process";
import type { Millis } from "#src/protocol/time.ts";
import type { Upkeeper } from "../keep.ts";
import { Lines, readSaid, type Said, type Task, UPKEEP, writeTask, writeWish } from "./words.ts";

/** For the process to end once its standard input has. */
const PATIENCE: Millis = 2_000;

export interface Helper extends Upkeeper {
  readonly pid: number | undefined;
  /** Ends the process, and waits until it has. */
  stop(): Promise<void>;
}

/** Hears of the process. */
export interface Listener {
  said(said: Exclude<Said, { event: "unable" }>): void;
  /** It ended without having been told to; called once. */
  ended(problem: string): void;
}

/**
 * Starts the process that keeps the interface.
 *
 * @param program the command that runs this very program
 * @throws what spawn() throws
 */
export function startHelper(program: readonly string[], task: Task, listener: Listener): Helper {
  const [command, ...args] = program;
  const child = spawn(command!, [...args, UPKEEP], {
    stdio: ["pipe", "pipe", "ignore"],
    cwd: "/",
    env: environment(),
  });
  const gone = Promise.withResolvers<void>();
  let problem: string | undefined;
  let stopping = false;
  const end = (why: string) => {
    gone.resolve();
    if (!stopping) listener.ended(problem ?? why);
    stopping = true;
  };
  child.once("error", (error) => end(error.message));
  child.once("close", (status, signal) => end(`it ended with ${signal ?? `status ${status}`}`));
  child.stdin.on("error", () => {}); // it may have ended
  child.stdin.write(writeTask(task));
  listen(child, (said) => {
    if (said.event === "unable") problem = said.problem;
    else listener.said(said);
  }, (why) => problem = why);
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await gone.promise;
    clearTimeout(timer);
  };
  const announce = (wanted: boolean) => {
    if (!stopping) child.stdin.write(writeWish({ announce: wanted }));
  };
  return { pid: child.pid, announce, stop };
}

/** What a runtime needs to find its modules when this runs from source; the program needs nothing. */
function environment(): Record<string, string> {
  const names = ["HOME", "DENO_DIR"].filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
}

/** @param refuse is told why the process was killed: it said what nobody has to listen to */
function listen(
  child: ChildProcess,
  hear: (said: Said) => void,
  refuse: (why: string) => void,
): void {
  const lines = new Lines();
  const stdout = child.stdout!;
  const giveUp = (why: string) => {
    refuse(why);
    stdout.removeAllListeners("data");
    stdout.destroy();
    child.kill("SIGKILL");
  };
  stdout.setEncoding("utf8");
  stdout.on("error", () => {});
  stdout.on("data", (chunk: string) => {
    const taken = lines.take(chunk, performance.now());
    if (taken === undefined) return giveUp("it said too much");
    for (const line of taken) {
      const said = readSaid(line);
      if (said === undefined) return giveUp("it said what is not understood");
      hear(said);
    }
  });
}
