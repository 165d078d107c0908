import type { Millis } from "#src/protocol/time.ts";
import type { FieldSource, Logger } from "./logger.ts";
import type { Level } from "./record.ts";

export interface LimitOptions {
  /** Lines of one key let through in an interval. */
  readonly burst: number;
  readonly interval: Millis;
  /** Keys told apart; what comes beyond them shares one allowance. */
  readonly maxKeys: number;
  /** Monotonic. */
  readonly now: () => Millis;
}

export const DEFAULT_LIMITS = { burst: 5, interval: 60_000, maxKeys: 64 } as const;

const OVERFLOW = "\0overflow";

interface Allowance {
  since: Millis;
  written: number;
  suppressed: number;
  level: Level;
  message: string;
}

/**
 * Logging for what a stranger can cause at will: neither the lines nor the memory grow with the
 * stranger's effort, and nothing is left out in silence.
 */
export class LimitedLog {
  readonly #log: Logger;
  readonly #options: LimitOptions;
  readonly #keys = new Map<string, Allowance>();

  constructor(log: Logger, options: LimitOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** @param key what is limited together, e.g. the drop reason; never a stranger's own text */
  log(key: string, level: Level, message: string, fields: FieldSource = {}): void {
    if (!this.#log.enabled(level)) return;
    const allowance = this.#allowance(key, level, message);
    if (allowance.written >= this.#options.burst) {
      allowance.suppressed++;
      return;
    }
    allowance.written++;
    this.#log.log(level, message, fields);
  }

  /** Says what was suppressed in intervals that are over, and forgets them. Call it now and then. */
  flush(): void {
    const now = this.#options.now();
    for (const [key, allowance] of this.#keys) {
      if (now - allowance.since < this.#options.interval) continue;
      this.#keys.delete(key);
      this.#report(allowance);
    }
  }

  #allowance(key: string, level: Level, message: string): Allowance {
    const now = this.#options.now();
    const known = this.#keys.get(key);
    if (known !== undefined && now - known.since < this.#options.interval) return known;
    if (known !== undefined) {
      this.#keys.delete(key);
      this.#report(known);
    } else if (this.#keys.size >= this.#options.maxKeys && key !== OVERFLOW) {
      return this.#allowance(OVERFLOW, level, message);
    }
    const fresh = { since: now, written: 0, suppressed: 0, level, message };
    this.#keys.set(key, fresh);
    return fresh;
  }

  #report({ level, message, suppressed }: Allowance): void {
    if (suppressed > 0) this.#log.log(level, message, { suppressed });
  }
}
