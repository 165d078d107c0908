import { BenchLab, type Parties } from "./bench_lab.ts";
import { IdleMeter } from "./idle_meter.ts";

export type LabName =
  | "miredo"
  | "teredo"
  | "fast"
  | "teredo-full"
  | "fast-full"
  | "miredo-2"
  | "teredo-2"
  | "kernel";

/** `-2`: two workers, or two threads, wherever the scheduler wants them. */
const PARTIES: Record<LabName, Parties> = {
  "miredo": { maker: "miredo", workers: 1 },
  "teredo": { maker: "teredo", workers: 1 },
  "fast": { maker: "fast", workers: 1 },
  "teredo-full": { maker: "teredo", workers: 1 },
  "fast-full": { maker: "fast", workers: 1 },
  "miredo-2": { maker: "miredo", workers: 2 },
  "teredo-2": { maker: "teredo", workers: 2 },
  "kernel": { workers: 1 },
};

/** Labs that stay up over all rounds, each built when it is first needed. */
export class Labs {
  readonly #labs = new Map<LabName, Promise<BenchLab>>();
  readonly #open: { close(): Promise<void> }[] = [];
  #meter?: Promise<IdleMeter>;

  get(name: LabName): Promise<BenchLab> {
    const known = this.#labs.get(name);
    if (known !== undefined) return known;
    const made = this.#make(PARTIES[name]);
    this.#labs.set(name, made);
    return made;
  }

  async #make(parties: Parties): Promise<BenchLab> {
    const lab = await BenchLab.create(parties);
    this.#open.push(lab);
    if (parties.maker !== undefined) await lab.warm();
    return lab;
  }

  /** The machine's, started when it is first asked for. */
  meter(): Promise<IdleMeter> {
    return this.#meter ??= this.#startMeter();
  }

  async #startMeter(): Promise<IdleMeter> {
    const meter = await IdleMeter.start();
    this.#open.push(meter);
    return meter;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((it) => it.close()));
  }
}
