import type { Device } from "../device.ts";
import type { HostName } from "../hosts.ts";
import type { MachineOptions } from "../machine.ts";

/** What a manual page, or a kernel's source where that says more, promises to every program. */
export interface Statement {
  /** The page that is about it. */
  readonly page: "tun(4)" | "route(4)" | "inet6(4)" | "sysctl(8)";
  /** In our words, and short: a row of docs/bsd-kernels.md. */
  readonly says: string;
  readonly hosts: readonly HostName[];
  /** Where it says so: a page and its section, or a file and its function. */
  readonly source: string;
  readonly options?: MachineOptions;
  /** A program and an operator on a kernel of paper. */
  play(device: Device): readonly unknown[];
  /** What they have to see, in order; what differs between hosts is a function. */
  readonly want: readonly unknown[];
}
