import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENXIO, EPERM, IFNAMSIZ } from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { findHolder, textOf } from "../proc.ts";

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
        `/dev/net/tun may not be opened: ${errnoName(LINUX, errno)}`,
        "start as root; in a container start it with --device /dev/net/tun",
      );
    default:
      return new StartError(`/dev/net/tun did not open: ${errnoName(LINUX, errno)}`);
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
      return new StartError(`the TUN interface ${name} cannot be made: ${errnoName(LINUX, errno)}`);
  }
}

/** ` by process 123 (miredo)`, or nothing when it cannot be seen. */
function holderOf(name: string): string {
  // The TUN driver shows `iff:\tNAME` for each of its descriptors.
  const line = `iff:\t${name}`;
  const holder = findHolder("fdinfo", (path) => textOf(path).split("\n").includes(line));
  return holder === undefined ? "" : ` by process ${holder.pid} (${holder.name})`;
}
