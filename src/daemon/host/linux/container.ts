import { closeSync, openSync } from "node:fs";

/** What starts containers, each with words of its own for what a container may do. */
export type Engine = "docker" | "podman" | "lxc" | "systemd-nspawn" | "kubernetes" | "other";

/** Reads of the machine; undefined: there is no such file or variable. */
export interface Signs {
  file(path: string): string | undefined;
  variable(name: string): string | undefined;
}

/** The engine whose container this is; undefined: it is none, as far as can be seen. */
export function engineOf({ file, variable }: Signs): Engine | undefined {
  if (variable("KUBERNETES_SERVICE_HOST") !== undefined) return "kubernetes";
  const cgroup = file("/proc/1/cgroup") ?? "";
  if (cgroup.includes("kubepods")) return "kubernetes";
  if (file("/run/.containerenv") !== undefined) return "podman";
  if (file("/.dockerenv") !== undefined) return "docker";
  const ofInit = /(?:^|\0)container=([^\0]*)/.exec(file("/proc/1/environ") ?? "")?.[1];
  const said = file("/run/systemd/container")?.trim() ?? ofInit ?? variable("container");
  if (said !== undefined && said !== "") return NAMED[said] ?? "other";
  const found = /\/(docker|libpod|lxc)[/.-]/.exec(cgroup)?.[1];
  return found === undefined ? undefined : NAMED[found];
}

const NAMED: Readonly<Record<string, Engine>> = {
  "docker": "docker",
  "podman": "podman",
  "libpod": "podman",
  "lxc": "lxc",
  "lxc-libvirt": "lxc",
  "systemd-nspawn": "systemd-nspawn",
};

/** The options of a container by which it may do what it may not do now. */
interface Options {
  /** Lets it have /dev/net/tun. */
  readonly tun: string;
  /** Lets it have capabilities. @param names without `CAP_` */
  capabilities(names: readonly string[]): string;
  /** Sets a variable of sysctl(8) at its start; undefined: there is no option for that. */
  variable(key: string, value: string): string | undefined;
  /** What prints the process that the container began with, on the host. */
  readonly process: string;
}

const forRun = (program: "docker" | "podman"): Options => ({
  tun: `${program} run --device /dev/net/tun --cap-add NET_ADMIN --cap-add NET_RAW`,
  capabilities: (names) => `${program} run ${names.map((name) => `--cap-add ${name}`).join(" ")}`,
  // Set before there are interfaces.
  variable: (key, value) =>
    isOfInterface(key) ? undefined : `${program} run --sysctl ${key}=${value}`,
  process: `$(${program} inspect --format '{{.State.Pid}}' CONTAINER)`,
});

const OPTIONS: Readonly<Record<Engine, Options>> = {
  "docker": forRun("docker"),
  "podman": forRun("podman"),
  "lxc": {
    tun: "in the container's configuration lxc.cgroup2.devices.allow = c 10:200 rwm, and " +
      "lxc.mount.entry = /dev/net/tun dev/net/tun none bind,create=file",
    capabilities: (names) =>
      `in the container's configuration take ${names.join(", ").toLowerCase()} out of lxc.cap.drop`,
    variable: (key, value) =>
      isOfInterface(key)
        ? undefined
        : `in the container's configuration lxc.sysctl.${key} = ${value}`,
    process: "$(lxc-info --no-humanize --pid --name CONTAINER)",
  },
  "systemd-nspawn": {
    tun: "systemd-nspawn --bind=/dev/net/tun --property='DeviceAllow=/dev/net/tun rw' " +
      "--capability=CAP_NET_ADMIN --private-network",
    capabilities: (names) =>
      `systemd-nspawn --capability=${names.map((name) => `CAP_${name}`).join(",")}`,
    variable: () => undefined,
    process: "$(machinectl show --property=Leader --value CONTAINER)",
  },
  "kubernetes": {
    tun: "give the pod /dev/net/tun as a hostPath volume of type CharDevice, and " +
      "securityContext.capabilities.add: [NET_ADMIN, NET_RAW]; where the runtime refuses the device, " +
      "by a device plugin",
    capabilities: (names) => `securityContext.capabilities.add: [${names.join(", ")}]`,
    variable: (key, value) =>
      isOfInterface(key)
        ? undefined
        : `in the pod's securityContext.sysctls name: ${key}, value: "${value}"; the kubelet needs ` +
          `--allowed-unsafe-sysctls=${key}`,
    process: "PID",
  },
  "other": {
    tun: "let the container have the device /dev/net/tun (c 10:200) and CAP_NET_ADMIN",
    capabilities: (names) =>
      `start the container with ${names.map((name) => `CAP_${name}`).join(", ")}`,
    variable: () => undefined,
    process: "PID",
  },
};

/** `net.ipv6.conf.eth0.accept_ra`, unlike those of `all` and `default`. */
function isOfInterface(key: string): boolean {
  return /\.conf\.(?!(?:all|default)\.)/.test(key);
}

/** How this container gets /dev/net/tun. */
export function tunMend(engine: Engine): string {
  return OPTIONS[engine].tun;
}

/** How this container gets capabilities. @param names as in capabilities(7) */
export function capabilitiesMend(engine: Engine, names: readonly string[]): string {
  const short = names.map((name) => name.replace("CAP_", ""));
  return `start it as root of the container, and that with ${OPTIONS[engine].capabilities(short)}`;
}

/**
 * A mend as it can be carried out from within a container, or else by its engine or on its host. Of
 * the commands in it those are replaced that set a variable which cannot be written here, or load a
 * module.
 *
 * @param isReadOnly whether the kernel refuses to write to that path because of a read-only mount
 */
export function fromWithin(
  engine: Engine,
  mend: string,
  isReadOnly: (path: string) => boolean,
): string {
  return mend
    .replace(/`?\bmodprobe (\w+)`?/g, "on the host modprobe $1")
    .replace(/\brun on the host/g, "on the host")
    .replace(/`?\bsysctl -w ((?:[^\s`=]+=[^\s`;]+ ?)+)`?/g, (command, list: string) => {
      const variables = list.trim().split(" ").map((it) => it.split("=") as [string, string]);
      if (!variables.some(([key]) => isReadOnly(pathOf(key)))) return command;
      return variables.map(([key, value]) => settingOf(engine, key, value)).join(", ");
    });
}

/** sysctl(8) writes a slash for a dot in an interface's name. */
function pathOf(key: string): string {
  const swapped = key.replace(/[./]/g, (it) => it === "." ? "/" : ".");
  return `/proc/sys/${swapped}`;
}

/** /proc/sys/net shows the network of the process that looks at it. */
function settingOf(engine: Engine, key: string, value: string): string {
  const { variable, process } = OPTIONS[engine];
  const atOnce = `on the host nsenter --net --target ${process} sysctl -w ${key}=${value}`;
  const lasting = variable(key, value);
  return lasting === undefined ? atOnce : `${lasting}, or at once, ${atOnce}`;
}

/** Asks the kernel, by opening the file to write, and writes nothing. */
export function isReadOnly(path: string): boolean {
  try {
    closeSync(openSync(path, "r+"));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}
