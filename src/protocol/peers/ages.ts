import { NO_PEER, type PeerId } from "./index.ts";
import { Links } from "./links.ts";

const UNTRUSTED = 0;
const TRUSTED = 1;

/** All entries by age, those not trusted before those that are: the first is the first to give way. */
export class PeerAges {
  readonly #links: Links;

  constructor(capacity: number) {
    this.#links = new Links(capacity, 2);
  }

  get firstUntrusted(): PeerId {
    return this.#links.first(UNTRUSTED);
  }

  get firstTrusted(): PeerId {
    return this.#links.first(TRUSTED);
  }

  get first(): PeerId {
    return this.firstUntrusted === NO_PEER ? this.firstTrusted : this.firstUntrusted;
  }

  next(p: PeerId, trusted: boolean): PeerId {
    const next = this.#links.next(p);
    return next === NO_PEER && !trusted ? this.firstTrusted : next;
  }

  append(p: PeerId, trusted: boolean): void {
    this.#links.append(trusted ? TRUSTED : UNTRUSTED, p);
  }

  /** @param trusted as it was when it was appended */
  remove(p: PeerId, trusted: boolean): void {
    this.#links.remove(trusted ? TRUSTED : UNTRUSTED, p);
  }

  /** To the end of its list. */
  renew(p: PeerId, trusted: boolean): void {
    this.remove(p, trusted);
    this.append(p, trusted);
  }
}
