import { writeFileSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { addresses, links } from "#src/datapath/linux/netlink/routing.ts";
import { openRawIpv6, RawIpv6Sender } from "#src/datapath/raw_ipv6.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { OneQueue } from "../../runtime/one_queue.ts";
import { ip, sh } from "../../runtime/namespace.ts";
import type { Backend } from "../backend.ts";
import type { Datagram, Endpoint } from "../network.ts";
import { OWN_ADDRESSES, WAN, WAN_ADDRESS, WAN_PREFIX_LENGTH } from "../scene.ts";
import { Player } from "./player.ts";
import { RecordingLibc } from "./recording_libc.ts";

const BUFFER = 1 << 20;
const PATIENCE_MS = 500;
const ATTEMPTS = 10;
const IPV6_CONF = "/proc/sys/net/ipv6/conf";

/**
 * A {@link Backend} of the kernel of this machine, in a network namespace that is the test's own. The
 * world is made of other sockets, and of a TUN interface in the place of the IPv6 Internet.
 */
export class RealBackend implements Backend {
  readonly libc: RecordingLibc;
  readonly kernel = LINUX_KERNEL;
  readonly #real: Libc;
  readonly #arena: Arena;
  readonly #players: Player[];
  readonly #sender: RawIpv6Sender;
  readonly #wan: OneQueue;
  readonly #wanSlot: number;
  readonly #wanWaiter: Waiter;
  readonly #netlink: Netlink;

  /** @param players who speaks to the role that is played */
  static async make(players: readonly Endpoint[]): Promise<RealBackend> {
    return new RealBackend(await openLibc(), players);
  }

  private constructor(real: Libc, players: readonly Endpoint[]) {
    this.#real = real;
    this.libc = new RecordingLibc(real);
    const slot = 65_536;
    const length = OneQueue.arenaLength + RawIpv6Sender.arenaLength + Waiter.arenaLength;
    this.#arena = new Arena(real, length + 2 * slot);
    this.#furnish();
    this.#wan = new OneQueue(real, this.#arena, WAN);
    this.#connect();
    this.#wanSlot = this.#arena.take(slot);
    this.#wanWaiter = new Waiter(real, this.#arena, [this.#wan.fd]);
    this.#sender = new RawIpv6Sender(real, this.#arena, openRawIpv6(real), "packet");
    this.#players = players.map((at) => new Player(real, at));
    this.#netlink = new Netlink(real);
  }

  get transcript() {
    return this.libc.transcript;
  }

  #furnish(): void {
    if (ip("link").some(({ ifname }) => ifname !== "lo")) {
      throw new Error("this network namespace is not empty");
    }
    const set = (name: string, value: number) => writeFileSync(`${IPV6_CONF}/${name}`, `${value}`);
    set("all/forwarding", 1);
    // The kernel by itself must not send: on a new interface it would look for routers, or, as a
    // router, tell of the groups it has joined, after times that chance decides.
    set("default/forwarding", 0);
    set("default/accept_ra", 0);
    set("default/accept_dad", 0);
    sh("ip link set lo up");
    for (const address of OWN_ADDRESSES) sh(`ip addr add ${formatIpv4(address)}/32 dev lo`);
  }

  #connect(): void {
    sh(`ip link set ${WAN} addrgenmode none`);
    sh(`ip addr add ${formatIpv6(WAN_ADDRESS)}/${WAN_PREFIX_LENGTH} dev ${WAN}`);
    sh(`ip link set ${WAN} up`);
    // Until a thread of the kernel has run it is tentative, and no source.
    while (sh(`ip -6 addr show dev ${WAN} tentative`) !== "");
  }

  sendDatagram({ from, to, data }: Datagram): void {
    const player = this.#players.find(({ at }) =>
      at.address === from.address && at.port === from.port
    );
    if (player === undefined) throw new Error(`nobody plays ${formatIpv4(from.address)}`);
    player.send(to, data);
  }

  sendPacket(packet: Uint8Array): void {
    if (this.#sender.send(packet, 0, packet.length) !== 0) throw new Error("a packet was refused");
  }

  takeDatagrams(count: number): readonly Datagram[] {
    const found: Datagram[] = [];
    for (let i = 0; i < ATTEMPTS; i++) {
      for (const player of this.#players) found.push(...player.take(0));
      if (found.length >= count) break;
      for (const player of this.#players) found.push(...player.take(1));
    }
    return found;
  }

  takePackets(count: number): readonly Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let i = 0; i < ATTEMPTS; i++) {
      for (let length = 1; length > 0;) {
        length = this.#wan.read(this.#wanSlot);
        if (length > 0) found.push(this.#packet(length));
      }
      if (found.length >= count) break;
      this.#wanWaiter.wait(PATIENCE_MS);
    }
    return found;
  }

  /** Without the flow label, which is the kernel's to choose where it makes the header. */
  #packet(length: number): Uint8Array {
    const packet = this.#arena.u8.slice(this.#wanSlot, this.#wanSlot + length);
    packet[1]! &= 0xf0;
    packet.fill(0, 2, 4);
    return packet;
  }

  state(): readonly string[] {
    const all = links(this.#netlink);
    const lines = all.map(({ name, mtu, flags }) =>
      `${name} mtu ${mtu} flags 0x${flags.toString(16)}`
    );
    for (const { index, bytes, prefixLength } of addresses(this.#netlink)) {
      const name = all.find((it) => it.index === index)!.name;
      lines.push(`${name} ${addressText(bytes)}/${prefixLength}`);
    }
    for (const { dst, dev, metric, type } of ip("-6 route show table main")) {
      const action = type === "unicast" ? "send" : "reject";
      lines.push(`${dst} ${action} ${dev} metric ${metric}`);
    }
    return lines.sort();
  }

  addRoute(prefix: string, link: string, metric = 1024): void {
    sh(`ip -6 route add ${prefix} dev ${link} metric ${metric}`);
  }

  setLink(name: string, isUp: boolean): void {
    sh(`ip link set ${name} ${isUp ? "up" : "down"}`);
  }

  removeLink(name: string): void {
    sh(`ip link delete ${name}`);
  }

  occupy(address: number, port: number): void {
    openUdpSocket(LINUX_KERNEL, this.#real, this.#arena, { address, port, buffer: BUFFER });
  }

  holdTun(name: string): void {
    new OneQueue(this.#real, this.#arena, name);
  }

  addLink(name: string): void {
    sh(`ip link add ${name} type bridge`);
  }

  hideTun(): void {
    sh("mount -t tmpfs none /dev/net");
  }

  exit(): void {
    const { descriptors } = this.transcript;
    this.transcript.lifetime = Infinity;
    for (const fd of [...descriptors.open.keys()]) {
      this.#real.call.close(fd);
      descriptors.closed(fd);
    }
  }

  faults(): readonly string[] {
    return this.libc.faults;
  }
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 16) return formatIpv6(bytes);
  return formatIpv4(new DataView(bytes.slice().buffer).getUint32(0));
}
