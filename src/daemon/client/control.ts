import type { ClientConfig } from "#src/config/config.ts";
import type { ClientRules } from "#src/datapath/datapath.ts";
import type { HomeWish } from "#src/datapath/homes.ts";
import type { Logger } from "#src/log/logger.ts";
import type { ToldStatus } from "#src/datapath/client/news.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv6, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import type { ChosenServer } from "#src/protocol/client/servers/choose.ts";
import type { ClientStateName, ClientView } from "#src/status/snapshot.ts";
import type { WallTime } from "../history/wall_time.ts";
import type { Clock } from "./clock.ts";
import { homeOf, hookViewOf, keyOfHome } from "./home.ts";
import { type Hook, type Place, tellEnd } from "./hook.ts";
import { Relayed } from "./relayed.ts";
import { NativePolicy, type Standing } from "./native.ts";
import { clientRules } from "./rules.ts";
import { CheckedHost, type HostAnswer } from "./servers/checked_host.ts";
import { type Answer, mendOfName, ServerNames } from "./servers/names.ts";
import { Settled } from "./settled.ts";
import { keyOf, type Standpoint } from "./standpoint.ts";
import { type Reason, reasonOf, stateOf, whyNoIpv4 } from "./state.ts";
import type { ClientState, Mapping } from "./state_file.ts";
import { viewOf } from "./view.ts";

/** Changes of a network come by the dozen: so long after the last one it is taken as it is. */
const DEBOUNCE: Millis = 250;
/** While no server answers, their names are asked for again after so long: addresses change. */
const NAMES_AGAIN: Millis = 300_000;
/** Where the flags are in a Teredo address. RFC 4380 §4 */
const FLAGS_AT = 8;

/** What a client's life goes by. */
export interface ControlParts {
  readonly clock: Clock;
  /** By which it dates what it tells. */
  readonly time: Pick<WallTime, "now" | "date">;
  readonly log: Logger;
  readonly config: ClientConfig;
  /** What the last run has left. */
  readonly left: ClientState;
  /** Where this host stands at this moment. */
  readonly standpoint: Standpoint;
  /** Of the interface, which may have been made again. */
  place(): Place;
  /** Of each global IPv6 address that this host has, but for Teredo's. @param prefix its service prefix */
  ownPrefixes(prefix: number): readonly Ipv6Prefix[];
  /** Whether this system can lead packets by the address that they come from. */
  readonly hasSourceRules: boolean;
  /** UDP port that servers are asked from. */
  localPort(): number;
  /** Does not reject. */
  lookUp(host: string): Promise<Answer>;
  /** Of a native host. Does not reject. */
  lookUpHost(name: string): Promise<HostAnswer>;
  /** What the datapath last told. */
  status(): ToldStatus | undefined;
  /** @returns false when they are too many */
  setRules(rules: ClientRules): boolean;
  /** Resolves when it is done, or it was tried for long enough; does not reject. */
  setHome(wish: HomeWish): Promise<void>;
  readonly hook: Hook | undefined;
  /** To be found by the next run. */
  keep(state: ClientState): void;
  /** A server has given us an address, for the first time. */
  qualified(): void;
}

/**
 * Joins what a client is made of: from names, network and what the datapath tells comes what the datapath
 * goes by, what the interface has, and what is told of it all.
 */
export class ClientControl {
  readonly #parts: ControlParts;
  #config: ClientConfig;
  readonly #names: ServerNames;
  readonly #checked: CheckedHost;
  readonly #native: NativePolicy;
  readonly #network: Settled<Standpoint>;
  /** The way to native IPv6 that was last seen: no part of what makes another network. */
  #nativeWay: string | undefined;
  readonly #relayed: Relayed;
  #status: ToldStatus | undefined;
  #rules: string;
  #renewals = 0;
  /** By which way a server last said how the NAT looks. */
  #natSeenBy = "";
  #home = "";
  /** When it has what it is to have. */
  #arranged: Promise<void> = Promise.resolve();
  #state: ClientStateName = "probing";
  /** That was told last. */
  #address: string | undefined;
  /** By which the last address was, of this run or the one before. */
  #mapping: Mapping | undefined;
  #since: Millis;
  #lastChange: Reason & { readonly at: Millis } | undefined;

  constructor(parts: ControlParts) {
    const { clock, config, left, standpoint } = parts;
    this.#parts = parts;
    this.#since = parts.time.now();
    this.#config = config;
    this.#mapping = left.mapping;
    this.#names = new ServerNames(
      {
        clock,
        lookUp: (host) => parts.lookUp(host),
        changed: () => this.#follow("the servers have other addresses", false),
        failed: (name, problem, isKnown) => this.#nameFailed(name, problem, isKnown),
        answered: (name) => parts.log.info("Name found", { name }),
      },
      config.servers,
      left.names,
    );
    this.#checked = new CheckedHost(
      {
        clock,
        lookUp: (name) => parts.lookUpHost(name),
        changed: () => this.#follow("the host to check is another one", false),
        failed: (name, problem) => {
          parts.log.warn("Name not found", { name, problem, mend: mendOfName(name, "host") });
        },
        answered: (name) => parts.log.info("Name found", { name }),
      },
      config.checkHost,
      config.prefix,
    );
    this.#relayed = new Relayed(parts.log, () => parts.ownPrefixes(this.#config.prefix));
    this.#native = new NativePolicy(
      clock,
      config.whenNative,
      (standing) => this.#stand(standing),
      () => this.#mayRelay,
    );
    this.#network = new Settled(clock, DEBOUNCE, standpoint, keyOf, (now, before) => {
      this.#moved(now, before);
    });
    this.#nativeWay = standpoint.native;
    this.#native.begin(standpoint.native !== undefined);
    this.#relayed.look(this.#native.standing === "relaying");
    this.#rules = keyOfRules(this.rules);
  }

  /** What the datapath is to go by at this moment. */
  get rules(): ClientRules {
    const rules = clientRules(
      this.#config,
      this.#network.value,
      this.#names.servers,
      this.#checked.address,
      this.#mapping,
      this.#relayed.prefixes,
      this.#native.isQuiet,
    );
    return { ...rules, renewals: this.#renewals };
  }

  get servers(): readonly ChosenServer[] {
    return this.#names.servers;
  }

  get state(): ClientStateName {
    return this.#state;
  }

  /** Begins to ask for names, once the datapath serves. */
  start(): void {
    this.#askNames();
    this.coreChanged();
  }

  /** The datapath tells something else. */
  coreChanged(): void {
    const before = this.#status;
    this.#status = this.#parts.status();
    // What is told of servers that nobody asks is no reason for anything.
    if (this.#native.isQuiet) this.#arrange(this.#nativeText);
    else this.#arrange(this.#status && reasonOf(this.#status, before));
    if (this.#status?.server !== undefined) this.#natSeenBy = wayOf(this.#network.value);
  }

  /** @param standpoint where this host stands now */
  look(standpoint: Standpoint): void {
    this.#lookForNative(standpoint);
    this.#network.look(standpoint);
    if (this.#native.standing === "relaying") this.#relayForHost("this host has other addresses");
  }

  /** Each second. */
  tick(): void {
    const { clock } = this.#parts;
    const isOld = clock.now() - this.#names.askedAt >= NAMES_AGAIN;
    if (this.#state === "offline" && isOld) this.#askNames();
  }

  /** Everything is asked again, as when time has passed that nobody noticed. */
  renew(reason: string): void {
    this.#askNames();
    this.#setRules();
    this.#arrange(reason);
  }

  /** @returns false when the rules are too many: nothing has changed */
  goBy(config: ClientConfig): boolean {
    const before = this.#config;
    this.#config = config;
    if (!this.#setRules()) {
      this.#config = before;
      return false;
    }
    this.#native.set(config.whenNative);
    this.#names.set(config.servers);
    this.#checked.set(config.checkHost);
    this.#arrange("the configuration is another one");
    return true;
  }

  get view(): ClientView {
    const { time } = this.#parts;
    const last = this.#lastChange;
    return viewOf(this.#parts.status(), {
      state: this.#state,
      since: time.date(this.#since),
      leaving: this.#native.standing === "leaving" ? this.#nativeText : undefined,
      lastChange: last && { ...last, at: time.date(last.at) },
      servers: this.#names.servers,
      unresolved: this.#names.unresolved,
      localAddress: this.rules.localAddress,
      localPort: this.#parts.localPort(),
      refresh: this.#config.refresh,
    });
  }

  /** The addresses go; resolves when the hook has been told. */
  async end(): Promise<void> {
    this.#names.close();
    this.#checked.close();
    this.#native.close();
    this.#network.close();
    const { hook } = this.#parts;
    this.#keep();
    const arranged = this.#parts.setHome(this.#homeOf(undefined));
    if (hook === undefined) return;
    const { clock, log, place } = this.#parts;
    if (await tellEnd(hook, place, arranged, clock)) return;
    const problem = "the client could wait no longer for it, and ended it";
    log.warn("Hook failed", { path: this.#config.hook, problem });
  }

  #askNames(): void {
    void this.#names.ask();
    void this.#checked.ask();
  }

  #lookForNative({ native }: Standpoint): void {
    this.#nativeWay = native ?? this.#nativeWay;
    this.#native.look(native !== undefined);
  }

  #moved(now: Standpoint, before: Standpoint): void {
    this.#parts.log.info("Network changed", { detail: describeMove(now, before) });
    if (wayOf(now) !== wayOf(before)) {
      this.#native.moved();
      return this.renew("the network is another one");
    }
    // What leads to the servers is as it was: so is what they know of us.
    this.#setRules(false);
    this.#arrange(undefined);
  }

  #stand(standing: Standing): void {
    const what = this.#native.isNative ? this.#nativeText : "no native IPv6 any more";
    this.#parts.log.info("Native IPv6", { detail: what, state: standing });
    this.#relayForHost(what);
  }

  get #nativeText(): string {
    return `native IPv6: ${this.#nativeWay}`;
  }

  /** Or not, where it is a client. */
  #relayForHost(reason: string): void {
    this.#relayed.look(this.#native.standing === "relaying");
    this.#follow(reason);
  }

  /**
   * Behind a symmetric NAT bubbles of most clients would come to another mapping than ours towards them, and
   * all of them go to whatever relay is near them otherwise. RFC 4380 §5.4.1
   */
  get #mayRelay(): boolean {
    const isElsewhere = this.#hasIpv4 && wayOf(this.#network.value) !== this.#natSeenBy;
    return isElsewhere || this.#status?.nat.startsWith("symmetric") !== true;
  }

  /** Has the datapath go by what it is to go by now, if that is something else. */
  #follow(reason: string, isAnew = true): void {
    if (keyOfRules(this.rules) !== this.#rules) this.#setRules(isAnew);
    this.#arrange(reason);
  }

  /** @param isAnew every server is asked again, also where the rules are the same; else those that are new */
  #setRules(isAnew = true): boolean {
    if (isAnew) this.#renewals++;
    const { rules } = this;
    const isTaken = this.#parts.setRules(rules);
    if (isTaken) this.#rules = keyOfRules(rules);
    return isTaken;
  }

  /** Has interface, hook, log and file be as they should. */
  #arrange(reason: string | undefined): void {
    const status = this.#status;
    const wish = this.#homeOf(status);
    const key = keyOfHome(wish);
    if (key !== this.#home) this.#arranged = this.#parts.setHome(wish);
    this.#home = key;
    this.#parts.hook?.tell(hookViewOf(wish, this.#parts.place()), this.#arranged);
    this.#tell(reason, wish.addresses[0]?.bytes);
    this.#keep();
  }

  #homeOf(status: ToldStatus | undefined): HomeWish {
    const { standing } = this.#native;
    const hasSourceRules = this.#parts.hasSourceRules && this.#config.sourceRouting;
    return homeOf(status, { standing, hasIpv4: this.#hasIpv4, hasSourceRules }, this.#config);
  }

  get #hasIpv4(): boolean {
    return this.#network.value.localAddress !== 0;
  }

  /** A change of state or of address; others are seen where they are. */
  #tell(reason: string | undefined, bytes: Uint8Array | undefined): void {
    const status = this.#status;
    const state = stateOf({
      core: status && hasAsked(status) ? status.state : undefined,
      servers: this.#names.servers.length,
      hasIpv4: this.#hasIpv4,
      standing: this.#native.standing,
    });
    const { server } = status ?? {};
    const address = bytes && formatIpv6(bytes);
    const why = state === "no_ipv4"
      ? whyNoIpv4(this.#network.value)
      : { reason: reason ?? "it began" };
    const isAsBefore = state === this.#state &&
      (state !== "no_ipv4" || why.reason === this.#lastChange?.reason);
    if (isAsBefore && (address === undefined || address === this.#address)) return;
    this.#address = address;
    const now = this.#parts.time.now();
    if (state !== this.#state) this.#since = now;
    this.#state = state;
    this.#lastChange = { ...why, at: now };
    const isTrouble = state === "failing" || state === "offline" || state === "no_ipv4";
    this.#parts.log.log(isTrouble ? "warn" : "info", "Client", {
      state,
      reason: why.reason,
      mend: why.mend,
      address,
      server: this.#names.servers.find(({ primary }) => primary === server?.primary)?.name,
    });
    if (state === "qualified") this.#parts.qualified();
  }

  #nameFailed(name: string, problem: string, isKnown: boolean): void {
    const mend = isKnown
      ? "the last addresses of it are used meanwhile"
      : mendOfName(name, "server");
    this.#parts.log.warn("Name not found", { name, problem, mend });
    this.#arrange(`the name ${name} is not found`);
  }

  #keep(): void {
    const { localPort, keep } = this.#parts;
    const { address, mapped } = this.#status ?? {};
    if (address !== undefined && mapped !== undefined) {
      this.#mapping = { ...mapped, flags: readU16(address, FLAGS_AT) };
    }
    keep({ port: localPort(), names: this.#names.known, mapping: this.#mapping });
  }
}

/** What is told while there are no servers says nothing of those that there are since. */
const hasAsked = ({ server, standbys }: ToldStatus) => server !== undefined || standbys.length > 0;

/** Two with the same need not be given again; what is remembered counts for the next mapping alone. */
const keyOfRules = ({ remembered: _, ...rules }: ClientRules) => JSON.stringify(rules);

/** What leads to the servers: with another one it is another network. */
const wayOf = ({ localAddress, gateway }: Standpoint) => `${localAddress} ${gateway}`;

function describeMove(now: Standpoint, before: Standpoint): string {
  if (now.localAddress === 0) return "no way to the servers";
  if (now.gateway !== before.gateway) return `by ${now.gateway}`;
  return "other addresses";
}
