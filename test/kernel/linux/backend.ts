import {
  IFA_F_PERMANENT,
  IFF_BROADCAST,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_UP,
} from "#ffi/linux/mod.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import type { Layout } from "#ffi/layout.ts";
import { PaperKernel } from "../kernel.ts";
import { PaperLibc } from "../libc.ts";
import { addOwnAddresses, PaperBackend } from "../paper_backend.ts";
import { WAN, WAN_ADDRESS, WAN_PREFIX_LENGTH } from "../scene.ts";
import { setUpFlags } from "./links.ts";
import { PREFIX_METRIC } from "./rtnetlink.ts";
import { linuxWorld, type PaperLinux, paperLinux } from "./system.ts";

class MistakenLibc extends PaperLibc {
  override readonly layout: Layout;

  constructor(kernel: PaperKernel, mistakes: Partial<Layout>) {
    super(kernel);
    this.layout = { ...kernel.system.layout, ...mistakes };
  }
}

/** A Linux host of paper, furnished as `real_backend.ts` furnishes a real one. */
export class PaperLinuxBackend extends PaperBackend {
  readonly system: PaperLinux;

  /** @param mistakes what the program is to believe of the kernel that is not so */
  constructor(mistakes: Partial<Layout> = {}) {
    const system = paperLinux();
    const paper = new PaperKernel(system, linuxWorld());
    super(paper, () => LINUX_KERNEL, new MistakenLibc(paper, mistakes));
    const { world } = paper;
    this.system = system;
    const flags = IFA_F_PERMANENT;
    addOwnAddresses(this.paper, world.link("lo")!, flags);
    const wan = world.addLink(WAN, 1500, IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST, 500);
    setUpFlags(world, wan, wan.flags | IFF_UP);
    const address = { bytes: WAN_ADDRESS, prefixLength: WAN_PREFIX_LENGTH, flags };
    world.addAddress(wan, address, PREFIX_METRIC);
  }

  /** What `ip route add` gives. */
  override get metric(): number {
    return 1024;
  }

  setLink(name: string, isUp: boolean): void {
    const { world } = this.paper;
    const link = world.link(name)!;
    setUpFlags(world, link, isUp ? link.flags | IFF_UP : link.flags & ~IFF_UP);
  }

  holdTun(name: string): void {
    const flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
    this.system.held.set(this.paper.world.addLink(name, 1500, flags, 500), true);
  }

  addLink(name: string): void {
    this.paper.world.addLink(name, 1500, IFF_BROADCAST | IFF_MULTICAST);
  }

  hideTun(): void {
    this.system.hasTun = false;
  }
}
