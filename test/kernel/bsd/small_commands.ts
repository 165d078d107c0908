import type { CommandResult } from "../system.ts";
import type { PaperLink } from "../world.ts";
import { DONE, Exit, type Invocation } from "./commands.ts";
import type { BsdMachine } from "./machine.ts";
import { CLONING } from "./tun_freebsd.ts";
import { unitNumber } from "./tun.ts";

/** sysctl(8): `name`, `name=value`, with `-n` and `-w`. */
export function sysctl({ machine, isRoot, args }: Invocation): CommandResult {
  const onlyValue = args.includes("-n");
  const [word] = args.filter((arg) => !arg.startsWith("-"));
  const [name, value] = word!.split("=");
  const before = valueOf(machine, name!);
  if (before === undefined) throw unknownVariable(machine.name, name!);
  const isOpenBsd = machine.name === "OpenBSD";
  if (value === undefined) {
    const shown = isOpenBsd ? `${name}=${before}` : `${name}: ${before}`;
    const netbsd = machine.name === "NetBSD" ? `${name} = ${before}` : shown;
    return { ...DONE, stdout: `${onlyValue ? before : netbsd}\n` };
  }
  // NetBSD's wants -w to change something.
  if (machine.name === "NetBSD" && !args.includes("-w")) {
    throw new Exit(1, `sysctl: Must specify -w to set variables\n`);
  }
  if (!isRoot) throw new Exit(1, `sysctl: ${name}: Operation not permitted\n`);
  const link = queueOf(machine, name!);
  if (link === undefined) machine.sysctls.set(name!, value);
  else link.queueLength = Number(value);
  return { ...DONE, stdout: `${name}: ${before} -> ${value}\n` };
}

function valueOf(machine: BsdMachine, name: string): string | undefined {
  if (name === CLONING && !machine.tun.isLoaded) return undefined;
  return queueOf(machine, name)?.queueLength.toString() ?? machine.sysctls.get(name);
}

/** The interface that a variable of NetBSD's sysctl_sndq_setup() is about, sys/net/if.c. */
function queueOf({ name, world }: BsdMachine, variable: string): PaperLink | undefined {
  const link = /^net\.interfaces\.(.*)\.sndq\.maxlen$/.exec(variable)?.[1];
  return name === "NetBSD" && link !== undefined ? world.link(link) : undefined;
}

function unknownVariable(system: string, name: string): Exit {
  const text = {
    "FreeBSD": `sysctl: unknown oid '${name}'\n`,
    "OpenBSD": `sysctl: second level name ${name} is invalid\n`,
    "NetBSD": `sysctl: second level name '${name}' in '${name}' is invalid\n`,
    "DragonFly BSD": `sysctl: unknown oid '${name}'\n`,
  }[system]!;
  return new Exit(1, text);
}

/** File names of the module of tun(4), and of what is in the kernel. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  "FreeBSD": ["if_tuntap", "if_tun", "if_tap"],
  "DragonFly BSD": ["if_tun"],
};

/** kldload(8): `-n` takes it as done when the module is there already. */
export function kldload({ machine, isRoot, args }: Invocation): CommandResult {
  const [name] = args.filter((arg) => !arg.startsWith("-"));
  const known = MODULES[machine.name]!.includes(name!);
  const { tun } = machine;
  if (known && tun.isLoaded) {
    if (machine.name === "FreeBSD" && args.includes("-n")) return DONE;
    throw new Exit(
      1,
      `kldload: can't load ${name}: module already loaded or in kernel\n`,
    );
  }
  if (!isRoot) throw new Exit(1, `kldload: can't load ${name}: Operation not permitted\n`);
  if (!known) throw new Exit(1, `kldload: can't load ${name}: No such file or directory\n`);
  tun.isLoaded = true;
  return DONE;
}

/** kldstat(8) with -m: whether a module is there. */
export function kldstat({ machine, args }: Invocation): CommandResult {
  const name = args.at(-1)!;
  if (machine.tun.isLoaded && MODULES[machine.name]!.includes(name)) return DONE;
  throw new Exit(1, `kldstat: can't find module ${name}: No such file or directory\n`);
}

/** `sh MAKEDEV tun7`, in /dev. */
export function makedev({ machine, isRoot, args }: Invocation): CommandResult {
  const number = unitNumber(args.at(-1)!);
  if (number === undefined || !isRoot) throw new Exit(1, "MAKEDEV: unknown device\n");
  machine.options.tunNodes = Math.max(machine.options.tunNodes, number + 1);
  return DONE;
}
