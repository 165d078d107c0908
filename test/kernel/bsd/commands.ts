import type { PaperKernel } from "../kernel.ts";
import { UnknownCall } from "../errno.ts";
import type { CommandResult } from "../system.ts";
import { ifconfig } from "./ifconfig.ts";
import type { BsdMachine } from "./machine.ts";
import { route } from "./route_command.ts";
import { kldload, kldstat, makedev, sysctl } from "./small_commands.ts";

/** A command that ends early: err(3), errx(3), or a printf() and an exit(). */
export class Exit extends Error {
  readonly result: CommandResult;

  constructor(status: number, stderr: string, stdout = "") {
    super(stderr);
    this.result = { status, stdout, stderr };
  }
}

/** What a command is given. */
export interface Invocation {
  readonly machine: BsdMachine;
  /** Whether it runs as root. */
  readonly isRoot: boolean;
  /** Whose child it is: undefined, an operator's. */
  readonly parent: PaperKernel | undefined;
  /** Behind its name. */
  readonly args: readonly string[];
}

type Command = (invocation: Invocation) => CommandResult;

export const DONE: CommandResult = { status: 0, stdout: "", stderr: "" };

/** By path; where a system has none of them, execve(2) finds nothing. */
const COMMANDS: Readonly<Record<string, { readonly systems: string; readonly run: Command }>> = {
  "/sbin/ifconfig": { systems: "FreeBSD OpenBSD NetBSD DragonFly", run: ifconfig },
  "/sbin/route": { systems: "FreeBSD OpenBSD NetBSD DragonFly", run: route },
  "/sbin/sysctl": { systems: "FreeBSD OpenBSD NetBSD DragonFly", run: sysctl },
  "/sbin/kldload": { systems: "FreeBSD DragonFly", run: kldload },
  "/sbin/kldstat": { systems: "FreeBSD DragonFly", run: kldstat },
  // Typed into a shell in /dev.
  "/dev/MAKEDEV": { systems: "OpenBSD NetBSD", run: makedev },
};

/** Runs one with the identity of the process that runs it; of none, as root. */
export function runCommand(
  machine: BsdMachine,
  kernel: PaperKernel | undefined,
  [path, ...args]: readonly string[],
): CommandResult {
  const command = COMMANDS[path!];
  if (command === undefined) throw new UnknownCall(`the command ${path}`);
  if (!command.systems.includes(machine.name.split(" ")[0]!)) {
    return { status: -1, stdout: "", stderr: `spawn ${path} ENOENT` };
  }
  try {
    return command.run({ machine, isRoot: kernel?.isPrivileged ?? true, parent: kernel, args });
  } catch (error) {
    if (error instanceof Exit) return error.result;
    throw error;
  }
}

/** What an operator types, as root: separated by blanks, ended by a comma or nothing. */
export function typeAsRoot(machine: BsdMachine, line: string): CommandResult {
  const [name, ...args] = line.trim().split(/\s+/);
  const path = Object.keys(COMMANDS).find((it) => it.endsWith(`/${name}`));
  if (path === undefined) throw new UnknownCall(`the command ${line}`);
  return runCommand(machine, undefined, [path, ...args]);
}
