import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { START_PATIENCE, until } from "./programs.ts";

const INTERVAL_SECONDS = 0.1;
/** Answered packets before and after what happens meanwhile. */
const STEADY = 5;

export interface Tally {
  readonly sent: number;
  readonly lost: number;
  /** Sequence numbers of what was lost. */
  readonly unanswered: readonly number[];
  /** Of those, what a router had no route for. */
  readonly unrouted: readonly number[];
  /** Of the last answer. */
  readonly last: number;
}

/** A ping(8) that goes on while something happens to its way. */
export class RunningPing {
  readonly #process: LabProcess;
  /** By line, as there may be more of them than are kept. */
  readonly #answers = new Set<number>();
  readonly #refused = new Set<number>();

  private constructor(process: LabProcess) {
    this.#process = process;
    process.onLine((line) => {
      const [, sequence, said] = /icmp_seq=(\d+) (.*)/.exec(line) ?? [];
      if (said?.includes("time=")) this.#answers.add(Number(sequence));
      if (said?.includes("unreachable: No route")) this.#refused.add(Number(sequence));
    });
  }

  /** Resolves when it is answered. */
  static async start(
    lab: Lab,
    namespace: string,
    target: string,
    seconds = INTERVAL_SECONDS,
  ): Promise<RunningPing> {
    const argv = ["ping", "-6", "-n", "-O", "-i", `${seconds}`, "-W", "1", target];
    const running = new RunningPing(lab.spawn(namespace, argv));
    await running.#answered(STEADY);
    return running;
  }

  /** Waits for so many answers more. */
  async #answered(more: number): Promise<void> {
    const wanted = this.#answers.size + more;
    await until(
      "the ping is answered",
      () => Promise.resolve(this.#answers.size >= wanted),
      START_PATIENCE,
    );
  }

  /** Waits until it is answered again, and counts up to the last answer. */
  async stop(): Promise<Tally> {
    await this.#answered(STEADY);
    const answered = new Set(this.#answers);
    this.#process.kill("SIGINT");
    await this.#process.result;
    const [first, last] = [Math.min(...answered), Math.max(...answered)];
    const sequence = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const unanswered = sequence.filter((it) => !answered.has(it));
    const unrouted = unanswered.filter((it) => this.#refused.has(it));
    return { sent: sequence.length, lost: unanswered.length, unanswered, unrouted, last };
  }
}
