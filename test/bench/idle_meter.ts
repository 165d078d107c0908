import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Soaked } from "./soaker.ts";

const SOAKER: string = fileURLToPath(new URL("soaker.ts", import.meta.url));
const FREE_SECONDS = 0.4;
/** Where control groups of processors may be mounted: those of the first version, and of the second. */
const HIERARCHIES = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"];

/**
 * How much processor time the whole machine uses, interrupts included: on each core a program of idle
 * priority counts what is left of it. What the kernel says of itself is sampled at ticks, which an idle
 * core does not have: it read 5 % where 50 % were used.
 *
 * It needs root and Linux 5.15: where the kernel groups tasks by session, a priority of a task does not
 * count outside of its session, and that of a control group does (cpu.idle).
 */
export class IdleMeter {
  readonly #soakers: readonly Soaker[];
  readonly #group: string;

  private constructor(soakers: readonly Soaker[], group: string) {
    this.#soakers = soakers;
    this.#group = group;
  }

  /** @throws Error when the kernel has no such control groups */
  static async start(): Promise<IdleMeter> {
    const meter = new IdleMeter(cpus().map((_, cpu) => new Soaker(cpu)), makeIdleGroup());
    try {
      await Promise.all(meter.#soakers.map((soaker) => soaker.untilReady(meter.#group)));
    } catch (error) {
      await meter.close();
      throw error;
    }
    return meter;
  }

  /** What there is to take while nothing runs, for {@link used}. */
  free(): Promise<Soaked[]> {
    return this.#soak(FREE_SECONDS);
  }

  /** Cores' worth of processor time that others use from now on for `seconds`. */
  async used(free: readonly Soaked[], seconds: number): Promise<number> {
    return coresUsed(free, await this.#soak(seconds));
  }

  #soak(seconds: number): Promise<Soaked[]> {
    return Promise.all(this.#soakers.map((soaker) => soaker.soak(seconds)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#soakers.map((soaker) => soaker.close()));
    rmdirSync(this.#group);
  }
}

/** By what was taken of each core while nothing ran, and while something did. */
export function coresUsed(free: readonly Soaked[], left: readonly Soaked[]): number {
  const rate = ({ loops, seconds }: Soaked) => loops / seconds;
  return left.reduce((sum, one, cpu) => sum + 1 - rate(one) / rate(free[cpu]!), 0);
}

/** @returns the folder of a new control group that gives way to all others */
function makeIdleGroup(): string {
  for (const hierarchy of HIERARCHIES) {
    const group = `${hierarchy}/teredo-bench-${process.pid}`;
    if (!existsSync(`${hierarchy}/cgroup.procs`)) continue;
    mkdirSync(group, { recursive: true }); // a run that was killed may have left it
    if (existsSync(`${group}/cpu.idle`)) {
      writeFileSync(`${group}/cpu.idle`, "1");
      return group;
    }
    rmdirSync(group);
  }
  throw new Error(`no control groups with cpu.idle in ${HIERARCHIES.join(" or ")}`);
}

/** A `soaker.ts` on one core. */
class Soaker {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(cpu: number) {
    const argv = ["-c", `${cpu}`, process.execPath, SOAKER];
    this.#child = spawn("taskset", argv, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin!.on("error", () => {}); // the next answer is missing
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** Only then it gives way: nobody gets started on what others leave. */
  async untilReady(group: string): Promise<void> {
    await this.#answer();
    const pid = `${this.#child.pid}`;
    execFileSync("chrt", ["--all-tasks", "--idle", "--pid", "0", pid]);
    writeFileSync(`${group}/cgroup.procs`, pid);
  }

  async soak(seconds: number): Promise<Soaked> {
    this.#child.stdin!.write(`${seconds}\n`);
    return JSON.parse(await this.#answer());
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("soaker.ts has ended");
    return value;
  }

  async close(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }
}
