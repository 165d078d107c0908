import { SyscallError } from "#ffi/errors.ts";
import { EPERM, IFF_MULTICAST, IFF_NOARP } from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import type { HomeWish } from "../../homes.ts";
import type { Kept, Rival, Upheld } from "../../keep/contract.ts";
import type { Changes } from "../netlink/changes.ts";
import type { Netlink } from "../netlink/socket.ts";
import { UpheldHomes } from "./homes.ts";
import type { LinuxKept } from "./kept.ts";
import { UpheldLink } from "./link.ts";
import { rivals } from "./rivals.ts";
import { UpheldServiceRoute } from "./service_route.ts";

/** An interface on Linux, through rtnetlink. It is followed by its index, whatever its name. */
export class LinuxUpheld implements Upheld {
  readonly #changes: Changes;
  readonly #kept: LinuxKept;
  readonly #link: UpheldLink;
  readonly #route: UpheldServiceRoute;
  readonly #homes: UpheldHomes | undefined;

  constructor(netlink: Netlink, changes: Changes, kept: LinuxKept) {
    this.#changes = changes;
    this.#kept = kept;
    this.#link = new UpheldLink(netlink, kept);
    this.#route = new UpheldServiceRoute(netlink, kept);
    const { configured, home } = kept;
    this.#homes = home === undefined ? undefined : new UpheldHomes(netlink, configured, home);
  }

  signal(wanted: boolean): void {
    this.#changes.signal(wanted);
  }

  hasChanged(): boolean {
    // That a route was not made is no change that the kernel would tell.
    return this.#changes.any() || this.#link.isWaiting || (this.#homes?.isWaiting ?? false);
  }

  differences(): Kept[] {
    const found = this.#link.differences();
    // Addresses and routes can only be had where IPv6 is on, and a route where the link is up.
    const isBare = (["interface", "ipv6", "up"] as const).some((what) => found.includes(what));
    if (isBare) return found;
    if (this.#link.lacksAddress()) found.push("address");
    return [...found, ...this.#route.differences(), ...this.#homes?.differences() ?? []];
  }

  announce(wanted: boolean): void {
    this.#route.announce(wanted);
  }

  setHome(wish: HomeWish): void {
    if (this.#homes === undefined) return;
    this.#link.mtu = wish.mtu;
    this.#route.isWanted = wish.onLink;
    this.#homes.wish = wish;
  }

  putRight(what: Kept): void {
    try {
      this.#set(what);
    } catch (error) {
      if (!(error instanceof SyscallError && error.errno === EPERM)) throw error;
      throw notAllowed(this.#kept.interfaceName);
    }
  }

  #set(what: Kept): void {
    const link = this.#link;
    switch (what) {
      case "interface":
        this.#kept.configured.index = this.#kept.remake();
        return;
      case "name":
        return link.rename();
      case "master":
        return link.change({ master: 0 });
      case "flags":
        return link.change({ set: IFF_NOARP, clear: IFF_MULTICAST });
      case "queue":
        return link.change({ queueLength: this.#kept.queueLength });
      case "mtu":
        return link.setMtu();
      case "ipv6":
        return link.switchOn();
      case "up":
        return link.up();
      case "address":
        return link.addAddress();
      case "route":
        return this.#route.setRoute();
      case "announcement":
        return this.#route.setAnnouncement();
      case "home":
        return this.#homes?.setAddresses();
      case "default_route":
        return this.#homes?.setDefaultRoute();
      case "source_rule":
        return this.#homes?.setSources();
    }
  }

  rivals(): readonly Rival[] {
    return rivals();
  }

  close(): void {
    this.#homes?.close();
    this.#changes.close();
  }
}

/** With `user` set the right was given up with the others. */
function notAllowed(interfaceName: string): StartError {
  return new StartError(
    `this process may not set up the interface ${interfaceName} any more`,
    "restart it; to have it done by itself, let systemd give it CAP_NET_ADMIN " +
      "(docs/examples) in place of `user`",
  );
}
