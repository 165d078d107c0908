import { tunnelWatchedBy } from "#src/datapath/fates/tunnel.ts";
import { Fates, FateWish } from "#src/datapath/fates/wish.ts";
import { parsePeerPattern } from "#src/protocol/peers/pattern.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { RelayLab } from "#test/protocol/relay/lab.ts";

/** A relay, and the two ends by which a thread is asked for its packets' fates. */
export class WatchedRelay {
  readonly lab: RelayLab;
  readonly fates = new Fates(1);
  readonly #wish: FateWish;

  constructor(options: Partial<RelayOptions> = {}) {
    this.lab = new RelayLab(options);
    this.#wish = new FateWish(this.fates.optionsOf(0), this.lab.counters, SERVICE_PREFIX);
  }

  observe(...peers: readonly string[]): void {
    this.fates.observe(peers.map((peer) => parsePeerPattern(peer)!));
    this.turn();
  }

  /** As the loop does at the start of each turn. */
  turn(): void {
    const fates = this.#wish.take();
    if (fates !== undefined) this.lab.passage = tunnelWatchedBy(this.lab.relay, fates);
  }
}
