import type { Words } from "#src/datapath/words.ts";

/** What the daemon and `teredo check` make their messages of, beyond what the datapath says. */
export interface HostWords extends Words {
  /** How to have more privileges than now. @param capabilities names of capabilities(7) */
  morePrivileges(capabilities: readonly string[]): string;
  /** Ends a service of the system. @param name of its unit or script */
  stopService(name: string): string;
  /** Name of the unit or script that comes with this program. */
  ownService(role: "relay" | "server"): string;
  /** Adds a user for a daemon. */
  addUser(name: string): string;
  /** Adds an IPv6 default route. */
  addDefaultRoute: string;
  /** The variable of sysctl(8) that is 1 where IPv6 packets are forwarded. */
  forwarding: string;
  /** Switches IPv6 forwarding on, until the next start of the system. */
  forward: string;
  /** Sets the clock. */
  setClock: string;
}
