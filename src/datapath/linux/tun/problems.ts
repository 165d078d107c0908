import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENXIO, EPERM, IFNAMSIZ } from "#ffi/linux/mod.ts";
import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import { linkNamed } from "../netlink/look_up.ts";
import type { Link } from "../netlink/routing.ts";
import { Netlink } from "../netlink/socket.ts";
import { findHolder, type Holder, textOf } from "../proc.ts";

const MAX_NAME_LENGTH = IFNAMSIZ - 1;

/** What the kernel would refuse in an interface name, in words; it would only say EINVAL. */
export function nameProblem(name: string): StartError | undefined {
  const length = new TextEncoder().encode(name).length;
  if (length > MAX_NAME_LENGTH) {
    return new StartError(
      `the interface name "${name}" has ${length} bytes`,
      `choose an interface_name of at most ${MAX_NAME_LENGTH}`,
    );
  }
  // dev_valid_name() of the kernel, which puts a free number in the place of one "%d".
  if (/[/:%\s\0]/.test(name.replace("%d", "")) || name === "." || name === "..") {
    return new StartError(
      `"${name}" is no name for an interface`,
      "choose an interface_name without '/', ':' and blanks, and with '%' only in one '%d'",
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
export function interfaceProblem(libc: Libc, wanted: string, errno: number): StartError {
  const name = wanted === "" ? "tunN" : wanted;
  switch (errno) {
    case EPERM:
      return new StartError(
        `no permission to make the TUN interface ${name}`,
        "start as root or with the capability CAP_NET_ADMIN",
      );
    case EBUSY:
      return heldProblem(name);
    case EINVAL:
      return takenProblem(name, linkNow(libc, name)) ?? new StartError(
        `an interface ${name} exists already and is not a TUN that can be taken over`,
        instead(name),
      );
    default:
      return new StartError(`the TUN interface ${name} cannot be made: ${errnoName(LINUX, errno)}`);
  }
}

/**
 * What has an interface's name and is no TUN, so that none can be made or taken over.
 *
 * Nothing is known of it but its kind: no command that deletes it is told.
 *
 * @param link that answers to the name
 */
export function takenProblem(name: string, link: Link | undefined): StartError | undefined {
  if (link === undefined) return undefined;
  if (link.name !== name) {
    return new StartError(
      `${name} is another name (altname) of the interface ${link.name}`,
      `choose another interface_name, or take that name away: ip link property del dev ${link.name} ` +
        `altname ${name}`,
    );
  }
  if (link.kind === "tun" && !link.isTap) return undefined;
  const what = link.kind === undefined
    ? "hardware, or the kernel's own"
    : `of the kind ${kindOf(link)}`;
  return new StartError(`an interface ${name} exists already and is ${what}`, instead(name));
}

const kindOf = ({ kind, isTap }: Link) => isTap ? "tap" : kind;

const instead = (name: string) =>
  `choose another interface_name; \`ip -d link show dev ${name}\` shows what it is`;

/** A TUN that some process has. */
export function heldProblem(name: string, holder = tunHolder(name)): StartError {
  return holder === undefined
    ? new StartError(`the TUN interface ${name} is in use`, instead(name))
    : new StartError(
      `the TUN interface ${name} is in use by process ${holder.pid} (${holder.name})`,
      `choose another interface_name, or stop that process; \`ps -p ${holder.pid}\` shows what it is`,
    );
}

/** A TUN that an administrator made, whose routes stay with it however a relay ends. */
export function staysProblem(name: string): StartError {
  return new StartError(
    `the interface ${name} was made beforehand: it would stay, and be announced, when the relay is killed`,
    "with `announce` let the relay make its interface: choose another interface_name",
  );
}

/** Who has a TUN open; undefined when it is nobody, or cannot be seen. */
export function tunHolder(name: string): Holder | undefined {
  // The TUN driver shows `iff:\tNAME` for each of its descriptors.
  const line = `iff:\t${name}`;
  return findHolder("fdinfo", (path) => textOf(path).split("\n").includes(line));
}

function linkNow(libc: Libc, name: string): Link | undefined {
  const netlink = new Netlink(libc);
  try {
    return linkNamed(netlink, name);
  } finally {
    netlink.close();
  }
}
