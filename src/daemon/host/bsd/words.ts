import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { wordsOf } from "#src/datapath/bsd/words.ts";
import { typed } from "#src/datapath/bsd/commands.ts";
import { waysOf } from "#src/datapath/bsd/routing/ways.ts";
import { LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH } from "#src/datapath/bsd/tun/interface.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Words } from "#src/datapath/words.ts";
import type { HostWords } from "../words.ts";

/** What differs with the layout of the system's own `Ways`. */
type Routing = "routeInto";
type Own = Omit<HostWords, keyof Words | Routing>;

const LINK_LOCAL = formatIpv6(LINK_LOCAL_ADDRESS);

const COMMON = {
  morePrivileges: () => "start it as root; it changes to its user by itself",
  addDefaultRoute: "route add -inet6 default ROUTER",
  addDefaultRoute4: "route add default ROUTER",
  // Routing by source is the packet filter's there.
  routeFrom: () => "route add -inet6 default ROUTER",
  showRoute: (address: string) => `route -n get -inet6 ${address}`,
  addAddress6: "ifconfig lo0 inet6 ADDRESS prefixlen 128 alias",
  showRefusals: { 4: "`netstat -rnf inet` shows it", 6: "`netstat -rnf inet6` shows it" },
  linkUp: (interfaceName: string) => `ifconfig ${interfaceName} up`,
  giveCarrier: (interfaceName: string) => `ifconfig ${interfaceName} up`,
  addLinkLocal: (interfaceName: string) =>
    `ifconfig ${interfaceName} inet6 ${LINK_LOCAL} prefixlen ${LINK_LOCAL_PREFIX_LENGTH}`,
  setMtu: (interfaceName: string, mtu: number) => `ifconfig ${interfaceName} mtu ${mtu}`,
  forwarding: "net.inet6.ip6.forwarding",
  forward: "sysctl net.inet6.ip6.forwarding=1",
} as const;

const FREEBSD: Own = {
  ...COMMON,
  stopService: (name) => `service ${name} stop`,
  addUser: (name) => `pw useradd ${name} -d /nonexistent -s /usr/sbin/nologin`,
  setClock: "ntpd -gq",
};

const OPENBSD: Own = {
  ...COMMON,
  stopService: (name) => `rcctl stop ${name}`,
  addUser: (name) => `useradd -g =uid -d /var/empty -s /sbin/nologin ${name}`,
  setClock: "rdate pool.ntp.org",
};

const NETBSD: Own = {
  ...COMMON,
  stopService: (name) => `service ${name} stop`,
  addUser: (name) => `useradd -g =uid -d /nonexistent -s /sbin/nologin ${name}`,
  forward: "sysctl -w net.inet6.ip6.forwarding=1",
  setClock: "ntpdate -b pool.ntp.org",
};

const DRAGONFLY: Own = {
  ...FREEBSD,
  addUser: (name) => `pw useradd ${name} -d /nonexistent -s /sbin/nologin`,
  setClock: "dntpd -s",
};

const OWN: Readonly<Partial<Record<System, Own>>> = {
  "FreeBSD": FREEBSD,
  "OpenBSD": OPENBSD,
  "NetBSD": NETBSD,
  "DragonFly BSD": DRAGONFLY,
};

export function hostWordsOf(libc: Pick<Libc, "layout">): HostWords {
  const routeInto: HostWords["routeInto"] = (prefix, name) =>
    typed(waysOf(libc).addRoute(prefix, name, `${LINK_LOCAL}%${name}`));
  return { ...wordsOf(libc), ...OWN[libc.layout.system]!, routeInto };
}
