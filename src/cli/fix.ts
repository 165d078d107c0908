import type { RelayConfig } from "#src/config/config.ts";
import type { CheckResult } from "#src/daemon/checks/result.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import type { Action, LastingFile, Mender } from "#src/daemon/host/mender.ts";

/** A command that was carried out, or why it was not. */
export interface Mended {
  readonly command: string;
  readonly problem?: string;
}

export interface Task {
  readonly host: Host;
  readonly mender: Mender;
  /** Undefined: it is for a server. */
  readonly relay: RelayConfig | undefined;
  /** Whether it is to be so after the next start of the system. */
  readonly persist: boolean;
  say(line: string): void;
  /** Says what has not been said yet. */
  tell(results: readonly CheckResult[]): void;
  /** All checks once more. */
  look(): Promise<readonly CheckResult[]>;
}

/** One mend can bring another check to light. */
const MOST_ROUNDS = 4;
const LOOK_AGAIN_MS = 500;
const MOST_LOOKS = 5;

/**
 * Carries out mends that are safe, each shown before; what is not known to be safe was shown by its
 * check, and stays with that.
 *
 * @param first what the checks found
 */
export async function fix(first: readonly CheckResult[], task: Task) {
  const done = new Map<string, Action>();
  const mended: Mended[] = [];
  let results = first;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const next = actionsIn(results, task.mender).filter((it) =>
      !done.has(it.command) && mayDo(it, results)
    );
    if (next.length === 0) break;
    for (const action of next) {
      done.set(action.command, action);
      mended.push(attempt(action, task));
    }
    results = await settled(task);
    task.tell(results);
  }
  for (const action of actionsIn(results, task.mender).filter((it) => !done.has(it.command))) {
    mended.push(leave(action.command, "an IPv6 default route would be lost by it", task));
  }
  const refused = new Set(mended.filter((it) => it.problem !== undefined).map((it) => it.command));
  const lasting = [...done.values()].filter((it) => !refused.has(it.command));
  if (task.persist) mended.push(...persist(lasting, task));
  return { results, mended };
}

/** A daemon that runs looks at its readiness every second: until then it says what was. */
async function settled({ look }: Task): Promise<readonly CheckResult[]> {
  for (let looks = 1;; looks++) {
    const results = await look();
    const isStale = results.some(({ name, verdict }) => name === "running" && verdict === "fail");
    if (!isStale || looks === MOST_LOOKS) return results;
    await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
  }
}

function actionsIn(results: readonly CheckResult[], mender: Mender): readonly Action[] {
  const mends = results.filter(({ verdict }) => verdict === "fail" || verdict === "warn")
    .flatMap(({ mend }) => mend === undefined ? [] : mender.actionsOf(mend) ?? []);
  return [...new Map(mends.map((it) => [it.command, it])).values()];
}

/** This host's own way to the Internet comes first. */
function mayDo(action: Action, results: readonly CheckResult[]): boolean {
  const isAtRisk = results.some(({ name, verdict }) => name === "accept_ra" && verdict === "fail");
  return !(action.endangersRoutes && isAtRisk);
}

function attempt(action: Action, task: Task): Mended {
  const { command } = action;
  task.say(`mend ${command}`);
  const problem = action.carryOut();
  return problem === undefined ? { command } : leave(command, problem, task);
}

function leave(command: string, problem: string, { say }: Task): Mended {
  say(`left ${command}: ${problem}`);
  return { command, problem };
}

/** Writes down what was mended, and what was so before, which may not outlast the next start. */
function persist(done: readonly Action[], task: Task): Mended[] {
  const { mender, host, relay } = task;
  const standing = relay === undefined ? [] : mender.standing(host, relay);
  const files: readonly LastingFile[] = ["modules", "sysctl"];
  const transient = done.filter(({ lasting }) => lasting === undefined).map(({ command }) =>
    leave(
      `keep ${command}`,
      "it lasts until the next start: see to it in the configuration of the network",
      task,
    )
  );
  return [...transient, ...files.flatMap((file) => keepIn(file, [...done, ...standing], task))];
}

function keepIn(file: LastingFile, actions: readonly Action[], task: Task): Mended[] {
  const lines = actions.flatMap(({ lasting }) => lasting?.file === file ? [lasting.line] : []);
  if (lines.length === 0) return [];
  const unique = [...new Set(lines)];
  const command = `write ${unique.join(", ")} to ${task.mender.paths[file]}`;
  task.say(`mend ${command}`);
  const problem = task.mender.keep(file, unique);
  return [problem === undefined ? { command } : leave(command, problem, task)];
}
