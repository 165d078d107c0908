import type { Libc } from "#ffi/libc.ts";
import { equalIpv6, formatIpv6, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { HomeAddress, HomeWish } from "../../homes.ts";
import type { Kept } from "../../keep/contract.ts";
import { mustRun, type Run } from "../commands.ts";
import { IFCONFIG } from "../interfaces.ts";
import type { Requests } from "../requests.ts";
import type { Routes } from "../routing/socket.ts";
import { addRoute, addRouteTo, deleteOwnRoute } from "../tun/interface.ts";

export const DEFAULT: Ipv6Prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };

type Addresses = Pick<HomeWish, "addresses" | "defaultRoute">;
const NOTHING: Addresses = { addresses: [], defaultRoute: false };

/** What a client's interface is asked and set by. */
export interface HomesOptions {
  readonly libc: Libc;
  readonly name: string;
  readonly run: Run;
  readonly requests: Requests;
  readonly routes: Routes;
}

/**
 * A client's addresses and its default route. A prefix has one route here: where another program has the
 * default route, that stays, and is none of our business.
 */
export class BsdHomes {
  readonly #options: HomesOptions;
  #wish: Addresses = NOTHING;
  /** Those that were given, as they were. */
  #given: HomeAddress[] = [];

  constructor(options: HomesOptions) {
    this.#options = options;
  }

  set wish(wish: Addresses) {
    this.#wish = wish;
  }

  differences(): Kept[] {
    const found: Kept[] = [];
    if (this.#wrong().length > 0 || this.#leftOver().length > 0) found.push("home");
    if (this.#defaultDiffers()) found.push("default_route");
    return found;
  }

  /**
   * Whether one is deprecated the kernels tell a second or more after it was said, so that this goes by
   * what was said.
   */
  #wrong(): HomeAddress[] {
    const { name, requests } = this.#options;
    return this.#wish.addresses.filter(({ bytes, deprecated }) =>
      this.#givenAs(bytes)?.deprecated !== deprecated || requests.lacksAddress(name, bytes)
    );
  }

  #givenAs(bytes: Uint8Array): HomeAddress | undefined {
    return this.#given.find((it) => equalIpv6(it.bytes, 0, bytes, 0));
  }

  #leftOver(): HomeAddress[] {
    return this.#given.filter(({ bytes }) =>
      !this.#wish.addresses.some((it) => equalIpv6(it.bytes, 0, bytes, 0))
    );
  }

  #defaultDiffers(): boolean {
    const route = this.#options.routes.of(DEFAULT);
    if (this.#wish.defaultRoute) return route === undefined;
    return route?.interfaceName === this.#options.name && !route.rejects;
  }

  /** The command that gives the first address that is missing, for an operator. */
  commandForAddress(): readonly string[] {
    const [wanted] = this.#wrong();
    const [gone] = this.#leftOver();
    return wanted === undefined ? this.#taking(gone!.bytes) : this.#giving(wanted);
  }

  commandForRoute(): readonly string[] {
    return addRouteTo(this.#options.libc, { name: this.#options.name, prefix: DEFAULT });
  }

  #giving({ bytes, deprecated }: HomeAddress): readonly string[] {
    const lifetime = deprecated ? ["pltime", "0"] : [];
    return [
      ...[IFCONFIG, this.#options.name, "inet6", formatIpv6(bytes), "prefixlen", "128"],
      ...lifetime,
      "alias",
    ];
  }

  #taking(bytes: Uint8Array): readonly string[] {
    return [IFCONFIG, this.#options.name, "inet6", formatIpv6(bytes), "-alias"];
  }

  /** Without a route of the prefix: that is of its own. */
  setAddresses(): void {
    const { run, name, requests } = this.#options;
    for (const wanted of this.#wrong()) {
      const before = this.#givenAs(wanted.bytes);
      const isBack = before?.deprecated === true && !wanted.deprecated;
      // A lifetime without an end has no word that all of them know.
      if (isBack && !requests.lacksAddress(name, wanted.bytes)) run(this.#taking(wanted.bytes));
      mustRun(run, this.#giving(wanted));
      this.#given = [...this.#given.filter((it) => it !== before), wanted];
    }
    for (const gone of this.#leftOver()) {
      if (!requests.lacksAddress(name, gone.bytes)) mustRun(run, this.#taking(gone.bytes));
      this.#given = this.#given.filter((it) => it !== gone);
    }
  }

  setDefaultRoute(): void {
    if (!this.#defaultDiffers()) return;
    const { libc, run, routes, name } = this.#options;
    const own = { name, prefix: DEFAULT };
    if (this.#wish.defaultRoute) addRoute(libc, run, routes, own);
    else deleteOwnRoute(libc, run, routes, own);
  }

  /** Takes away all that was given, as far as that is allowed. */
  close(): void {
    this.#wish = NOTHING;
    for (const step of ["setDefaultRoute", "setAddresses"] as const) {
      try {
        this[step]();
      } catch {
        // The other still has to be done; both go with the interface.
      }
    }
  }
}
