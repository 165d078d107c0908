import { type ChildProcess, spawn } from "node:child_process";
import type { Millis } from "#src/protocol/time.ts";
import { Lines } from "./lines.ts";

/** For the process to end once its standard input has. */
const PATIENCE: Millis = 2_000;

/** A process of a daemon's own, that does for it what it may not do itself. */
export interface HelperProcess {
  readonly pid: number | undefined;
  /** @param line with its end */
  write(line: string): void;
  /** Ends the process, and waits until it has. */
  stop(): Promise<void>;
}

/** Hears of the process. */
export interface LineListener {
  /** @returns whether the line is understood: else the process is given up */
  heard(line: string): boolean;
  /** It ended without having been told to; called once. */
  ended(why: string): void;
}

/**
 * Starts this very program as a helper: one JSON object a line, both ways.
 *
 * @param program the command that runs this very program
 * @param word the argument that makes it this helper
 * @param task its first line
 * @throws what spawn() throws
 */
export function startProcess(
  program: readonly string[],
  word: string,
  task: string,
  listener: LineListener,
): HelperProcess {
  const [command, ...args] = program;
  const child = spawn(command!, [...args, word], {
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
  child.stdin.write(task);
  listen(child, listener.heard, (why) => problem = why);
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await gone.promise;
    clearTimeout(timer);
  };
  const write = (line: string) => {
    if (!stopping) child.stdin.write(line);
  };
  return { pid: child.pid, write, stop };
}

/** What a runtime needs to find its modules when this runs from source; the program needs nothing. */
function environment(): Record<string, string> {
  const names = ["HOME", "DENO_DIR"].filter((name) => process.env[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
}

/** @param refuse is told why the process was killed: it said what nobody has to listen to */
function listen(
  child: ChildProcess,
  hear: (line: string) => boolean,
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
      if (!hear(line)) return giveUp("it said what is not understood");
    }
  });
}
