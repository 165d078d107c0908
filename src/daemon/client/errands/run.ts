import { writeSync } from "node:fs";
import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { linesOf } from "../../helper/lines.ts";
import type { User } from "../../host/contract.ts";
import { ignoreNamelessSignals } from "../../host/mod.ts";
import { dropPrivileges } from "../../privileges.ts";
import { giveUpRights } from "../../sandbox/linux/no_rights.ts";
import { ANSWERED } from "../../signals.ts";
import {
  type Done,
  type Errand,
  isLookUp,
  LOOK_UPS_MAX,
  NO_FORM,
  numberOf,
  readErrand,
  readTask,
  type Task,
  TOO_MANY,
  write,
} from "./words.ts";
import { runHook } from "./hook.ts";
import { answerLookUp } from "./look_up.ts";

const STDOUT = 1;

/**
 * Does a client's errands: looks up names, which reads files and asks servers that no filter of calls
 * knows, and has no rights for that; or runs the hook, which needs those that its daemon had at start. Its
 * {@link Task} comes on standard input, then errands; what came of them goes to standard output. One that it
 * does not take is refused. Ends when standard input does, or says what nobody could be answered to.
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
  } catch {
    return 1;
  }
  if (task.hook === undefined) giveUp(libc, task.user);
  const begun = { lookUps: 0, hooks: 0 };
  const ending = new AbortController();
  for await (const line of lines) {
    const errand = readErrand(line);
    const id = errand?.id ?? numberOf(line);
    if (id === undefined) break;
    if (errand === undefined) {
      // Nothing is done; what else is asked is no worse for it.
      say({ id, problem: NO_FORM });
      continue;
    }
    const kind = isLookUp(errand) ? "lookUps" : "hooks";
    if (begun[kind] === (kind === "hooks" ? 1 : LOOK_UPS_MAX)) {
      say({ id, problem: TOO_MANY });
      continue;
    }
    begun[kind]++;
    void carryOut(errand, task, ending.signal).catch((error) => ({ id, problem: String(error) }))
      .then((done) => {
        begun[kind]--;
        say(done);
      });
  }
  ending.abort();
  return 0;
}

/** As far as the kernel lets it: its daemon could not do more either, and names are wanted. */
function giveUp(libc: Libc, user: User | undefined): void {
  for (
    const step of [
      () => dropPrivileges(libc, user, undefined),
      () => libc.layout.system === "Linux" && giveUpRights(libc),
    ]
  ) {
    try {
      step();
    } catch {
      // The other one holds.
    }
  }
}

async function carryOut(errand: Errand, { hook }: Task, ending: AbortSignal): Promise<Done> {
  if (isLookUp(errand)) return await answerLookUp(errand);
  const { id } = errand;
  if (hook === undefined) return { id, problem: "there is no hook" };
  return { id, ...await runHook(hook, errand.hook, undefined, ending) };
}

function say(done: Done): void {
  try {
    writeSync(STDOUT, write(done));
  } catch {
    // Nobody listens any more: standard input ends as well.
  }
}
