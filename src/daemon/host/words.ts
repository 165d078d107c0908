import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Words } from "#src/datapath/words.ts";

/** What the daemon and `teredo check` make their messages of, beyond what the datapath says. */
export interface HostWords extends Words {
  /** How to have more privileges than now. @param capabilities names of capabilities(7) */
  morePrivileges(capabilities: readonly string[]): string;
  /** Ends a service of the system. @param name of its unit or script */
  stopService(name: string): string;
  /** Adds a user for a daemon. */
  addUser(name: string): string;
  /** Adds an IPv6 default route. */
  addDefaultRoute: string;
  /** The same of IPv4. */
  addDefaultRoute4: string;
  /** Gives packets of others, from this prefix, the way that this host's own take. */
  routeFrom(prefix: string, gateway: string | undefined, interfaceName: string): string;
  /** Makes an interface the way to a prefix again. @param metric where routes have one */
  routeInto(prefix: Ipv6Prefix, interfaceName: string, metric: number): string;
  /** Shows the routes, and what else can refuse packets, of one version of IP. */
  showRefusals: Readonly<Record<4 | 6, string>>;
  /** Shows by which route packets to an IPv6 address go. */
  showRoute(address: string): string;
  /** Gives this host one more IPv6 address, whichever interfaces it has. */
  addAddress6: string;
  linkUp(interfaceName: string): string;
  /** Where a link can be up without a carrier. */
  giveCarrier(interfaceName: string): string;
  /** Gives a relay's interface its link-local address again. */
  addLinkLocal(interfaceName: string): string;
  /** @param mtu bytes */
  setMtu(interfaceName: string, mtu: number): string;
  /** The variable of sysctl(8) that is 1 where IPv6 packets are forwarded. */
  forwarding: string;
  /** Switches IPv6 forwarding on, until the next start of the system. */
  forward: string;
  /** Sets the clock. */
  setClock: string;
}
