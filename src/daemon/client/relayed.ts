import { MAX_SERVED } from "#src/config/kinds/network.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { describeServed } from "../served.ts";

/** This host's own IPv6 addresses, while it is relayed for. RFC 4380 §5.5 */
export class Relayed {
  readonly #log: Logger;
  readonly #own: () => readonly Ipv6Prefix[];
  /** Undefined: the host is a client. */
  prefixes: readonly Ipv6Prefix[] | undefined;

  /** @param own those that it has at this moment */
  constructor(log: Logger, own: () => readonly Ipv6Prefix[]) {
    this.#log = log;
    this.#own = own;
  }

  look(isRelaying: boolean): void {
    const before = describeServed(this.prefixes);
    this.prefixes = isRelaying ? this.#find() : undefined;
    const served = describeServed(this.prefixes);
    if (!isRelaying || served === before) return;
    this.#log.info("Serving own addresses", { served });
    if (this.prefixes?.length !== MAX_SERVED) return;
    this.#log.warn("Serving no more own addresses than these", { count: MAX_SERVED });
  }

  #find(): readonly Ipv6Prefix[] {
    try {
      return this.#own();
    } catch {
      // As without a descriptor to ask by: those of before, until the next look.
      return this.prefixes ?? [];
    }
  }
}
