import { unless } from "#ffi/errors.ts";
import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { EEXIST, ENODEV, ESRCH } from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { formatIpv6, formatIpv6Prefix, hostIn } from "#src/protocol/wire/ipv6.ts";
import type { Kept } from "../../keep/contract.ts";
import type { RouteMark, ServiceRoutes } from "../../service_routes.ts";
import { type Deciding, decidingRoute, linkAt, wayOf } from "../netlink/look_up.ts";
import { addRoute, deleteRoute } from "../netlink/routing.ts";
import type { Netlink } from "../netlink/socket.ts";
import { protocolName } from "../protocols.ts";
import type { LinuxKept } from "./kept.ts";

/** The routes of the service prefix into an interface: the one that carries, and the announced one. */
export class UpheldServiceRoute {
  readonly #netlink: Netlink;
  readonly #kept: LinuxKept;
  /** Whether the one that carries is to be there. */
  isWanted: boolean;
  #isAnnounced = false;

  constructor(netlink: Netlink, kept: LinuxKept) {
    this.#netlink = netlink;
    this.#kept = kept;
    this.isWanted = kept.home === undefined;
  }

  get #index(): number {
    return this.#kept.configured.index;
  }

  differences(): Kept[] {
    if (!this.isWanted) return this.#isOwn(this.#deciding()) ? ["route"] : [];
    const leadsTo = this.#leadsTo();
    const found: Kept[] = leadsTo !== this.#index || this.#isCovered() ? ["route"] : [];
    // Below another's route that wins nothing of it is to be seen.
    if ([this.#index, undefined].includes(leadsTo) && this.#announcementDiffers()) {
      found.push("announcement");
    }
    return found;
  }

  /**
   * The interface that a packet to the prefix leaves by; undefined: none. Its first address is not asked
   * for: a host that forwards takes that for its own as soon as it has an address in the prefix.
   */
  #leadsTo(): number | undefined {
    const way = wayOf(this.#netlink, { destination: hostIn(this.#kept.prefix) });
    return typeof way === "number" ? undefined : way.index;
  }

  #deciding(): Deciding | number {
    return decidingRoute(this.#netlink, { destination: hostIn(this.#kept.prefix) });
  }

  #isOwn(deciding: Deciding | number): boolean {
    if (typeof deciding === "number") return false;
    const { metric, protocol } = this.#kept.routes;
    return deciding.index === this.#index && deciding.length === this.#kept.prefix.length &&
      deciding.metric === metric && (protocol === undefined || deciding.protocol === protocol);
  }

  /** A packet leaves by the interface, but only because that has the default route. */
  #isCovered(): boolean {
    if (this.#kept.home === undefined) return false;
    const deciding = this.#deciding();
    return typeof deciding !== "number" && deciding.length < this.#kept.prefix.length;
  }

  #announcementDiffers(): boolean {
    const { announced } = this.#kept.routes;
    return announced !== undefined && this.#isThere(announced) !== this.#isAnnounced;
  }

  /** As far as nothing wins over it. */
  #isThere({ metric, protocol }: RouteMark): boolean {
    const found = this.#deciding();
    if (typeof found === "number") return false;
    return found.index === this.#index && found.metric === metric && found.protocol === protocol;
  }

  announce(wanted: boolean): void {
    this.#isAnnounced = wanted && this.#kept.routes.announced !== undefined;
  }

  /** What another has routed stays: ours is there beside it, and wins once that is gone. */
  setRoute(): void {
    const { prefix, interfaceName: name, routes } = this.#kept;
    if (!this.isWanted) return this.#delete(routes);
    this.#add(routes);
    const found = this.#deciding();
    if (typeof found !== "number" && found.index === this.#index) return;
    const text = formatIpv6Prefix(prefix);
    throw new StartError(
      typeof found === "number"
        ? `${text} leads nowhere: ${errnoName(LINUX, found)}`
        : `${text} leads to ${this.#nameOf(found.index)} rather than to ${name}, by a route of ` +
          `proto ${protocolName(found.protocol)}, metric ${found.metric}`,
      typeof found === "number"
        ? `stop what made it so; \`ip -6 route show exact ${text}\` and \`ip -6 rule\` show it`
        : `stop what made that route; \`ip -6 route get ${formatIpv6(hostIn(prefix))}\` shows it`,
    );
  }

  /** What carries packets is there before what is announced goes. */
  setAnnouncement(): void {
    const { prefix, routes } = this.#kept;
    const { announced } = routes;
    if (announced === undefined) return;
    if (!this.#isAnnounced) {
      this.#add(routes);
      return this.#delete(announced);
    }
    this.#add(announced);
    if (this.#isThere(announced)) return;
    const text = formatIpv6Prefix(prefix);
    throw new StartError(
      `${text} cannot be announced: another route of metric ${announced.metric} or less is in its place`,
      `stop what made that route; \`ip -6 route show exact ${text}\` shows it`,
    );
  }

  #add({ metric, protocol }: ServiceRoutes | RouteMark): void {
    const route = { prefix: this.#kept.prefix, index: this.#index, metric, protocol };
    unless([EEXIST], () => addRoute(this.#netlink, route));
  }

  #delete({ metric, protocol }: ServiceRoutes | RouteMark): void {
    const route = { prefix: this.#kept.prefix, index: this.#index, metric, protocol };
    unless([ESRCH, ENODEV], () => deleteRoute(this.#netlink, route));
  }

  #nameOf(index: number): string {
    return linkAt(this.#netlink, index)?.name ?? `interface ${index}`;
  }
}
