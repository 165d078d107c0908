import {
  CAP_NET_ADMIN,
  CAP_NET_BIND_SERVICE,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_CHROOT,
  EACCES,
  ENOENT,
  EPERM,
} from "#ffi/linux/mod.ts";
import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import type { Link } from "#src/datapath/linux/netlink/routing.ts";
import type { Holder } from "#src/datapath/linux/proc.ts";
import { deviceProblem, heldProblem, takenProblem } from "#src/datapath/linux/tun/problems.ts";
import type { Finding } from "../../checks/result.ts";
import { type Engine, tunMend } from "./container.ts";
import type { Problem, Right, Rights } from "../contract.ts";

/** What this machine's answers mean to the checks: Linux numbers and variables in, words out. */

/** Capabilities that the daemons may need, by their names in capabilities(7). */
export const CAPABILITIES = {
  CAP_SETGID,
  CAP_SETUID,
  CAP_NET_BIND_SERVICE,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SYS_CHROOT,
} as const;
export type Capability = keyof typeof CAPABILITIES;

const NEEDED: Readonly<Record<Right, readonly Capability[]>> = {
  "set up interfaces": ["CAP_NET_ADMIN"],
  "open raw sockets": ["CAP_NET_RAW"],
  "bind low ports": ["CAP_NET_BIND_SERVICE"],
  "become a user": ["CAP_SETUID", "CAP_SETGID"],
  "change the root directory": ["CAP_SYS_CHROOT"],
};

export function linuxRights(held: ReadonlySet<Capability>, needed: readonly Right[]): Rights {
  const wanted = needed.flatMap((right) => NEEDED[right]);
  return { wanted, missing: wanted.filter((name) => !held.has(name)) };
}

/**
 * @param errno of opening /dev/net/tun; 0: it opens
 * @param engine of the container that this is, which has a say in what devices it has
 */
export function linuxTun(errno: number, engine?: Engine): Finding {
  if (errno === 0) return { verdict: "ok", detail: "/dev/net/tun opens" };
  const { problem, mend = "modprobe tun" } = deviceProblem(errno);
  const isKept = engine !== undefined && [ENOENT, EPERM, EACCES].includes(errno);
  return { verdict: "fail", detail: problem, mend: isKept ? tunMend(engine) : mend };
}

/**
 * Whether a TUN interface of this name can be had.
 *
 * @param link what answers to the name
 * @param holder who has the TUN of that name open
 */
export function linuxName(
  name: string,
  link: Link | undefined,
  holder: Holder | undefined,
): Finding | undefined {
  const problem = takenProblem(name, link) ??
    (holder === undefined ? undefined : heldProblem(name, holder));
  if (problem === undefined) return undefined;
  return { verdict: "fail", detail: problem.problem, mend: problem.mend! };
}

/** Reads by path below /proc/sys; undefined: no such variable. */
export type Variables = (path: string) => string | undefined;

const IPV6 = "net/ipv6/conf";

export function linuxIpv6(sysctl: Variables): Finding {
  if (sysctl(`${IPV6}/all/disable_ipv6`) === undefined) {
    const mend = "boot without ipv6.disable=1; modprobe ipv6";
    return { verdict: "fail", detail: "the kernel has no IPv6", mend };
  }
  // New interfaces, so the tunnel, take after `default`.
  for (const name of ["all", "default"]) {
    if (sysctl(`${IPV6}/${name}/disable_ipv6`) === "1") {
      const key = `net.ipv6.conf.${name}.disable_ipv6`;
      const detail = `IPv6 is switched off by ${key}=1`;
      return { verdict: "fail", detail, mend: `sysctl -w ${key}=0` };
    }
  }
  return { verdict: "ok", detail: "IPv6 is on" };
}

export function linuxForwards6(sysctl: Variables): boolean {
  return sysctl(`${IPV6}/all/forwarding`) === "1";
}

/**
 * A host that forwards ignores router advertisements unless accept_ra is 2. With 0 it is a network
 * manager that heeds them. ip-sysctl
 */
export function linuxAdvertisedRoute(
  sysctl: Variables,
  interfaceName: string,
): Problem | undefined {
  if (sysctl(`${IPV6}/${interfaceName}/accept_ra`) !== "1") return undefined;
  return {
    problem: "unless accept_ra is 2",
    mend: heedAdvertisements(interfaceName),
  };
}

/** Lets an interface take router advertisements though this host forwards. */
export function heedAdvertisements(interfaceName: string): string {
  return `sysctl -w net.ipv6.conf.${interfaceName.replaceAll(".", "/")}.accept_ra=2`;
}

/** @param errno of bpf(2) with the program that shares out packets; 0: it is taken */
export function linuxWorkers(errno: number): Problem | undefined {
  if (errno === 0) return undefined;
  return {
    problem: `bpf(2) is refused: ${errnoName(LINUX, errno)}`,
    mend: errno === EPERM || errno === EACCES
      ? "start it as root, or under systemd with AmbientCapabilities=CAP_BPF; where that is not to " +
        "be had, as in a user namespace, workers = 1"
      : "workers = 1",
  };
}
