import { errnoName } from "#ffi/layout.ts";
import { Errno } from "../errno.ts";
import { PaperKernel } from "../kernel.ts";
import { type HostName, machineOf } from "./hosts.ts";
import type { BsdMachine, MachineOptions } from "./machine.ts";
import type { Numbers } from "./numbers.ts";
import { Fatal, TunFile } from "./tun.ts";

/** open(2) */
const O_RDWR = 2;

/** What a call came to: a number, bytes in hexadecimal, `EBUSY`, or what nobody survives. */
export type Answer = number | string;

/** A program that has a device of tun(4) open, and sees what its kernel says. */
export class Device {
  readonly machine: BsdMachine;
  readonly kernel: PaperKernel;
  #file: TunFile | undefined;

  constructor(host: HostName | BsdMachine, options?: MachineOptions) {
    this.machine = typeof host === "string" ? machineOf(host, options) : host;
    this.kernel = new PaperKernel(this.machine, this.machine.world);
  }

  open(path: string): Answer {
    return this.#answer(() => {
      const file = this.kernel.file(this.kernel.openPath(path, O_RDWR));
      if (!(file instanceof TunFile)) return `${file.kind}`;
      this.#file = file;
      file.nonBlocking = true;
      return file.unit.link.name;
    });
  }

  get file(): TunFile {
    return this.#file!;
  }

  /** By its name, with an int. */
  ioctl(request: keyof Numbers, value = 0): Answer {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    const at = this.kernel.memory.place(bytes);
    // One that the system does not have.
    const number = this.machine.numbers[request] ?? 0x2000_7400;
    return this.#answer(() => this.file.ioctl(number as number, at));
  }

  /** @param hex what is written */
  write(hex: string): Answer {
    return this.#answer(() => this.file.write(Uint8Array.fromHex(hex)));
  }

  read(capacity = 65_536): Answer {
    return this.#answer(() => this.file.read(capacity).toHex());
  }

  /** The stack sends a packet into the interface. @returns whether it waits to be read */
  sends(hex: string): boolean {
    return this.file.unit.link.output!(Uint8Array.fromHex(hex));
  }

  /** IPv6 packets that came into the stack, and that left it, and where. */
  get seen(): string[] {
    return this.machine.world.packets.map(({ link, packet }) => `${link} ${packet.toHex()}`);
  }

  /** Those that came in from a program. */
  get taken(): string[] {
    return this.seen.filter((line) => line.startsWith("tun"));
  }

  close(): void {
    this.kernel.exit();
  }

  #answer(call: () => Answer): Answer {
    try {
      return call();
    } catch (error) {
      if (error instanceof Errno) {
        return errnoName(this.kernel.system.layout, error.errno).replace(/ .*/, "");
      }
      if (error instanceof Fatal) return error.message;
      throw error;
    }
  }
}
