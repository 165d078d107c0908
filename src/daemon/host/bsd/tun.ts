import type { Libc } from "#ffi/libc.ts";
import type { Run } from "#src/datapath/bsd/commands.ts";
import { IFCONFIG, isUnit } from "#src/datapath/bsd/interfaces.ts";
import { waysOf } from "#src/datapath/bsd/routing/ways.ts";
import type { Finding } from "../../checks/result.ts";

/** What the look at tun(4) is made with. */
export interface TunLook {
  readonly libc: Libc;
  readonly run: Run;
  readonly exists: (path: string) => boolean;
  /** Name that the interface shall have; empty: any. */
  readonly wanted: string;
}

/**
 * Whether tun(4) can be had, without an open of its device: on a BSD that makes an interface, on
 * FreeBSD even a stat(2) of /dev/tun does, and a check changes nothing.
 */
export function bsdTun(look: TunLook): Finding {
  switch (look.libc.layout.system) {
    case "FreeBSD":
      return freebsdTun(look);
    case "DragonFly BSD":
      return dragonflyTun(look);
    case "NetBSD":
      return deviceOf(look) ?? netbsdDriver(look);
    default: // Every kernel of OpenBSD has the driver.
      return deviceOf(look) ?? found("tun(4) is there");
  }
}

/** What sysctl(8) prints of a variable; undefined when there is none such. */
export function sysctlText(run: Run, name: string): string | undefined {
  const { status, stdout } = run(["/sbin/sysctl", "-n", name]);
  return status === 0 ? stdout.trim() : undefined;
}

const found = (detail: string): Finding => ({ verdict: "ok", detail });

/** A command that could not be run says nothing. */
const denies = (run: Run, argv: readonly string[]) => run(argv).status > 0;

const CLONING = "net.link.tun.devfs_cloning";

function freebsdTun({ run, wanted }: TunLook): Finding {
  const jailed = sysctlText(run, "security.jail.jailed") === "1";
  if (jailed && sysctlText(run, "security.jail.vnet") === "0") {
    return {
      verdict: "fail",
      detail: "this jail has no network stack of its own, so no interface can be made in it",
      mend: "give it `vnet;` in jail.conf(5), or run the daemon outside",
    };
  }
  if (denies(run, ["/sbin/kldstat", "-q", "-m", "if_tuntap"])) {
    return notLoaded("if_tuntap", "kldload if_tuntap", 'if_tuntap_load="YES"', jailed);
  }
  // Where the name is that of a unit, `ifconfig tunN create` makes its device too.
  if (!isUnit(wanted) && sysctlText(run, CLONING) === "0") {
    const detail = `/dev/tun is switched off by ${CLONING}=0`;
    return { verdict: "fail", detail, mend: `sysctl ${CLONING}=1` };
  }
  if (jailed) return found("if_tuntap is there; the devfs ruleset of this jail has to show tun*");
  return found("if_tuntap is there");
}

function dragonflyTun({ run }: TunLook): Finding {
  // A variable of the driver's own.
  if (denies(run, ["/sbin/sysctl", "-n", "net.link.tun.refcnt"])) {
    return notLoaded("if_tun", "kldload if_tun", 'if_tun_load="YES"', false);
  }
  return found("if_tun is there");
}

function notLoaded(module: string, load: string, line: string, jailed: boolean): Finding {
  const keep = `to have it at every start put ${line} into /boot/loader.conf`;
  if (jailed) {
    const detail = `${module} is not loaded, and a jail cannot load it`;
    return { verdict: "fail", detail, mend: `outside of the jail run ${load}; ${keep}` };
  }
  const detail = `${module} is not loaded yet: the daemon loads it as it starts`;
  return { verdict: "warn", detail, mend: `${load}; ${keep}` };
}

/** What is wrong with the device that will be opened, or tried first. */
function deviceOf({ libc, exists, wanted }: TunLook): Finding | undefined {
  const path = `/dev/${isUnit(wanted) ? wanted : "tun0"}`;
  if (exists(path)) return undefined;
  const mend = waysOf(libc).missingDevice(path);
  return { verdict: "fail", detail: `${path} is missing`, mend };
}

/** The kernel loads the module at an open of the device, unless it is not to. module(7) */
function netbsdDriver({ run }: TunLook): Finding {
  const { status, stdout } = run([IFCONFIG, "-C"]);
  if (status !== 0 || /\btun\b/.test(stdout)) return found("tun(4) is there");
  return {
    verdict: "warn",
    detail: "if_tun is not loaded yet: the kernel may load it when /dev/tun0 is opened",
    mend: "modload if_tun; to have it at every start put if_tun into /etc/modules.conf",
  };
}
