import type { Kernel } from "#src/datapath/kernel.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Backend } from "./backend.ts";
import type { PaperKernel } from "./kernel.ts";
import { PaperLibc } from "./libc.ts";
import type { Datagram } from "./network.ts";
import { OWN_ADDRESSES, WAN } from "./scene.ts";
import { ipv4Bytes } from "./network.ts";
import { UdpFile } from "./udp_file.ts";
import type { PaperLink, PaperRoute } from "./world.ts";
import { nameOf } from "./sockaddr.ts";

/**
 * A {@link Backend} of paper. Its world has the addresses of `scene.ts`, and an interface to the IPv6
 * Internet. How other processes take what a role wants is each system's own.
 */
export abstract class PaperBackend implements Backend {
  readonly libc: PaperLibc;
  readonly paper: PaperKernel;
  readonly kernel: Kernel;

  /** @param kernelFor given the libc, what the program uses it by */
  constructor(
    paper: PaperKernel,
    kernelFor: (libc: PaperLibc) => Kernel,
    libc: PaperLibc = new PaperLibc(paper),
  ) {
    this.paper = paper;
    this.libc = libc;
    this.kernel = kernelFor(this.libc);
  }

  get transcript() {
    return this.libc.transcript;
  }

  /** The interface to the IPv6 Internet. */
  get wan(): string {
    return WAN;
  }

  sendDatagram({ from, to, data }: Datagram): void {
    this.paper.world.network.inject(from, to, data);
  }

  sendPacket(packet: Uint8Array): void {
    this.paper.world.send(packet);
  }

  takeDatagrams(): readonly Datagram[] {
    return this.paper.world.network.sent.splice(0);
  }

  takePackets(): readonly Uint8Array[] {
    const { packets } = this.paper.world;
    return packets.splice(0).filter((it) => it.link === this.wan).map((it) => it.packet);
  }

  state(): readonly string[] {
    const { links, routes } = this.paper.world;
    const ipv6Routes = routes.filter((it) => it.destination.length === 16);
    return [...links.flatMap(linkText), ...ipv6Routes.map(routeText)].sort();
  }

  addRoute(prefix: string, link: string, metric = this.metric): void {
    const { bytes, length } = parseIpv6Prefix(prefix)!;
    const { world } = this.paper;
    world.addRoute({
      destination: bytes,
      length,
      link: world.link(link)!,
      metric,
      action: "send",
      origin: "boot",
    });
  }

  /** Of routes that an operator adds. */
  get metric(): number {
    return 0;
  }

  removeLink(name: string): void {
    const { world } = this.paper;
    world.removeLink(world.link(name)!);
  }

  occupy(address: number, port: number): void {
    const other = new UdpFile(this.paper);
    other.bind(nameOf(this.libc.layout, { address, port }));
  }

  abstract setLink(name: string, isUp: boolean): void;
  abstract holdTun(name: string): void;
  abstract addLink(name: string): void;
  abstract hideTun(): void;

  exit(): void {
    const { descriptors } = this.transcript;
    this.transcript.lifetime = Infinity;
    for (const fd of [...descriptors.open.keys()]) descriptors.closed(fd);
    this.paper.exit();
  }

  faults(): readonly string[] {
    return this.libc.faults;
  }
}

/** Gives an interface the addresses that the lives are played with: IPv4, one by one. */
export function addOwnAddresses(kernel: PaperKernel, link: PaperLink, flags = 0): void {
  for (const address of OWN_ADDRESSES) {
    kernel.world.addAddress(link, { bytes: ipv4Bytes(address), prefixLength: 32, flags });
  }
}

function linkText({ name, mtu, flags, addresses }: PaperLink): string[] {
  return [
    `${name} mtu ${mtu} flags 0x${flags.toString(16)}`,
    ...addresses.map(({ bytes, prefixLength }) => `${name} ${addressText(bytes)}/${prefixLength}`),
  ];
}

function routeText({ destination, length, link, metric, action }: PaperRoute): string {
  return `${addressText(destination)}/${length} ${action} ${link?.name} metric ${metric}`;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 16) return formatIpv6(bytes);
  return formatIpv4(new DataView(bytes.slice().buffer).getUint32(0));
}
