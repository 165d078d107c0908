import { EXIT } from "../exit.ts";
import { exitOf } from "../status/ask.ts";
import { NoStatus } from "../status/no_status.ts";
import type { Target } from "../status/targets.ts";
import type { View } from "./seen.ts";
import { Watched } from "./watched.ts";

/** Daemons that are asked together. */
export class Watch {
  readonly #daemons: readonly Watched[];
  readonly #interval: number;

  /** @param interval between two questions, in milliseconds */
  constructor(targets: readonly Target[], interval: number) {
    this.#daemons = targets.map((target) => new Watched(target, () => performance.now() / 1000));
    this.#interval = interval / 1000;
  }

  /** Asks each of them once; for 10 s at the most. */
  async ask(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.ask()));
  }

  /** What there is to show; of those that never answered nothing, if another one did. */
  view(): Pick<View, "daemons" | "problems"> {
    const daemons = this.#daemons.map((daemon) => daemon.seen(this.#interval))
      .filter((seen) => seen !== undefined);
    return { daemons, problems: daemons.length > 0 ? [] : this.#problems };
  }

  get #problems(): string[] {
    return this.#daemons.flatMap(({ answer, places }) =>
      answer instanceof NoStatus
        ? [answer.message]
        : answer === undefined
        ? [`asking ${places}`]
        : []
    );
  }

  /** By the last answers; those that there are none of yet do not count. */
  get exitStatus(): number {
    const answers = this.#daemons.map(({ answer }) => answer).filter((it) => it !== undefined);
    return answers.length === 0 ? EXIT.Failed : exitOf(answers);
  }
}
