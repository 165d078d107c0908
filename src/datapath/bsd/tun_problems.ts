import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { EACCES, EBUSY, ENOENT, ENXIO, EPERM, IFNAMSIZ } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { formatIpv6 } from "#src/protocol/ipv6.ts";
import { LINK_LOCAL_ADDRESS } from "./interface.ts";
import type { Shown } from "./interfaces.ts";
import { waysOf } from "./ways.ts";

const MAX_NAME_LENGTH = IFNAMSIZ - 1;

/** What the kernel would refuse in an interface name, or ifconfig(8) would take for an option. */
export function nameProblem(name: string): StartError | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    return new StartError(
      `the interface name "${name}" has ${name.length} characters`,
      `choose an InterfaceName of at most ${MAX_NAME_LENGTH}`,
    );
  }
  if (name === "" || /^[A-Za-z][A-Za-z0-9._-]*$/.test(name)) return undefined;
  return new StartError(
    `"${name}" is no name for an interface`,
    "choose an InterfaceName of letters, digits, '.', '_' and '-' that starts with a letter",
  );
}

/** Why a device of tun(4) did not open. */
export function deviceProblem(libc: Libc, path: string, errno: number): StartError {
  const why = errnoName(libc.layout, errno);
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
      `find it with \`fstat /dev/${name}\` and stop it, or choose another InterfaceName`,
    )
    : new StartError(
      `the TUN interface ${name} is in use by process ${pid}`,
      `stop it (\`ps -p ${pid}\` shows it), or choose another InterfaceName`,
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

/** The same where an interface is known by its address: it shows no group, and keeps its addresses. */
export function isLeftByRelay(shown: Shown): boolean {
  return shown.openedBy === undefined && !shown.flags.has("UP") && hasRelayAddress(shown);
}

function hasRelayAddress({ ipv6 }: Shown): boolean {
  const address = formatIpv6(LINK_LOCAL_ADDRESS);
  return ipv6.some((own) => own.split("%")[0] === address);
}
