import type { ServerName } from "#src/config/config.ts";
import type { Millis } from "#src/protocol/time.ts";
import { chooseServers, type ChosenServer } from "#src/protocol/client/servers/choose.ts";
import { formatIpv4, isGlobalUnicast, isUnicast } from "#src/protocol/wire/ipv4.ts";
import { obstacleIn, specialPurpose4 } from "#src/protocol/wire/special_purpose.ts";
import type { Clock } from "../clock.ts";
import { namesIn } from "./configured.ts";

/** After which a name without an answer is asked for again; the last one stays. */
export const RETRIES: readonly Millis[] = [5_000, 10_000, 20_000, 40_000, 80_000, 100_000];
/** Addresses that are kept of one name; see docs/limits.md. */
export const ADDRESSES_MAX = 32;

/** What came of looking a name up: its IPv4 addresses, or why there are none. */
export type Answer = { readonly addresses: readonly number[] } | { readonly problem: string };

export interface NamesHost {
  readonly clock: Clock;
  /** Looks one name up, however long it takes; does not reject. */
  lookUp(host: string): Promise<Answer>;
  /** The list of servers is another one. */
  changed(servers: readonly ChosenServer[]): void;
  /** A name has no answer that had one, or was never asked for; `isKnown`: an older one has to do. */
  failed(host: string, problem: string, isKnown: boolean): void;
  /** A name has an answer again. */
  answered(host: string): void;
}

/**
 * The servers by their names. Asks at start, when told to, and again and again for a name without an
 * answer; meanwhile the last answer counts, be it of the daemon that ran before.
 */
export class ServerNames {
  readonly #host: NamesHost;
  #servers: readonly ServerName[];
  readonly #known: Map<string, readonly number[]>;
  /** Names without an answer that counts, and why. */
  readonly #failing = new Map<string, string>();
  #chosen: readonly ChosenServer[];
  /** One round of questions; answers to an earlier one come too late. */
  #round = 0;
  #askedAt: Millis = -Infinity;
  #retries = 0;
  #cancel = () => {};

  /** @param known addresses that names had when they were last asked for */
  constructor(
    host: NamesHost,
    servers: readonly ServerName[],
    known: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#host = host;
    this.#servers = servers;
    this.#known = new Map(known);
    this.#chosen = this.#choose();
  }

  /** Before an answer, those that are known; empty: none is. */
  get servers(): readonly ChosenServer[] {
    return this.#chosen;
  }

  /** Addresses of the names in use, for the next daemon. */
  get known(): ReadonlyMap<string, readonly number[]> {
    const names = namesIn(this.#servers);
    return new Map([...this.#known].filter(([host]) => names.includes(host)));
  }

  /** Names that have no answer now, and why. */
  get unresolved(): readonly { readonly name: string; readonly why: string }[] {
    return [...this.#failing].map(([name, why]) => ({ name, why }));
  }

  /** When they were last asked for, on the clock of the host. */
  get askedAt(): Millis {
    return this.#askedAt;
  }

  /** Other servers; their names are asked for at once. */
  set(servers: readonly ServerName[]): void {
    this.#servers = servers;
    for (const host of this.#failing.keys()) {
      if (!namesIn(servers).includes(host)) this.#failing.delete(host);
    }
    this.#update();
    void this.ask();
  }

  /** Asks for every name, as when the network is another one. @returns when all have been answered */
  async ask(): Promise<void> {
    this.#retries = 0;
    await this.#askFor(namesIn(this.#servers));
  }

  close(): void {
    this.#round++;
    this.#cancel();
  }

  async #askFor(names: readonly string[]): Promise<void> {
    const round = ++this.#round;
    this.#cancel();
    this.#cancel = () => {};
    this.#askedAt = this.#host.clock.now();
    await Promise.all(names.map(async (name) => {
      const answer = await this.#host.lookUp(name);
      if (round === this.#round) this.#take(name, answer);
    }));
    if (round === this.#round) this.#planRetry();
  }

  #take(name: string, answer: Answer): void {
    const addresses = "addresses" in answer ? answer.addresses.slice(0, ADDRESSES_MAX) : [];
    const problem = "problem" in answer
      ? answer.problem
      : whyNone(addresses, this.#known.get(name) ?? []);
    if (problem !== undefined) {
      const isNews = !this.#failing.has(name);
      this.#failing.set(name, problem);
      if (isNews) this.#host.failed(name, problem, this.#known.has(name));
      return;
    }
    if (this.#failing.delete(name)) this.#host.answered(name);
    this.#known.set(name, addresses);
    // Not only at the end of the round: one name that is slow must not keep the others waiting.
    this.#update();
  }

  #planRetry(): void {
    if (this.#failing.size === 0) return;
    const delay = RETRIES[Math.min(this.#retries++, RETRIES.length - 1)]!;
    this.#cancel = this.#host.clock.after(
      delay,
      () => void this.#askFor([...this.#failing.keys()]),
    );
  }

  #choose(): ChosenServer[] {
    return chooseServers(this.#servers, (host) => this.#known.get(host));
  }

  #update(): void {
    const chosen = this.#choose();
    if (isSame(chosen, this.#chosen)) return;
    this.#chosen = chosen;
    this.#host.changed(chosen);
  }
}

/** What to do about the name of a server, or of a native host, that is not found. */
export function mendOfName(name: string, what: "server" | "host"): string {
  const family = what === "server" ? 4 : 6;
  return `see whether ${name} or /etc/resolv.conf is wrong, or give the ${what} by its IPv${family} address`;
}

/**
 * Why addresses are no answer of a name's; undefined: they are one. Whoever has not logged in yet, as in a
 * hotel, is told the portal's own address for every name, and nothing says when that ends.
 *
 * @param known what the name had before
 */
function whyNone(addresses: readonly number[], known: readonly number[]): string | undefined {
  const [first] = addresses;
  if (first === undefined) return "it has no IPv4 address";
  if (!addresses.some(isUnicast)) return `it has ${formatIpv4(first)}, which is no host's`;
  if (addresses.some(isPublic) || !known.some(isPublic)) return undefined;
  return `it has ${formatIpv4(first)}, which is not public, where it had a public address`;
}

/** Whether the Internet reaches it, or would but for its being of a test network. */
function isPublic(address: number): boolean {
  return isGlobalUnicast(address, false) && obstacleIn(specialPurpose4(address)) === undefined;
}

function isSame(a: readonly ChosenServer[], b: readonly ChosenServer[]): boolean {
  return a.length === b.length &&
    a.every(({ primary, secondary }, i) =>
      primary === b[i]!.primary && secondary === b[i]!.secondary
    );
}
