import { writeFileSync } from "node:fs";
import { SyscallError, unless } from "#ffi/errors.ts";
import {
  EADDRNOTAVAIL,
  EBUSY,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_UP,
} from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import type { Kept } from "../../keep/contract.ts";
import { addAddress, changeLink, deleteAddress, makeAddress } from "../netlink/link.ts";
import { hasAddress, linkAt } from "../netlink/look_up.ts";
import type { Link } from "../netlink/routing.ts";
import type { Netlink } from "../netlink/socket.ts";
import { textOf } from "../proc.ts";
import { LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH } from "../tun/interface.ts";
import type { LinuxKept } from "./kept.ts";
import { TakenAddresses } from "./taken.ts";

const UP = IFF_UP | IFF_LOWER_UP;

/** Below this the kernel takes IPv6 off an interface. */
const IPV6_MIN_MTU = 1280;

/** An interface by itself, as it was set up, and its link-local address. */
export class UpheldLink {
  /** Bytes. */
  mtu: number;
  readonly #netlink: Netlink;
  readonly #kept: LinuxKept;
  readonly #taken: TakenAddresses;

  constructor(netlink: Netlink, kept: LinuxKept) {
    this.#netlink = netlink;
    this.#kept = kept;
    this.#taken = new TakenAddresses(netlink);
    this.mtu = kept.mtu;
  }

  get #index(): number {
    return this.#kept.configured.index;
  }

  differences(): Kept[] {
    const link = linkAt(this.#netlink, this.#index);
    return link === undefined ? ["interface"] : this.#of(link);
  }

  #of(link: Link): Kept[] {
    const { interfaceName, queueLength } = this.#kept;
    const is: readonly (readonly [Kept, boolean])[] = [
      ["name", link.name === interfaceName],
      ["master", link.master === 0],
      ["flags", (link.flags & (IFF_NOARP | IFF_MULTICAST)) === IFF_NOARP],
      ["queue", link.queueLength === queueLength],
      ["mtu", link.mtu === this.mtu],
      ["ipv6", link.ipv6 === "on" && !link.makesAddress],
      // Without a carrier it is up and drops everything.
      ["up", (link.flags & UP) === UP],
    ];
    return is.filter(([, right]) => !right).map(([what]) => what);
  }

  /** See `TakenAddresses`. */
  get isWaiting(): boolean {
    return this.#taken.isWaiting;
  }

  lacksAddress(): boolean {
    return !hasAddress(this.#netlink, this.#index, LINK_LOCAL_ADDRESS) ||
      this.#taken.isLost(this.#index, LINK_LOCAL_ADDRESS);
  }

  addAddress(): void {
    this.#taken.forget(LINK_LOCAL_ADDRESS);
    // One that has lost its route would stay as it is.
    unless(
      [EADDRNOTAVAIL],
      () => deleteAddress(this.#netlink, this.#index, LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH),
    );
    addAddress(this.#netlink, this.#index, LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH);
  }

  change(change: Parameters<typeof changeLink>[2]): void {
    const { interfaceName } = this.#kept;
    changeLink(this.#netlink, this.#index, change, `set up ${interfaceName} again`);
  }

  up(): void {
    const flags = linkAt(this.#netlink, this.#index)?.flags ?? 0;
    this.change((flags & IFF_UP) === 0 ? { set: IFF_UP } : { carrier: true });
  }

  /** Older kernels rename only what is down. */
  rename(): void {
    const { interfaceName: name } = this.#kept;
    try {
      this.change({ name });
    } catch (error) {
      if (!(error instanceof SyscallError && error.errno === EBUSY)) throw error;
      this.change({ clear: IFF_UP });
      this.change({ name });
    }
  }

  /** Where IPv6 was taken off an interface, the kernel would make an address as soon as it is back. */
  setMtu(): void {
    const isBare = linkAt(this.#netlink, this.#index)?.ipv6 === "none";
    if (isBare) this.change({ clear: IFF_UP });
    this.change({ mtu: this.mtu });
  }

  /** As long as IPv6 is on for new interfaces: an operator who wants none on this host has none. */
  switchOn(): void {
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
    this.change({ clear: IFF_UP });
    this.change({ mtu: IPV6_MIN_MTU - 1 });
    this.change({ mtu: this.mtu });
  }
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
