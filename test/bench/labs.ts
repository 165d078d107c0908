import { BenchLab, type Parties } from "./bench_lab.ts";

export type LabName = "miredo" | "teredo" | "teredo-full" | "miredo-2" | "teredo-2" | "kernel";

/** `-2`: two workers, or two threads, wherever the scheduler wants them. */
const PARTIES: Record<LabName, Parties> = {
  "miredo": { maker: "miredo", workers: 1 },
  "teredo": { maker: "teredo", workers: 1 },
  "teredo-full": { maker: "teredo", workers: 1 },
  "miredo-2": { maker: "miredo", workers: 2 },
  "teredo-2": { maker: "teredo", workers: 2 },
  "kernel": { workers: 1 },
};

/** Labs that stay up over all rounds, each built when it is first needed. */
export class Labs {
  readonly #labs = new Map<LabName, Promise<BenchLab>>();

  get(name: LabName): Promise<BenchLab> {
    const known = this.#labs.get(name);
    if (known !== undefined) return known;
    const made = BenchLab.create(PARTIES[name]);
    this.#labs.set(name, made);
    return made;
  }

  async close(): Promise<void> {
    const made = await Promise.allSettled(this.#labs.values());
    await Promise.all(
      made.map((lab) => lab.status === "fulfilled" ? lab.value.close() : undefined),
    );
  }
}
