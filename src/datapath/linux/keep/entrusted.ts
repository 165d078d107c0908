import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import type { Entrusted, Keeper } from "../../keep/contract.ts";
import { Reconciler } from "../../keep/reconciler.ts";
import { Changes, IPV6_CHANGES } from "../netlink/changes.ts";
import { Netlink } from "../netlink/socket.ts";
import { LinuxUpheld } from "./upheld.ts";

/**
 * Keeps an interface of another process, with sockets of its own. One that was deleted stays so: what
 * it hangs on are the descriptors of that process.
 *
 * @throws SyscallError
 */
export function keepEntrusted(libc: Libc, entrusted: Entrusted): Keeper {
  const { interfaceName, index, prefix, routes: { metric, protocol } } = entrusted;
  const remake = () => {
    throw new StartError(
      `the interface ${interfaceName} is gone, and with \`user\` set it is only made at start`,
      "restart the daemon",
    );
  };
  const upheld = new LinuxUpheld(new Netlink(libc), new Changes(libc, IPV6_CHANGES), {
    ...entrusted,
    configured: { index, prefix, metric, protocol },
    remake,
  });
  return new Reconciler(upheld, performance.now());
}
