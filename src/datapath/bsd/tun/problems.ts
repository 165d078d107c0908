import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { EACCES, EBUSY, ENOENT, ENXIO, EPERM, IFNAMSIZ } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { LINK_LOCAL_ADDRESS, RELAY_MARK } from "./interface.ts";
import type { Shown } from "../interfaces.ts";
import { waysOf } from "../routing/ways.ts";

/**
 * What a server's interface is called where interfaces can be renamed, and its description elsewhere.
 * By it the next start knows what a server has left that had no privilege to destroy it: NetBSD, and
 * FreeBSD before 15, keep it. A second server on one host has the kernel's name.
 */
export const NATIVE_NAME = "teredo-server";

const MAX_NAME_LENGTH = IFNAMSIZ - 1;

/** What the kernel would refuse in an interface name, or ifconfig(8) would take for an option. */
export function nameProblem(name: string): StartError | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    return new StartError(
      `the interface name "${name}" has ${name.length} characters`,
      `choose an interface_name of at most ${MAX_NAME_LENGTH}`,
    );
  }
  if (name === "" || /^[A-Za-z][A-Za-z0-9._-]*$/.test(name)) return undefined;
  return new StartError(
    `"${name}" is no name for an interface`,
    "choose an interface_name of letters, digits, '.', '_' and '-' that starts with a letter",
  );
}

/** Why a device of tun(4) did not open. @param failed what a command said that was to make it */
export function deviceProblem(
  libc: Libc,
  path: string,
  errno: number,
  failed?: StartError,
): StartError {
  const why = errnoName(libc.layout, errno) + (failed === undefined ? "" : `; ${failed.problem}`);
  switch (errno) {
    case ENOENT:
    case ENXIO:
      return new StartError(
        `${path} is missing, so tun(4) cannot be reached: ${why}`,
        waysOf(libc).missingDevice(path),
      );
    case EACCES:
    case EPERM:
      return new StartError(`${path} may not be opened: ${why}`, "start as root");
    case EBUSY:
      return new StartError(`${path} is in use by another program`);
    default:
      return new StartError(`${path} did not open: ${why}`);
  }
}

/** An interface that some process holds. @param pid undefined where the system does not tell */
export function heldProblem(name: string, pid: number | undefined): StartError {
  return pid === undefined
    ? new StartError(
      `the TUN interface ${name} is in use by another program`,
      `find it with \`fstat /dev/${name}\` and stop it, or choose another interface_name`,
    )
    : new StartError(
      `the TUN interface ${name} is in use by process ${pid}`,
      `stop it (\`ps -p ${pid}\` shows it), or choose another interface_name`,
    );
}

/** Whether nobody has set this unit up: neither for a program that is to come, nor for a relay. */
export function isFree(shown: Shown): boolean {
  return shown.openedBy === undefined && shown.ipv4.length === 0 && !hasRelayAddress(shown) &&
    shown.ipv6.every((address) => /^fe[89ab]/i.test(address));
}

/** Whether this is the interface of a process that is gone: of tun(4), and down since the last close. */
export function isStale(shown: Shown): boolean {
  return shown.openedBy === undefined && !shown.flags.has("UP") && shown.groups.includes("tun");
}

/**
 * The same where an interface shows no group and keeps what was set: known by its description, and by
 * its address if that was refused.
 */
export function isLeftByRelay(shown: Shown): boolean {
  return shown.openedBy === undefined && !shown.flags.has("UP") &&
    (shown.description === RELAY_MARK || hasRelayAddress(shown));
}

/** The same of a server, whose interface has no address. */
export function isLeftByServer(shown: Shown): boolean {
  return shown.openedBy === undefined && !shown.flags.has("UP") &&
    shown.description === NATIVE_NAME;
}

function hasRelayAddress({ ipv6 }: Shown): boolean {
  const address = formatIpv6(LINK_LOCAL_ADDRESS);
  return ipv6.some((own) => own.split("%")[0] === address);
}
