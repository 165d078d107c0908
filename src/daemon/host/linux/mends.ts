import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { needsForwarding } from "../../checks/ipv6.ts";
import type { Action, Mender } from "../mender.ts";
import { heedAdvertisements } from "./answers.ts";
import { keep, LASTING_PATHS } from "./lasting.ts";
import { textOf } from "#src/datapath/linux/proc.ts";

/** Where root's programs are; what a shell would find first is no business of ours. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin";
const TIMEOUT_MS = 10_000;

/** Variables that may be set unasked, with their values. sysctl(8) writes a slash for a name's dot. */
const INTERFACE = String.raw`[\w@:-][\w@:/-]*`;
const SAFE = [
  /^net\.ipv6\.conf\.all\.forwarding=1$/,
  new RegExp(String.raw`^net\.ipv6\.conf\.${INTERFACE}\.accept_ra=2$`),
  new RegExp(String.raw`^net\.ipv4\.conf\.${INTERFACE}\.rp_filter=2$`),
];
const FORWARDING = "net.ipv6.conf.all.forwarding";
const LOAD_TUN = "modprobe tun";
/** Alone, or as the first of several ways. */
const LOADS_TUN = /^(?:modprobe tun|run `modprobe tun`(?:; in a container [^]*)?)$/;

export const LINUX_MENDER: Mender = {
  actionsOf,
  standing: (host, relay) => {
    const advertised = host.defaultRoutes6().filter((route) => route.fromAdvertisement);
    const mends = [
      LOAD_TUN,
      ...advertised.map(({ interfaceName }) => heedAdvertisements(interfaceName)),
      ...(needsForwarding(host, relay) ? [host.words.forward] : []),
    ];
    return mends.filter(holds).flatMap((mend) => actionsOf(mend) ?? []);
  },
  keep,
  paths: LASTING_PATHS,
};

function actionsOf(mend: string): readonly Action[] | undefined {
  if (LOADS_TUN.test(mend)) return [module("tun")];
  const alias = /^ip addr add (\S+)\/32 dev ([\w.@:][\w.@:-]*)$/.exec(mend);
  if (alias !== null && parseIpv4(alias[1]!) !== undefined) return [program(mend)];
  const settings = /^sysctl -w (\S+(?: \S+)*)$/.exec(mend)?.[1]?.split(" ");
  if (settings === undefined || !settings.every(isSafe)) return undefined;
  return settings.map(variable);
}

const isSafe = (setting: string) => SAFE.some((it) => it.test(setting));

/** Runs the words of a command, without a shell. */
function program(command: string): Action {
  return {
    command,
    lasting: undefined,
    endangersRoutes: false,
    carryOut: () => run(command.split(" ")),
  };
}

const module = (name: string): Action => ({
  ...program(`modprobe ${name}`),
  lasting: { file: "modules", line: name },
});

function variable(setting: string): Action {
  const [key, value] = setting.split("=") as [string, string];
  return {
    command: `sysctl -w ${setting}`,
    lasting: { file: "sysctl", line: `${key} = ${value}` },
    endangersRoutes: key === FORWARDING,
    carryOut: () => write(pathOf(key), value),
  };
}

function pathOf(key: string): string {
  return `/proc/sys/${key.replace(/[./]/g, (it) => it === "." ? "/" : ".")}`;
}

/** Whether what a command would do is so already. */
function holds(command: string): boolean {
  if (command === LOAD_TUN) return /^tun /m.test(textOf("/proc/modules"));
  const [, key, value] = /^sysctl -w (\S+)=(\S+)$/.exec(command) ?? [];
  return key !== undefined && textOf(pathOf(key)).trim() === value;
}

/** As sysctl(8) does. */
function write(path: string, value: string): string | undefined {
  try {
    writeFileSync(path, value);
    return undefined;
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case "EACCES":
      case "EPERM":
        return "that takes root";
      case "EROFS":
        return "/proc/sys is read-only here: set it where this system was started from";
      case "ENOENT":
        return "the kernel has no such variable";
      default:
        return (error as Error).message;
    }
  }
}

function run([name = "", ...args]: readonly string[]): string | undefined {
  const options = { env: { PATH }, encoding: "utf8", timeout: TIMEOUT_MS } as const;
  const { error, status, stderr } = spawnSync(name, args, options);
  if (error !== undefined) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isMissing ? `there is no ${name} on this machine` : error.message;
  }
  if (status === 0) return undefined;
  return stderr.trim().split("\n").at(0) || `${name} ended with status ${status}`;
}
