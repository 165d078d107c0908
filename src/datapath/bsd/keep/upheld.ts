import { Arena } from "#ffi/arena.ts";
import { check, failure } from "#ffi/errors.ts";
import { NONE } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { ENXIO, IFF_UP, IFREQ_NAME_AT, SOCK_DGRAM } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Kept, Rival, Upheld } from "../../keep/contract.ts";
import { Opened } from "../../opened.ts";
import { mustRun, type Run, typed } from "../commands.ts";
import { IFCONFIG } from "../interfaces.ts";
import { bsdLayout } from "../layout.ts";
import { Names } from "../names.ts";
import { BsdNeighbourDiscovery } from "../nd6.ts";
import { Requests } from "../requests.ts";
import { Routes } from "../routing/socket.ts";
import { waysOf } from "../routing/ways.ts";
import {
  addAddressTo,
  addRoute,
  addRouteTo,
  deleteOwnRoute,
  enableIpv6,
  type InterfaceSetup,
  LINK_LOCAL_ADDRESS,
  mtuOf,
  rivalProblem,
  setMtu,
  upOf,
} from "../tun/interface.ts";
import type { HomeWish } from "../../homes.ts";
import { RouteChanges } from "./changes.ts";
import { BsdHomes } from "./homes.ts";

/** A command takes milliseconds, and the main thread waits for it: one that does not end is given up. */
const COMMAND_PATIENCE: Millis = 2_000;
/** For an answer about a route; a second later the kernel is asked again. */
const ANSWER_PATIENCE: Millis = 100;
/** For a request, a message, and names. */
const ARENA = 8192;

/** What keeps a relay's interface: how it was set up, and who may set it up again. */
export interface BsdKept extends InterfaceSetup {
  /** Device of the interface. */
  readonly fd: number;
  /** Whether this process may run the commands for it. */
  readonly mayCommand: boolean;
  /** Has the threads look at their queue, and end when it is no more. */
  lookAtQueue(): void;
}

/**
 * A relay's interface on a BSD. What it is like is read as readiness reads it, without a process; what
 * differs is set by the commands that have set it at start.
 *
 * It is not made again when it is gone. FreeBSD's and DragonFly BSD's tun(4) destroy no interface whose
 * device is open; OpenBSD's takes the device away for good; NetBSD's gives it back with the next
 * interface of that name, but refuses what is written meanwhile, which ends a thread.
 */
export class BsdUpheld implements Upheld {
  readonly #libc: Libc;
  readonly #kept: BsdKept;
  readonly #opened = new Opened();
  readonly #arena: Arena;
  readonly #names: Names;
  readonly #changes: RouteChanges;
  readonly #requests: Requests;
  readonly #neighbours: BsdNeighbourDiscovery;
  readonly #routes: Routes;
  readonly #homes: BsdHomes | undefined;
  /** Bytes. */
  #mtu: number;
  /** Whether the route of the prefix is to be there. */
  #isRouted: boolean;
  /** struct ifreq */
  readonly #ifreq: number;
  /** Which interface it is, where its name can change and its device does not tell it. */
  readonly #index: number;
  readonly #run: Run;
  /** A command of this look did not end: the main thread waits for no other one. */
  #isStuck = false;

  /** @throws SyscallError */
  constructor(libc: Libc, run: Run, kept: BsdKept) {
    this.#libc = libc;
    this.#kept = kept;
    this.#run = (argv) => this.#runOnce(run, argv);
    const { AF_INET6, SOCK_CLOEXEC, SIZEOF_IFREQ } = bsdLayout(libc);
    const opened = this.#opened;
    [this.#arena, this.#changes, this.#requests, this.#neighbours] = opened.run(() => {
      const arena = opened.add(new Arena(libc, ARENA), (it) => it.close());
      const changes = opened.add(new RouteChanges(libc), (it) => it.close());
      const made = libc.call.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const fd = check(libc, made, "socket", "of interfaces");
      opened.add(fd, () => libc.call.close(fd));
      const neighbours = opened.add(new BsdNeighbourDiscovery(libc, arena), (it) => it.close());
      return [arena, changes, new Requests(libc, arena, fd), neighbours] as const;
    });
    this.#names = new Names(libc, this.#arena);
    this.#routes = new Routes(libc, this.#arena, ANSWER_PATIENCE);
    this.#ifreq = this.#arena.take(SIZEOF_IFREQ);
    this.#index = this.#names.indexOf(kept.name);
    this.#mtu = kept.mtu;
    this.#isRouted = !kept.hasHome;
    const of = { libc, name: kept.name, run: this.#run, requests: this.#requests };
    this.#homes = kept.hasHome ? new BsdHomes({ ...of, routes: this.#routes }) : undefined;
  }

  #runOnce(run: Run, argv: readonly string[]) {
    if (this.#isStuck) return { status: -1, stdout: "", stderr: "the command before did not end" };
    const ran = run(argv, COMMAND_PATIENCE);
    this.#isStuck = ran.status < 0;
    return ran;
  }

  hasChanged(): boolean {
    this.#isStuck = false;
    return this.#changes.any();
  }

  differences(): Kept[] {
    const name = this.#nameNow();
    const flags = this.#requests.flagsOf(name);
    if (flags === -ENXIO) return ["interface"];
    if (name !== this.#kept.name) return ["name"];
    const found = this.#ofInterface(name, this.#told(flags));
    // A route can only be had where the interface is up, and an address is of use where IPv6 is on.
    if (found.includes("ipv6") || found.includes("up")) return found;
    if (this.#requests.lacksAddress(name, LINK_LOCAL_ADDRESS)) found.push("address");
    if (this.#routeDiffers()) found.push("route");
    return [...found, ...this.#homes?.differences() ?? []];
  }

  #routeDiffers(): boolean {
    if (this.#homes === undefined) return this.#leadsElsewhere();
    // Packets may leave by the interface only because that has the default route.
    const { name, prefix } = this.#kept;
    const route = this.#routes.of(prefix);
    const isOwn = route?.interfaceName === name && !route.rejects;
    return isOwn !== this.#isRouted;
  }

  #ofInterface(name: string, flags: number): Kept[] {
    const is: readonly (readonly [Kept, boolean])[] = [
      ["mtu", this.#told(this.#requests.mtuOf(name)) === this.#mtu],
      ["ipv6", !this.#neighbours.isDisabled(name)],
      ["up", (flags & IFF_UP) !== 0],
    ];
    return is.filter(([, right]) => !right).map(([what]) => what);
  }

  /** An answer as it is. @throws SyscallError for a negative errno */
  #told(answer: number): number {
    if (answer < 0) throw failure(this.#libc, "ioctl", this.#kept.name, -answer);
    return answer;
  }

  /** What it is called, if it is there. */
  #nameNow(): string {
    const { TUNGIFNAME, SIOCSIFNAME } = bsdLayout(this.#libc);
    if (SIOCSIFNAME === NONE) return this.#kept.name;
    if (TUNGIFNAME === NONE) return this.#names.ofIndex(this.#index) ?? this.#kept.name;
    const at = this.#arena.address(this.#ifreq);
    check(this.#libc, this.#libc.call.ioctl(this.#kept.fd, TUNGIFNAME, at), "ioctl", "TUNGIFNAME");
    return this.#names.text(this.#ifreq + IFREQ_NAME_AT);
  }

  #leadsElsewhere(): boolean {
    const { name, prefix } = this.#kept;
    const decision = this.#routes.decision(prefix.bytes);
    if (typeof decision === "string") return decision === "none";
    // Whose name is not told may be ours.
    return decision.rejects || (decision.interfaceName ?? name) !== name;
  }

  /** A prefix has one route here: there is none to be announced by. */
  announce(): void {}

  setHome(wish: HomeWish): void {
    if (this.#homes === undefined) return;
    this.#mtu = wish.mtu;
    this.#isRouted = wish.onLink;
    this.#homes.wish = wish;
  }

  putRight(what: Kept): void {
    const { name, mayCommand } = this.#kept;
    // A prefix has one route, and what packets from an address go by no rule says.
    if (what === "announcement" || what === "source_rule") return;
    if (what === "interface") {
      this.#kept.lookAtQueue();
      throw new StartError(`the interface ${name} is gone`, "restart the daemon");
    }
    if (mayCommand) return this.#set(what);
    throw new StartError(
      `this process may not set up the interface ${name} any more`,
      `run \`${typed(this.#commandFor(what))}\``,
    );
  }

  #set(what: Kept): void {
    const libc = this.#libc;
    const run = this.#run;
    const { name } = this.#kept;
    switch (what) {
      case "mtu":
        return setMtu(run, name, this.#mtu);
      case "ipv6":
        return enableIpv6(libc, run, name);
      case "address":
        return this.#renewAddress();
      case "route":
        return this.#isRouted
          ? this.#addRoute()
          : deleteOwnRoute(libc, run, this.#routes, this.#kept);
      case "home":
        return this.#homes?.setAddresses();
      case "default_route":
        return this.#homes?.setDefaultRoute();
      default:
        mustRun(run, this.#commandFor(what));
    }
  }

  /** What an operator types in its place. */
  #commandFor(what: Kept): readonly string[] {
    const { name } = this.#kept;
    switch (what) {
      case "name":
        return [IFCONFIG, this.#nameNow(), "name", name];
      case "mtu":
        return mtuOf(name, this.#mtu);
      case "ipv6":
        return waysOf(this.#libc).enableIpv6(name)!;
      case "up":
        return upOf(name);
      case "address":
        return addAddressTo(name);
      case "route":
        return addRouteTo(this.#libc, this.#kept);
      case "home":
        return this.#homes!.commandForAddress();
      case "default_route":
        return this.#homes!.commandForRoute();
      default:
        throw new TypeError(`${what} is not kept on ${this.#libc.layout.system}`);
    }
  }

  /** The route goes first, and comes next: it hangs on the address that was taken away. */
  #renewAddress(): void {
    const { name } = this.#kept;
    deleteOwnRoute(this.#libc, this.#run, this.#routes, this.#kept);
    for (const argv of waysOf(this.#libc).settle(name)) this.#run(argv);
    mustRun(this.#run, addAddressTo(name));
  }

  /** What another has routed stays: a prefix has one route, and whose it is only its maker knows. */
  #addRoute(): void {
    const { name, prefix } = this.#kept;
    addRoute(this.#libc, this.#run, this.#routes, { name, prefix });
    const route = this.#routes.to(prefix.bytes);
    if (route === undefined || (!route.rejects && route.interfaceName === name)) return;
    const { problem, mend } = rivalProblem(prefix, route);
    throw new StartError(problem, mend);
  }

  /** Nobody is known who sets up interfaces of tun(4) by himself. */
  rivals(): readonly Rival[] {
    return [];
  }

  close(): void {
    if (this.#kept.mayCommand) this.#homes?.close();
    this.#opened.close();
  }
}
