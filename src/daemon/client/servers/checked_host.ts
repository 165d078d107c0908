import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { isTeredo } from "#src/protocol/wire/teredo_address.ts";
import type { Clock } from "../clock.ts";
import { RETRIES } from "./names.ts";

/** What came of looking a host up: its IPv6 addresses as text, or why there are none. */
export type HostAnswer = { readonly hosts: readonly string[] } | { readonly problem: string };

interface CheckedHostParts {
  readonly clock: Clock;
  /** Looks one name up, however long it takes; does not reject. */
  lookUp(name: string): Promise<HostAnswer>;
  /** Another address is to be checked. */
  changed(): void;
  /** There is none, where there was one or nobody had asked. */
  failed(name: string, problem: string): void;
  /** There is one again. */
  answered(name: string): void;
}

/** The one native host that is checked now and then: its name, and the address that it has. */
export class CheckedHost {
  readonly #parts: CheckedHostParts;
  readonly #prefix: number;
  #name: string | undefined;
  #address: Uint8Array | undefined;
  #isFailing = false;
  /** Answers to an earlier question come too late. */
  #round = 0;
  #retries = 0;
  #cancel = () => {};

  /** @param prefix upper 32 bits of Teredo addresses, none of which is a native host's */
  constructor(parts: CheckedHostParts, name: string | undefined, prefix: number) {
    this.#parts = parts;
    this.#prefix = prefix;
    this.#name = name;
    this.#address = name === undefined ? undefined : this.#nativeIn([name]);
  }

  /** 16 bytes; undefined: it is not known, or there is none to check. */
  get address(): Uint8Array | undefined {
    return this.#address;
  }

  /** Another host, or none; asked for at once. */
  set(name: string | undefined): void {
    if (name === this.#name) return;
    this.close();
    this.#name = name;
    this.#isFailing = false;
    this.#take(undefined);
    void this.ask();
  }

  /** Asks for its address, as when the network is another one. */
  async ask(): Promise<void> {
    this.#retries = 0;
    await this.#ask();
  }

  close(): void {
    this.#round++;
    this.#cancel();
  }

  async #ask(): Promise<void> {
    const name = this.#name;
    this.close();
    if (name === undefined) return;
    const round = this.#round;
    const isAddress = parseIpv6(name) !== undefined;
    const answer = isAddress ? { hosts: [name] } : await this.#parts.lookUp(name);
    if (round !== this.#round) return;
    const address = "hosts" in answer ? this.#nativeIn(answer.hosts) : undefined;
    if (address !== undefined) {
      if (this.#isFailing) this.#parts.answered(name);
      this.#isFailing = false;
      return this.#take(address);
    }
    const problem = "problem" in answer ? answer.problem : "it has no address of a native host";
    if (!this.#isFailing) this.#parts.failed(name, problem);
    this.#isFailing = true;
    if (isAddress) return;
    const delay = RETRIES[Math.min(this.#retries++, RETRIES.length - 1)]!;
    this.#cancel = this.#parts.clock.after(delay, () => void this.#ask());
  }

  /** The lowest, so that an answer in another order is no other host. */
  #nativeIn(hosts: readonly string[]): Uint8Array | undefined {
    return [...hosts].sort().map(parseIpv6).find((it) =>
      it !== undefined && isGlobalUnicast(it) && !isTeredo(it, 0, this.#prefix)
    );
  }

  #take(address: Uint8Array | undefined): void {
    if (String(address) === String(this.#address)) return;
    this.#address = address;
    this.#parts.changed();
  }
}

/** 2000::/3. RFC 4291 §2.4 */
function isGlobalUnicast(b: Uint8Array): boolean {
  return b[0]! >> 5 === 1;
}
