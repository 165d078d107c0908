import type { Millis } from "#src/protocol/time.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";

export interface Standing {
  readonly ok: boolean;
  readonly since: Millis;
}

/** Since when each check is as ok, or not, as it is. */
export class Standings {
  #known: ReadonlyMap<string, Standing> = new Map();

  /** @param checks all there are now */
  look(checks: readonly ReadinessCheck[], now: Millis): void {
    this.#known = new Map(checks.map(({ name, ok }) => {
      const known = this.#known.get(name);
      return [name, known?.ok === ok ? known : { ok, since: now }];
    }));
  }

  /** @param name of a check that was looked at */
  since(name: string): Millis {
    return this.#known.get(name)!.since;
  }

  get all(): readonly (readonly [name: string, standing: Standing])[] {
    return [...this.#known];
  }

  /** Goes on from what the daemon before this one has seen. */
  takeOver(all: readonly (readonly [name: string, standing: Standing])[]): void {
    this.#known = new Map([...all, ...this.#known]);
  }
}
