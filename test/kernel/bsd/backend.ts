import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { PaperKernel } from "../kernel.ts";
import { PaperBackend } from "../paper_backend.ts";
import { OWN_ADDRESSES, TUNNEL, WAN_ADDRESS, WAN_PREFIX_LENGTH } from "../scene.ts";
import { BsdMachine, type MachineOptions } from "./machine.ts";
import { IFF_UP, type SystemName } from "./numbers.ts";
import { BsdLibc } from "./process.ts";
import { formatAddress } from "./text.ts";
import { TunFile } from "./tun.ts";

/** open(2) for reading and writing. */
const O_RDWR = 2;

/** A BSD host of paper, furnished as the Linux one is. */
export class BsdBackend extends PaperBackend {
  readonly machine: BsdMachine;
  /** Whose interfaces {@link holdTun} makes. */
  readonly #other: PaperKernel;

  constructor(name: SystemName, options: MachineOptions = {}) {
    const machine = new BsdMachine(name, {
      addresses: [
        ...OWN_ADDRESSES.map((it) => `${formatIpv4(it)}/32`),
        `${formatAddress(WAN_ADDRESS)}/${WAN_PREFIX_LENGTH}`,
      ],
      gateways: [],
      ...options,
    });
    const paper = new PaperKernel(machine, machine.world);
    super(paper, (libc) => bsdKernel(libc, libc.run), new BsdLibc(machine, paper));
    this.machine = machine;
    this.#other = new PaperKernel(machine, machine.world);
  }

  override sendPacket(packet: Uint8Array): void {
    if (this.machine.forwards) super.sendPacket(packet);
  }

  /** Where interfaces cannot be renamed, one of tun(4) stands for the tunnel. */
  override addRoute(prefix: string, link: string): void {
    super.addRoute(prefix, this.nameOf(link));
  }

  override removeLink(name: string): void {
    const link = this.machine.world.link(this.nameOf(name))!;
    const unit = this.machine.tun.unitOfLink(link);
    if (unit === undefined) super.removeLink(name);
    else this.machine.tun.destroy(unit);
  }

  setLink(name: string, isUp: boolean): void {
    const link = this.machine.world.link(this.nameOf(name))!;
    link.flags = isUp ? link.flags | IFF_UP : link.flags & ~IFF_UP;
  }

  holdTun(name: string): void {
    const path = this.#hasClone ? "/dev/tun" : "/dev/tun0";
    const file = this.#other.file(this.#other.openPath(path, O_RDWR));
    if (file instanceof TunFile && this.#hasClone) file.unit.link.name = name;
  }

  get #hasClone(): boolean {
    return this.machine.numbers.SIOCSIFNAME !== undefined;
  }

  addLink(name: string): void {
    this.machine.world.addLink(name, 1500, 0);
  }

  hideTun(): void {
    this.machine.hidesTun = true;
  }

  /** What the program's tunnel is called here. */
  nameOf(link: string): string {
    const units = [...this.machine.tun.units.values()];
    const held = units.find(({ holder }) => holder?.kernel === this.paper);
    return link === TUNNEL && held !== undefined ? held.link.name : link;
  }
}
