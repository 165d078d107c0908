import { type HelperProcess, startProcess } from "../../helper/process.ts";
import type { HostAnswer } from "../servers/checked_host.ts";
import type { Answer } from "../servers/names.ts";
import {
  type Done,
  type Errand,
  ERRANDS,
  type HookEnvironment,
  readDone,
  type Task,
  write,
} from "./words.ts";
import type { HookEnd } from "./hook.ts";

/** Who looks up names and runs the hook. */
export interface Errands {
  readonly pids: readonly number[];
  /** What is not done any more, and why; undefined: all is. */
  readonly gone: string | undefined;
  /** Does not reject. */
  lookUp(host: string): Promise<Answer>;
  /** Of a native host. Does not reject. */
  lookUpHost(name: string): Promise<HostAnswer>;
  /** Does not reject. */
  runHook(environment: HookEnvironment): Promise<HookEnd>;
  stop(): Promise<void>;
}

const GONE = "the process that does errands is gone; restart the daemon";

/** Not yet given errands, which differ but in their number. */
type Wanted<T = Errand> = T extends Errand ? Omit<T, "id"> : never;

/**
 * Starts the process that does a client's errands.
 *
 * @param program the command that runs this very program
 * @param ended told once, when it ended without having been told to, what is not done any more and why
 * @throws what spawn() throws
 */
export function startErrands(
  program: readonly string[],
  task: Task,
  ended: (why: string) => void,
): Errands {
  const waiting = new Map<number, (done: Done) => void>();
  let last = 0;
  const what = task.hook === undefined ? "names are not looked up" : "the hook is not run";
  let gone: string | undefined;
  const heard = (line: string) => {
    const done = readDone(line);
    const answer = done && waiting.get(done.id);
    if (answer === undefined) return false;
    waiting.delete(done!.id);
    answer(done!);
    return true;
  };
  const child: HelperProcess = startProcess(program, ERRANDS, write(task), {
    heard,
    ended: (why) => {
      gone = `${what} any more: the process for it is gone (${why})`;
      for (const [id, answer] of waiting) answer({ id, problem: GONE });
      waiting.clear();
      ended(gone);
    },
  });
  const ask = (wanted: Wanted): Promise<Done> => {
    const id = ++last;
    if (gone !== undefined) return Promise.resolve({ id, problem: GONE });
    const { promise, resolve } = Promise.withResolvers<Done>();
    waiting.set(id, resolve);
    child.write(write({ id, ...wanted }));
    return promise;
  };
  return {
    pids: child.pid === undefined ? [] : [child.pid],
    get gone() {
      return gone;
    },
    lookUp: async (lookUp) => {
      const done = await ask({ lookUp });
      if ("addresses" in done) return done;
      return { problem: "problem" in done ? done.problem : "no answer" };
    },
    lookUpHost: async (lookUpHost) => {
      const done = await ask({ lookUpHost });
      if ("hosts" in done) return done;
      return { problem: "problem" in done ? done.problem : "no answer" };
    },
    runHook: async (hook) => {
      const done = await ask({ hook });
      if ("output" in done) return done;
      return { output: "", failure: "problem" in done ? done.problem : "no answer" };
    },
    stop: () => child.stop(),
  };
}
