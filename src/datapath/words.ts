/**
 * How an operator mends or looks into something on one system: commands as they are typed there, of
 * which the daemon and `teredo check` make their messages.
 */
export interface Words {
  /** How to have more privileges than now. @param capabilities names of capabilities(7) */
  morePrivileges(capabilities: readonly string[]): string;
  /** Gives this host one more IPv4 address. */
  addAddress(address: string, interfaceName: string): string;
  /** Shows who has a UDP port. */
  findPort(port: number): string;
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
  /** Removes an interface. */
  removeInterface(name: string): string;
}
