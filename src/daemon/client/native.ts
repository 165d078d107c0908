import type { ClientConfig } from "#src/config/config.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Clock } from "./clock.ts";

/** So long native IPv6 has to be there, or away, to count. */
const STABLE_SEEN: Millis = 5_000;
const STABLE_GONE: Millis = 10_000;
/** So long flows by our addresses go on once native IPv6 is there. */
const GRACE: Millis = 60_000;

/** How much of a client is to be there. */
export type Standing =
  | "carrying"
  /** Flows go on, but none is to begin. */
  | "leaving"
  /** Nothing is there but the interface. */
  | "dormant"
  /** This host is relayed for, with the IPv6 that it has. RFC 4380 §5.5 */
  | "relaying";

export type WhenNative = ClientConfig["whenNative"];

/** What a client does where the host has IPv6 of its own: RFC 4380 §5.5 has it be none. */
export class NativePolicy {
  readonly #clock: Clock;
  readonly #changed: (standing: Standing) => void;
  readonly #mayRelay: () => boolean;
  #when: WhenNative;
  #isSeen = false;
  #isNative = false;
  #standing: Standing = "carrying";
  #cancel = () => {};

  /** @param mayRelay whether clients can reach a relay here at all, when it is to become one */
  constructor(
    clock: Clock,
    when: WhenNative,
    changed: (standing: Standing) => void,
    mayRelay: () => boolean = () => true,
  ) {
    this.#clock = clock;
    this.#when = when;
    this.#changed = changed;
    this.#mayRelay = mayRelay;
  }

  /** At the start there are no flows to be left their time, and nobody has to be told. */
  begin(isNative: boolean): void {
    this.#isSeen = isNative;
    this.#isNative = isNative;
    if (isNative && this.#when !== "keep") this.#standing = this.#end;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** Whether servers are left alone. */
  get isQuiet(): boolean {
    return this.#standing === "dormant" || this.#standing === "relaying";
  }

  /** Whether native IPv6 is there, as far as it has been for long enough. */
  get isNative(): boolean {
    return this.#isNative;
  }

  /** @param isSeen whether native IPv6 is there at this moment */
  look(isSeen: boolean): void {
    if (isSeen === this.#isSeen) return;
    this.#isSeen = isSeen;
    // What flaps counts as what it was.
    if (isSeen === this.#isNative) return this.#plan();
    this.#wait(isSeen ? STABLE_SEEN : STABLE_GONE, () => {
      this.#isNative = isSeen;
      this.#plan();
    });
  }

  /** This host is behind another NAT, maybe: whether it may relay is to be asked again. */
  moved(): void {
    if (this.isQuiet) this.#enter(this.#end);
  }

  set(when: WhenNative): void {
    if (when === this.#when) return;
    this.#when = when;
    if (this.#isSeen === this.#isNative) this.#plan();
  }

  close(): void {
    this.#cancel();
  }

  /** What the settled state asks for. */
  #plan(): void {
    this.#cancel();
    const stands = !this.#isNative || this.#when === "keep";
    if (stands) return this.#enter("carrying");
    if (this.isQuiet) return this.#enter(this.#end);
    this.#enter("leaving");
    this.#wait(GRACE, () => this.#enter(this.#end));
  }

  get #end(): Standing {
    return this.#when === "relay" && this.#mayRelay() ? "relaying" : "dormant";
  }

  #enter(standing: Standing): void {
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#changed(standing);
  }

  #wait(delay: Millis, step: () => void): void {
    this.#cancel();
    this.#cancel = this.#clock.after(delay, step);
  }
}
