import { writeSync } from "node:fs";
import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import { linesOf } from "../../helper/lines.ts";
import { ignoreNamelessSignals } from "../../host/mod.ts";
import { dropPrivileges } from "../../privileges.ts";
import { ANSWERED } from "../../signals.ts";
import {
  type Done,
  type Errand,
  isLookUp,
  readErrand,
  readTask,
  type Task,
  write,
} from "./words.ts";
import { runHook } from "./hook.ts";
import { answerLookUp } from "./look_up.ts";

const STDOUT = 1;

/**
 * Does a client's errands: looks up names, which reads files and asks servers that no sandbox knows, and
 * runs the hook, which needs the rights that its daemon had at start. Its {@link Task} comes on standard
 * input, then errands; what came of them goes to standard output. Ends when standard input does, or says
 * what is not understood.
 *
 * @returns the exit status
 */
export async function runErrands(): Promise<number> {
  // They may go to all of a terminal, a service or a name: the daemon ends, and this with it.
  for (const signal of ANSWERED) process.on(signal, () => {});
  const libc = await openLibc();
  ignoreNamelessSignals(libc);
  const lines = linesOf(process.stdin);
  const { value: first = "" } = await lines.next();
  let task: Task;
  try {
    task = readTask(first);
    if (task.hook === undefined) dropPrivileges(libc, task.user, undefined);
  } catch {
    return 1;
  }
  for await (const line of lines) {
    const errand = readErrand(line);
    if (errand === undefined) break;
    const { id } = errand;
    void carryOut(errand, task).catch((error) => ({ id, problem: String(error) })).then(say);
  }
  return 0;
}

async function carryOut(errand: Errand, { hook }: Task): Promise<Done> {
  if (isLookUp(errand)) return await answerLookUp(errand);
  const { id } = errand;
  if (hook === undefined) return { id, problem: "there is no hook" };
  return { id, ...await runHook(hook, errand.hook) };
}

function say(done: Done): void {
  try {
    writeSync(STDOUT, write(done));
  } catch {
    // Nobody listens any more: standard input ends as well.
  }
}
