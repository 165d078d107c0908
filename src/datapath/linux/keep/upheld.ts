import { writeFileSync } from "node:fs";
import { SyscallError, unless } from "#ffi/errors.ts";
import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import {
  EBUSY,
  EEXIST,
  ENODEV,
  EPERM,
  ESRCH,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_UP,
} from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { formatIpv6, formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Kept, Rival, Upheld } from "../../keep/contract.ts";
import type { Changes } from "../netlink/changes.ts";
import { addAddress, changeLink, makeAddress } from "../netlink/link.ts";
import type { RouteMark } from "../../service_routes.ts";
import { decidingRoute, hasAddress, linkAt, wayOf } from "../netlink/look_up.ts";
import { addRoute, deleteRoute, type Link } from "../netlink/routing.ts";
import type { Netlink } from "../netlink/socket.ts";
import {
  type Configured,
  type InterfaceSetup,
  LINK_LOCAL_ADDRESS,
  LINK_LOCAL_PREFIX_LENGTH,
} from "../tun/interface.ts";
import { textOf } from "../proc.ts";
import { protocolName } from "../protocols.ts";
import { rivals } from "./rivals.ts";

const UP = IFF_UP | IFF_LOWER_UP;

/** Below this the kernel takes IPv6 off an interface. */
const IPV6_MIN_MTU = 1280;

/** What keeps a relay's interface: how it was set up, and what makes it again. */
export interface LinuxKept extends InterfaceSetup {
  /** Which interface it is at this moment. */
  readonly configured: Configured;
  /** Makes the interface again, which is gone, bare. @returns its index @throws StartError */
  remake(): number;
}

/** A relay's interface on Linux, through rtnetlink. It is followed by its index, whatever its name. */
export class LinuxUpheld implements Upheld {
  readonly #netlink: Netlink;
  readonly #changes: Changes;
  readonly #kept: LinuxKept;
  #isAnnounced = false;

  constructor(netlink: Netlink, changes: Changes, kept: LinuxKept) {
    this.#netlink = netlink;
    this.#changes = changes;
    this.#kept = kept;
  }

  get #index(): number {
    return this.#kept.configured.index;
  }

  signal(wanted: boolean): void {
    this.#changes.signal(wanted);
  }

  hasChanged(): boolean {
    return this.#changes.any();
  }

  differences(): Kept[] {
    const link = linkAt(this.#netlink, this.#index);
    if (link === undefined) return ["interface"];
    const found = this.#ofLink(link);
    // Addresses and routes can only be had where IPv6 is on, and a route where the link is up.
    if (found.includes("ipv6") || found.includes("up")) return found;
    if (!hasAddress(this.#netlink, this.#index, LINK_LOCAL_ADDRESS)) found.push("address");
    const leadsTo = this.#leadsTo();
    if (leadsTo !== this.#index) found.push("route");
    // Below another's route that wins nothing of it is to be seen.
    if ([this.#index, undefined].includes(leadsTo) && this.#announcementDiffers()) {
      found.push("announcement");
    }
    return found;
  }

  #announcementDiffers(): boolean {
    const { announced } = this.#kept.routes;
    return announced !== undefined && this.#isThere(announced) !== this.#isAnnounced;
  }

  /** As far as nothing wins over it. */
  #isThere({ metric, protocol }: RouteMark): boolean {
    const found = decidingRoute(this.#netlink, { destination: this.#kept.prefix.bytes });
    if (typeof found === "number") return false;
    return found.index === this.#index && found.metric === metric && found.protocol === protocol;
  }

  #ofLink(link: Link): Kept[] {
    const { interfaceName, mtu, queueLength } = this.#kept;
    const is: readonly (readonly [Kept, boolean])[] = [
      ["name", link.name === interfaceName],
      ["master", link.master === 0],
      ["flags", (link.flags & (IFF_NOARP | IFF_MULTICAST)) === IFF_NOARP],
      ["queue", link.queueLength === queueLength],
      ["mtu", link.mtu === mtu],
      ["ipv6", link.ipv6 === "on" && !link.makesAddress],
      // Without a carrier it is up and drops everything.
      ["up", (link.flags & UP) === UP],
    ];
    return is.filter(([, right]) => !right).map(([what]) => what);
  }

  /** The interface that a packet to the prefix leaves by; undefined: none. */
  #leadsTo(): number | undefined {
    const way = wayOf(this.#netlink, { destination: this.#kept.prefix.bytes });
    return typeof way === "number" ? undefined : way.index;
  }

  announce(wanted: boolean): void {
    this.#isAnnounced = wanted && this.#kept.routes.announced !== undefined;
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
    const { interfaceName: name, mtu, queueLength } = this.#kept;
    const netlink = this.#netlink;
    switch (what) {
      case "interface":
        this.#kept.configured.index = this.#kept.remake();
        return;
      case "name":
        return this.#rename();
      case "master":
        return this.#change({ master: 0 });
      case "flags":
        return this.#change({ set: IFF_NOARP, clear: IFF_MULTICAST });
      case "queue":
        return this.#change({ queueLength });
      case "mtu":
        return this.#setMtu(mtu);
      case "ipv6":
        return this.#switchOn();
      case "up":
        return this.#up();
      case "address":
        return addAddress(netlink, this.#index, LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH);
      case "route":
        return this.#route(name);
      case "announcement":
        return this.#announcement(this.#kept.routes.announced);
    }
  }

  #change(change: Parameters<typeof changeLink>[2]): void {
    const { interfaceName } = this.#kept;
    changeLink(this.#netlink, this.#index, change, `set up ${interfaceName} again`);
  }

  #up(): void {
    const flags = linkAt(this.#netlink, this.#index)?.flags ?? 0;
    this.#change((flags & IFF_UP) === 0 ? { set: IFF_UP } : { carrier: true });
  }

  /** Older kernels rename only what is down. */
  #rename(): void {
    const { interfaceName: name } = this.#kept;
    try {
      this.#change({ name });
    } catch (error) {
      if (!(error instanceof SyscallError && error.errno === EBUSY)) throw error;
      this.#change({ clear: IFF_UP });
      this.#change({ name });
    }
  }

  /** Where IPv6 was taken off an interface, the kernel would make an address as soon as it is back. */
  #setMtu(mtu: number): void {
    const isBare = linkAt(this.#netlink, this.#index)?.ipv6 === "none";
    if (isBare) this.#change({ clear: IFF_UP });
    this.#change({ mtu });
  }

  /** As long as IPv6 is on for new interfaces: an operator who wants none on this host has none. */
  #switchOn(): void {
    const { interfaceName: name } = this.#kept;
    const isDisabled = () => linkAt(this.#netlink, this.#index)?.ipv6 === "disabled";
    if (isDisabled() && !isOffByDefault() && !switchOnByFile(name)) this.#renewIpv6();
    makeAddress(this.#netlink, this.#index, false, `set up ${name} again`);
    if (!isDisabled()) return;
    throw new StartError(
      `IPv6 is off on the interface ${name}, and is for every new one`,
      "run `sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0`",
    );
  }

  /**
   * For where `disable_ipv6` cannot be written: an MTU that is too small for IPv6 takes all of its state
   * off the link, and with the right one it comes back as `net.ipv6.conf.default` has it.
   */
  #renewIpv6(): void {
    this.#change({ clear: IFF_UP });
    this.#change({ mtu: IPV6_MIN_MTU - 1 });
    this.#change({ mtu: this.#kept.mtu });
  }

  /** What another has routed stays: ours is there beside it, and wins once that is gone. */
  #route(name: string): void {
    const { prefix } = this.#kept;
    this.#addRoute();
    const found = decidingRoute(this.#netlink, { destination: prefix.bytes });
    if (typeof found !== "number" && found.index === this.#index) return;
    const text = formatIpv6Prefix(prefix);
    throw new StartError(
      typeof found === "number"
        ? `${text} leads nowhere: ${errnoName(LINUX, found)}`
        : `${text} leads to ${this.#nameOf(found.index)} rather than to ${name}, by a route of ` +
          `proto ${protocolName(found.protocol)}, metric ${found.metric}`,
      typeof found === "number"
        ? `stop what made it so; \`ip -6 route show exact ${text}\` and \`ip -6 rule\` show it`
        : `stop what made that route; \`ip -6 route get ${formatIpv6(prefix.bytes)}\` shows it`,
    );
  }

  /** What carries packets is there before what is announced goes. */
  #announcement(announced: RouteMark | undefined): void {
    if (announced === undefined) return;
    const { prefix } = this.#kept;
    const { metric, protocol } = announced;
    if (!this.#isAnnounced) {
      this.#addRoute();
      const remove = () => deleteRoute(this.#netlink, prefix, this.#index, metric, protocol);
      return unless([ESRCH, ENODEV], remove);
    }
    this.#addRoute(metric, protocol);
    if (this.#isThere(announced)) return;
    const text = formatIpv6Prefix(prefix);
    throw new StartError(
      `${text} cannot be announced: another route of metric ${metric} or less is in its place`,
      `stop what made that route; \`ip -6 route show exact ${text}\` shows it`,
    );
  }

  #addRoute(metric = this.#kept.routes.metric, protocol?: number): void {
    const add = () => addRoute(this.#netlink, this.#kept.prefix, this.#index, metric, protocol);
    unless([EEXIST], add);
  }

  #nameOf(index: number): string {
    return linkAt(this.#netlink, index)?.name ?? `interface ${index}`;
  }

  rivals(): readonly Rival[] {
    return rivals();
  }

  close(): void {
    this.#changes.close();
  }
}

/** With `user` set the right was given up with the others. */
function notAllowed(interfaceName: string): StartError {
  return new StartError(
    `this process may not set up the interface ${interfaceName} any more`,
    "restart it; to have it done by itself, let systemd give it CAP_NET_ADMIN " +
      "(docs/examples/teredo-relay.service) in place of `user`",
  );
}

const CONF = "/proc/sys/net/ipv6/conf";

function isOffByDefault(): boolean {
  return textOf(`${CONF}/default/disable_ipv6`).trim() === "1";
}

/** Not in a chroot, nor below a /proc/sys that is read-only. @returns whether it was written */
function switchOnByFile(interfaceName: string): boolean {
  try {
    writeFileSync(`${CONF}/${interfaceName}/disable_ipv6`, "0", { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}
