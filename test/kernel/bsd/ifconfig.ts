import { Errno, UnknownCall } from "../errno.ts";
import { equal, remove } from "../lists.ts";
import type { CommandResult } from "../system.ts";
import type { PaperAddress, PaperLink } from "../world.ts";
import { DONE, Exit, type Invocation } from "./commands.ts";
import { shown } from "./ifconfig_text.ts";
import { IFCONFIG_WORDS, type IfconfigWords } from "./ifconfig_words.ts";
import { destroyLink, renameLink } from "./iface_socket.ts";
import { type BsdMachine, IN6_IFF_TENTATIVE } from "./machine.ts";
import {
  EADDRNOTAVAIL,
  EINVAL,
  EPERM,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
} from "./numbers.ts";
import { lengthOfMask, parseAddress, splitZone, withZone } from "./text.ts";
import { unitNumber } from "./tun.ts";

/** Set by nd6_timer(), of an address whose preferred lifetime has ended. */
const IN6_IFF_DEPRECATED = 0x10;

/** ifconfig(8): shows interfaces, or changes one. */
export function ifconfig({ machine, isRoot, parent, args }: Invocation): CommandResult {
  if (args.length === 0 || args[0] === "-a") {
    return {
      ...DONE,
      stdout: machine.world.links.map((link) => shown(machine, link, parent)).join(""),
    };
  }
  const [name, ...words] = args;
  const link = machine.world.link(name!);
  const system = IFCONFIG_WORDS[machine.name];
  if (words.length === 0) {
    if (link === undefined) throw system.missing(name!);
    return { ...DONE, stdout: shown(machine, link, parent) };
  }
  return new Change(machine, isRoot, name!, words, system).run(link);
}

/** One run of ifconfig(8) that changes an interface. */
class Change {
  readonly #machine: BsdMachine;
  readonly #isRoot: boolean;
  readonly #name: string;
  readonly #words: string[];
  readonly #system: IfconfigWords;
  #stdout = "";
  #stderr = "";
  /** What is set at the end, when all words are read. */
  #address: string | undefined;
  #length: number | undefined;
  #isDeprecated = false;
  #isDeletion = false;
  #isInet6 = false;

  constructor(
    machine: BsdMachine,
    isRoot: boolean,
    name: string,
    words: readonly string[],
    system: IfconfigWords,
  ) {
    this.#machine = machine;
    this.#isRoot = isRoot;
    this.#name = name;
    this.#words = [...words];
    this.#system = system;
  }

  run(found: PaperLink | undefined): CommandResult {
    const link = found ?? this.#createFirst();
    if (this.#words[0] === "inet6") this.#attachInet6(link);
    while (this.#words.length > 0) this.#word(link, this.#words.shift()!);
    this.#commit(link);
    return { status: 0, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** `create`; OpenBSD's getinfo() makes what is missing whatever it is asked but `destroy`. */
  #createFirst(): PaperLink {
    const name = this.#name;
    const isCreate = this.#words[0] === "create";
    const isImplied = this.#machine.name === "OpenBSD" && this.#words[0] !== "destroy";
    if (!isCreate && !isImplied) throw this.#system.missingForChange(name);
    const number = unitNumber(name);
    if (number === undefined && name !== "tun") {
      throw isCreate ? this.#system.create(name, EINVAL) : this.#system.missingForChange(name);
    }
    const link = this.#try((errno) => this.#system.create(name, errno), () => {
      this.#needRoot();
      return this.#machine.tun.create(number).link;
    });
    if (isCreate) {
      this.#words.shift();
      // Printed when the kernel chose it, or it has changed. ifclonecreate()
      if (number === undefined) this.#stdout = `${link.name}\n`;
    }
    return link;
  }

  #needRoot(): void {
    if (!this.#isRoot) throw new Errno(EPERM);
  }

  #try<T>(failure: (errno: number) => Exit, action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      const { result } = failure(error.errno);
      throw new Exit(result.status, result.stderr, this.#stdout);
    }
  }

  /** OpenBSD's SIOCIFAFATTACH: in6_ifattach() adds a link-local address where there is none. */
  #attachInet6(link: PaperLink): void {
    if (this.#machine.name !== "OpenBSD" || !this.#isRoot) return;
    const hasLocal = link.addresses.some(({ bytes }) =>
      bytes.length === 16 && withZone(bytes, "").includes("%")
    );
    const isLoopback = (link.flags & IFF_LOOPBACK) !== 0;
    if (hasLocal || isLoopback) return;
    const bytes = parseAddress("fe80::5054:ff:fe12:3456")!;
    this.#add(link, { bytes, prefixLength: 64, flags: 0 });
  }

  #word(link: PaperLink, word: string): void {
    const next = () => {
      const value = this.#words.shift();
      if (value === undefined) throw new Exit(1, `ifconfig: '${word}' requires argument\n`);
      return value;
    };
    const nd6 = this.#machine.nd6(link);
    switch (word) {
      case "create":
        throw new Exit(1, `ifconfig: interface ${this.#name} already exists\n`);
      case "destroy":
        return this.#try((errno) => this.#system.destroy(this.#name, errno), () => {
          this.#needRoot();
          destroyLink(this.#machine, link);
        });
      case "name":
        return this.#rename(link, next());
      case "up":
      case "down":
        return this.#try((errno) => this.#system.flags(this.#name, errno), () => {
          this.#needRoot();
          setUp(this.#machine, link, word === "up");
        });
      case "mtu":
        return this.#setMtu(link, Number(next()));
      case "description":
        return this.#describe(link, next());
      case "inet6":
        this.#isInet6 = true;
        return;
      case "inet":
        this.#isInet6 = false;
        return;
      case "prefixlen":
        this.#length = Number(next());
        return;
      case "pltime":
        this.#isDeprecated = Number(next()) === 0;
        return;
      case "netmask":
        this.#length = lengthOfMask(parseAddress(next())!);
        return;
      case "alias":
        return;
      case "-alias":
      case "delete":
        this.#isDeletion = true;
        return;
      case "no_dad":
        return this.#setNd6(() => nd6.noDad = true);
      case "-auto_linklocal":
        return this.#setNd6(() => nd6.autoLinkLocal = false);
      case "ifdisabled":
        return this.#setNd6(() => nd6.isDisabled = true);
      case "-ifdisabled":
        return this.#setNd6(() => nd6.isDisabled = false);
      default:
        this.#address = word;
    }
  }

  /** setnd6flags() of FreeBSD's af_nd6.c; the others have no such words. */
  #setNd6(action: () => void): void {
    if (this.#machine.name !== "FreeBSD") throw new UnknownCall("nd6 words of ifconfig here");
    if (!this.#isRoot) {
      throw new Exit(1, "ifconfig: ioctl(SIOCSIFINFO_IN6): Operation not permitted\n");
    }
    action();
  }

  #rename(link: PaperLink, name: string): void {
    if (this.#machine.numbers.SIOCSIFNAME === undefined) throw this.#system.rename(EINVAL);
    this.#try((errno) => this.#system.rename(errno), () => {
      this.#needRoot();
      renameLink(this.#machine, link, name);
      this.#stdout = `${name}\n`;
    });
  }

  #setMtu(link: PaperLink, mtu: number): void {
    try {
      this.#needRoot();
      const unit = this.#machine.tun.unitOfLink(link);
      const [least, most] = unit === undefined ? [72, 65_535] : this.#machine.tun.mtus;
      if (!(mtu >= least && mtu <= most) || this.#machine.refusesMtu) throw new Errno(EINVAL);
      link.mtu = mtu;
      // ifhwioctl(), ifioctl(); nothing is known of NetBSD's.
      if (this.#machine.name !== "NetBSD") this.#machine.tell("RTM_IFINFO");
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      const failure = this.#system.mtu(error.errno);
      if (failure !== undefined) throw failure;
      this.#stderr += this.#system.mtuWarning(error.errno);
    }
  }

  #describe(link: PaperLink, text: string): void {
    if (this.#isRoot) this.#machine.descriptions.set(link, text);
    else this.#stderr += "ifconfig: SIOCSIFDESCR: Operation not permitted\n";
  }

  #commit(link: PaperLink): void {
    if (this.#address === undefined) return;
    const { address, zone } = splitZone(this.#address.split("/")[0]!);
    const bytes = parseAddress(address);
    const isRight = bytes !== undefined && (bytes.length === 16) === this.#isInet6 &&
      (zone === undefined || zone === link.name);
    if (!isRight) throw new Exit(1, `ifconfig: ${this.#address}: bad value\n`);
    const slash = this.#address.split("/")[1];
    const length = slash === undefined ? this.#length : Number(slash);
    if (this.#isDeletion) return this.#delete(link, bytes);
    const prefixLength = length ?? (bytes.length === 4 ? 24 : 64);
    this.#try((errno) => this.#system.addAddress(errno), () => {
      this.#needRoot();
      this.#add(link, { bytes, prefixLength, flags: 0 });
      const at = link.addresses.findIndex((it) => equal(it.bytes, bytes));
      const added = link.addresses[at]!;
      if (this.#isDeprecated) {
        link.addresses[at] = { ...added, flags: added.flags | IN6_IFF_DEPRECATED };
      }
    });
  }

  #delete(link: PaperLink, bytes: Uint8Array): void {
    this.#try((errno) => this.#system.deleteAddress(errno), () => {
      this.#needRoot();
      const found = link.addresses.find((it) => equal(it.bytes, bytes));
      if (found === undefined) throw new Errno(EADDRNOTAVAIL);
      deleteAddress(this.#machine, link, found);
    });
  }

  /** in6_update_ifa(), and in_control() as far as it matters. @throws Errno */
  #add(link: PaperLink, address: PaperAddress): void {
    const { world, tun } = this.#machine;
    const known = link.addresses.find((it) => equal(it.bytes, address.bytes));
    if (known !== undefined) {
      // An update: neither the interface nor its routes are looked at again.
      if (known.prefixLength !== address.prefixLength) throw new Errno(EINVAL);
      return;
    }
    const isInet6 = address.bytes.length === 16;
    const doesDad = isInet6 && doesDadAt(this.#machine, link);
    world.addAddress(link, { ...address, flags: doesDad ? IN6_IFF_TENTATIVE : 0 });
    this.#machine.tell("RTM_NEWADDR");
    this.#machine.nd6(link).isDisabled = false; // FreeBSD: in6_control(), aifaddr_out
    const unit = tun.unitOfLink(link);
    if (unit !== undefined) tun.addressAdded(unit);
    if (doesDad) link.output?.(solicitation(address.bytes));
  }
}

/** in6_purgeaddr(); OpenBSD's rt_ifa_purge() takes the routes through the address too. */
function deleteAddress(machine: BsdMachine, link: PaperLink, address: PaperAddress): void {
  const { world, name } = machine;
  remove(link.addresses, (it) => it === address);
  const isLast = !link.addresses.some(({ bytes }) => bytes.length === address.bytes.length);
  remove(world.routes, (it) =>
    it.link === link && isLast &&
    it.destination.length === address.bytes.length &&
    (it.origin === "kernel" || name === "OpenBSD"));
  machine.tell("RTM_DELADDR");
}

/** SIOCSIFFLAGS. OpenBSD's tun_ioctl() lets IFF_RUNNING follow. */
function setUp(machine: BsdMachine, link: PaperLink, isUp: boolean): void {
  const isOpenBsdTun = machine.name === "OpenBSD" && machine.tun.unitOfLink(link) !== undefined;
  const bits = IFF_UP | (isOpenBsdTun ? IFF_RUNNING : 0);
  link.flags = isUp ? link.flags | bits : link.flags & ~bits;
  machine.tell("RTM_IFINFO"); // if_up(), if_down()
}

/**
 * Whether a new address is tentative while it is looked for elsewhere. FreeBSD: in6_update_ifa_internal()
 * wants IFF_MULTICAST and no ND6_IFF_NO_DAD. OpenBSD, DragonFly BSD: in6if_do_dad(), with multicast
 * to send by. NetBSD's if_do_dad() has none here: TUN has no multicast.
 */
function doesDadAt(machine: BsdMachine, link: PaperLink): boolean {
  if ((link.flags & IFF_LOOPBACK) !== 0 || (link.flags & IFF_MULTICAST) === 0) return false;
  if (machine.name !== "FreeBSD") return true;
  const { noDad, isDisabled } = machine.nd6(link);
  return !noDad && !isDisabled;
}

/** A neighbour solicitation of RFC 4862 §5.4.2, from `::`. */
function solicitation(target: Uint8Array): Uint8Array {
  const packet = new Uint8Array(64);
  packet.set([0x60, 0, 0, 0, 0, 24, 58, 255]);
  packet.set([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.slice(13)], 24);
  packet[40] = 135;
  packet.set(target, 48);
  return packet;
}
