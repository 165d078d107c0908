import { type HelperProcess, startProcess } from "../helper/process.ts";
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

export type Helper = Upkeeper & Pick<HelperProcess, "pid" | "stop">;

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
  let problem: string | undefined;
  const heard = (line: string) => {
    const said = readSaid(line);
    if (said === undefined) return false;
    if (said.event === "unable") problem = said.problem;
    else listener.said(said);
    return true;
  };
  const ended = (why: string) => listener.ended(problem ?? why);
  const child = startProcess(program, UPKEEP, writeTask(task), { heard, ended });
  const tell = (wish: Wish) => child.write(writeWish(wish));
  return {
    pid: child.pid,
    announce: (wanted) => tell({ announce: wanted }),
    setHome: (home) => tell({ home }),
    stop: child.stop,
  };
}
