import { unless } from "#ffi/errors.ts";
import {
  EADDRNOTAVAIL,
  EEXIST,
  ENODEV,
  ENOENT,
  ESRCH,
  IFA_F_DEPRECATED,
  RT_TABLE_MAIN,
} from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { equalIpv6, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { CLIENT_PROTOCOL, type HomeWish } from "../../homes.ts";
import type { EntrustedHome, Kept } from "../../keep/contract.ts";
import { addAddress, deleteAddress } from "../netlink/link.ts";
import { addressOn } from "../netlink/look_up.ts";
import { addRoute, deleteRoute } from "../netlink/routing.ts";
import { addRule, deleteRule, type Rule, rulesOf, type SourceRule } from "../netlink/rules.ts";
import type { Netlink } from "../netlink/socket.ts";
import { routesBy, type TableRoute } from "../netlink/tables.ts";
import { TakenAddresses } from "./taken.ts";

/** Before the main table, and behind all that others have rules for. */
export const SOURCE_PRIORITY = 32_765;
/** Of the one route in the table of our addresses. */
const TABLE_METRIC = 1024;

const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };

/** An interface that is a client's. */
interface Interface {
  /** Another one once it had to be made again. */
  readonly index: number;
  readonly prefix: Ipv6Prefix;
}

type Addresses = Pick<HomeWish, "addresses" | "defaultRoute">;
const NOTHING: Addresses = { addresses: [], defaultRoute: false };

/** A client's addresses, its default route, and the rules that keep its packets to its interface. */
export class UpheldHomes {
  readonly #netlink: Netlink;
  readonly #interface: Interface;
  readonly #home: EntrustedHome;
  readonly #taken: TakenAddresses;
  #wish: Addresses = NOTHING;
  /** Addresses that were given and may still be there. */
  #given: Uint8Array[] = [];

  constructor(netlink: Netlink, it: Interface, home: EntrustedHome) {
    this.#netlink = netlink;
    this.#interface = it;
    this.#home = home;
    this.#taken = new TakenAddresses(netlink);
  }

  get #index(): number {
    return this.#interface.index;
  }

  set wish(wish: Addresses) {
    this.#wish = wish;
  }

  /** See `TakenAddresses`. */
  get isWaiting(): boolean {
    return this.#taken.isWaiting;
  }

  differences(): Kept[] {
    const found: Kept[] = this.#addressesDiffer() ? ["home"] : [];
    const routes = routesBy(this.#netlink, this.#index).filter(isDefault);
    if (this.#defaultDiffers(routes)) found.push("default_route");
    if (this.#sourcesDiffer(routes)) found.push("source_rule");
    return found;
  }

  #addressesDiffer(): boolean {
    const isWrong = this.#wish.addresses.some(({ bytes, deprecated }) => {
      const had = addressOn(this.#netlink, this.#index, bytes);
      return had?.prefixLength !== this.#interface.prefix.length ||
        ((had.flags & IFA_F_DEPRECATED) !== 0) !== deprecated ||
        this.#taken.isLost(this.#index, bytes);
    });
    return isWrong || this.#leftOver().some((bytes) => this.#has(bytes));
  }

  #leftOver(): Uint8Array[] {
    return this.#given.filter((bytes) => !this.#isWished(bytes));
  }

  #isWished(bytes: Uint8Array): boolean {
    return this.#wish.addresses.some((it) => equalIpv6(it.bytes, 0, bytes, 0));
  }

  #has(bytes: Uint8Array): boolean {
    return addressOn(this.#netlink, this.#index, bytes) !== undefined;
  }

  #defaultDiffers(routes: readonly TableRoute[]): boolean {
    const found = routes.find(({ table, metric }) =>
      table === RT_TABLE_MAIN && metric === this.#home.metric
    );
    return this.#wish.defaultRoute ? found === undefined : found?.protocol === CLIENT_PROTOCOL;
  }

  #sourcesDiffer(routes: readonly TableRoute[]): boolean {
    const { table } = this.#home;
    if (table === undefined) return false;
    const isThere = routes.some((it) => it.table === table);
    const wanted = this.#wish.addresses.length > 0;
    if (isThere !== wanted) return true;
    const rules = this.#rules();
    const isMissing = this.#wish.addresses.some(({ bytes }) =>
      !rules.some(({ from }) => equalIpv6(from, 0, bytes, 0))
    );
    return isMissing || rules.some(({ from }) => !this.#isWished(from));
  }

  /** Those that are ours. */
  #rules(): SourceRule[] {
    return rulesOf(this.#netlink).flatMap((rule) =>
      isOurs(rule) && rule.table === this.#home.table ? [rule] : []
    );
  }

  /** The current one first: what is sent meanwhile has a source. */
  setAddresses(): void {
    const { prefix } = this.#interface;
    for (const { bytes, deprecated } of this.#wish.addresses) {
      if (!this.#given.some((it) => equalIpv6(it, 0, bytes, 0))) this.#given.push(bytes.slice());
      const traits = { noRoute: true, deprecated, protocol: CLIENT_PROTOCOL };
      // Of another length, or without its route, it would stay as it is.
      const had = addressOn(this.#netlink, this.#index, bytes);
      const isWhole = had?.prefixLength === prefix.length &&
        !this.#taken.isLost(this.#index, bytes);
      if (!isWhole) this.#taken.forget(bytes);
      if (had !== undefined && !isWhole) {
        deleteAddress(this.#netlink, this.#index, bytes, had.prefixLength);
      }
      addAddress(this.#netlink, this.#index, bytes, prefix.length, traits);
    }
    for (const bytes of this.#leftOver()) {
      this.#taken.forget(bytes);
      const had = addressOn(this.#netlink, this.#index, bytes);
      if (had === undefined) continue;
      const remove = () => deleteAddress(this.#netlink, this.#index, bytes, had.prefixLength);
      unless([EADDRNOTAVAIL, ENODEV], remove);
    }
    this.#given = this.#given.filter((bytes) => this.#isWished(bytes));
  }

  setDefaultRoute(): void {
    const { metric } = this.#home;
    const route = { prefix: DEFAULT, index: this.#index, metric, protocol: CLIENT_PROTOCOL };
    if (!this.#wish.defaultRoute) {
      return unless([ESRCH, ENODEV], () => deleteRoute(this.#netlink, route));
    }
    unless([EEXIST], () => addRoute(this.#netlink, route));
    if (!this.#defaultDiffers(routesBy(this.#netlink, this.#index).filter(isDefault))) return;
    throw new StartError(
      `another default route of metric ${metric} is in the place of a client's`,
      "choose another route_metric, or stop what made that route; `ip -6 route show default` shows it",
    );
  }

  setSources(): void {
    const { table } = this.#home;
    if (table === undefined) return;
    const route = {
      ...{ prefix: DEFAULT, index: this.#index, metric: TABLE_METRIC },
      ...{ protocol: CLIENT_PROTOCOL, table },
    };
    const { addresses } = this.#wish;
    if (addresses.length > 0) unless([EEXIST], () => addRoute(this.#netlink, route));
    for (const { bytes } of addresses) {
      const rule = { ...MARK, from: bytes, table };
      unless([EEXIST], () => addRule(this.#netlink, rule));
    }
    for (const rule of this.#rules().filter(({ from }) => !this.#isWished(from))) {
      unless([ENOENT], () => deleteRule(this.#netlink, rule));
    }
    if (addresses.length === 0) {
      unless([ESRCH, ENODEV], () => deleteRoute(this.#netlink, route));
    }
  }

  /** Takes away all that was given, as far as that is allowed. */
  close(): void {
    this.#wish = NOTHING;
    for (const step of ["setDefaultRoute", "setSources", "setAddresses"] as const) {
      try {
        this[step]();
      } catch {
        // The others still have to be done; most of it goes with the interface.
      }
    }
  }
}

const MARK = { priority: SOURCE_PRIORITY, protocol: CLIENT_PROTOCOL };

/** Whether a client has made the rule. */
export function isOurs(rule: Rule): rule is Rule & SourceRule {
  const { from, priority, protocol } = rule;
  return from !== undefined && priority === SOURCE_PRIORITY && protocol === CLIENT_PROTOCOL;
}

function isDefault({ prefix }: TableRoute): boolean {
  return prefix.length === 0;
}
