import { type HelperProcess, startProcess } from "../helper/process.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Upkeeper } from "../keep.ts";
import {
  readSaid,
  type Said,
  type Task,
  UPKEEP,
  type Wish,
  writeTask,
  writeWish,
} from "./words.ts";

/** So long a wish may take before nobody waits for it any more. */
const PATIENCE: Millis = 1_000;

export type Helper = Upkeeper & Pick<HelperProcess, "pid" | "stop">;

/** Hears of the process. */
export interface Listener {
  said(said: Exclude<Said, { event: "unable" | "set" }>): void;
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
  let problem: string | undefined;
  /** Of wishes that have no answer yet, in order. One comes to each, however late. */
  const answers: (() => void)[] = [];
  const heard = (line: string) => {
    const said = readSaid(line);
    if (said === undefined) return false;
    if (said.event === "unable") problem = said.problem;
    else if (said.event === "set") answers.shift()?.();
    else listener.said(said);
    return true;
  };
  const ended = (why: string) => listener.ended(problem ?? why);
  const child = startProcess(program, UPKEEP, writeTask(task), { heard, ended });
  const tell = (wish: Wish) => child.write(writeWish(wish));
  return {
    pid: child.pid,
    announce: (wanted) => tell({ announce: wanted }),
    setHome: (home) => {
      tell({ home });
      const { promise, resolve } = Promise.withResolvers<void>();
      const patience = setTimeout(resolve, PATIENCE);
      answers.push(() => {
        clearTimeout(patience);
        resolve();
      });
      return promise;
    },
    stop: child.stop,
  };
}
