import type { Rival } from "../../keep/contract.ts";
import { commandNames } from "../proc.ts";

const EXAMPLES = "docs/examples/unmanaged";

/** By their names in /proc/PID/comm, which the kernel cuts to 15 bytes. */
const KNOWN: Readonly<Record<string, Rival>> = {
  "NetworkManager": {
    name: "NetworkManager",
    mend:
      `copy ${EXAMPLES}/networkmanager.conf to /etc/NetworkManager/conf.d/90-teredo.conf and run ` +
      "`nmcli general reload`",
  },
  "systemd-network": {
    name: "systemd-networkd",
    mend: `copy ${EXAMPLES}/networkd.network to /etc/systemd/network/10-teredo.network and run ` +
      "`networkctl reload`",
  },
  "connmand": {
    name: "connman",
    mend:
      `add the setting of ${EXAMPLES}/connman.conf to /etc/connman/main.conf and restart connman`,
  },
  "netifd": {
    name: "netifd",
    mend: "take the interface out of /etc/config/network and run `/etc/init.d/network reload`",
  },
  "dhcpcd": {
    name: "dhcpcd",
    mend: "add `denyinterfaces teredo` to /etc/dhcpcd.conf and restart dhcpcd",
  },
};

/** Programs that set up interfaces and run at this moment, as far as can be seen. */
export function rivals(): readonly Rival[] {
  const running = commandNames();
  return Object.entries(KNOWN).filter(([comm]) => running.has(comm)).map(([, rival]) => rival);
}
