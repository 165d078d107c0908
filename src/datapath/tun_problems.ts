import { readdirSync, readFileSync } from "node:fs";
import {
  EACCES,
  EBUSY,
  EINVAL,
  ENODEV,
  ENOENT,
  ENXIO,
  EPERM,
  errnoName,
  IFNAMSIZ,
} from "#ffi/linux.ts";
import { StartError } from "#src/errors.ts";

const MAX_NAME_LENGTH = IFNAMSIZ - 1;

/** What the kernel would refuse in an interface name, in words; it would only say EINVAL. */
export function nameProblem(name: string): StartError | undefined {
  const length = new TextEncoder().encode(name).length;
  if (length > MAX_NAME_LENGTH) {
    return new StartError(
      `the interface name "${name}" has ${length} bytes`,
      `choose an InterfaceName of at most ${MAX_NAME_LENGTH}`,
    );
  }
  // dev_valid_name() of the kernel, which puts a free number in the place of one "%d".
  if (/[/:%\s\0]/.test(name.replace("%d", "")) || name === "." || name === "..") {
    return new StartError(
      `"${name}" is no name for an interface`,
      "choose an InterfaceName without '/', ':' and blanks, and with '%' only in one '%d'",
    );
  }
  return undefined;
}

/** Why /dev/net/tun did not open. */
export function deviceProblem(errno: number): StartError {
  switch (errno) {
    case ENOENT:
      return new StartError(
        "/dev/net/tun is missing, so the kernel's TUN driver cannot be reached",
        "run `modprobe tun`; in a container start it with --device /dev/net/tun, or run " +
          "`mkdir -p /dev/net && mknod /dev/net/tun c 10 200`",
      );
    case ENODEV:
    case ENXIO:
      return new StartError(
        "the kernel has no TUN driver behind /dev/net/tun",
        "run `modprobe tun`",
      );
    case EACCES:
    case EPERM:
      return new StartError(
        `/dev/net/tun may not be opened: ${errnoName(errno)}`,
        "start as root; in a container start it with --device /dev/net/tun",
      );
    default:
      return new StartError(`/dev/net/tun did not open: ${errnoName(errno)}`);
  }
}

/** Why the driver did not give an interface of this name. */
export function interfaceProblem(wanted: string, errno: number): StartError {
  const name = wanted === "" ? "tunN" : wanted;
  switch (errno) {
    case EPERM:
      return new StartError(
        `no permission to make the TUN interface ${name}`,
        "start as root or with the capability CAP_NET_ADMIN",
      );
    case EBUSY:
      return new StartError(
        `the TUN interface ${name} is in use${holderOf(name)}`,
        `stop that process, or run \`ip link delete ${name}\``,
      );
    case EINVAL:
      // The driver takes over a TUN of one queue only.
      return new StartError(
        `an interface ${name} exists already and is not a TUN that can be taken over`,
        `run \`ip link delete ${name}\`, or choose another InterfaceName`,
      );
    default:
      return new StartError(`the TUN interface ${name} cannot be made: ${errnoName(errno)}`);
  }
}

/** ` by process 123 (miredo)`, or nothing when it cannot be seen, as in another PID namespace. */
function holderOf(name: string): string {
  for (const pid of list("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const descriptors = list(`/proc/${pid}/fdinfo`);
    if (descriptors.some((fd) => attachedTo(`/proc/${pid}/fdinfo/${fd}`, name))) {
      return ` by process ${pid} (${text(`/proc/${pid}/comm`).trim()})`;
    }
  }
  return "";
}

/** The TUN driver shows `iff:\tNAME` for each of its descriptors. */
function attachedTo(fdinfo: string, name: string): boolean {
  return text(fdinfo).split("\n").includes(`iff:\t${name}`);
}

// Processes end while they are looked at, and those of others cannot be read.
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
