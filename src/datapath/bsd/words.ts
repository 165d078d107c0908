import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Words } from "../words.ts";

const COMMON = {
  morePrivileges: () => "start it as root; it changes to its user by itself",
  addAddress: (address: string, interfaceName: string) =>
    `ifconfig ${interfaceName} inet ${address} netmask 255.255.255.255 alias`,
  ownService: (role: string) => `teredo_${role}`,
  addDefaultRoute: "route add -inet6 default ROUTER",
  forwarding: "net.inet6.ip6.forwarding",
  forward: "sysctl net.inet6.ip6.forwarding=1",
  removeInterface: (name: string) => `ifconfig ${name} destroy`,
} as const;

const FREEBSD: Words = {
  ...COMMON,
  findPort: (port) => `sockstat -4l -P udp -p ${port}`,
  stopService: (name) => `service ${name} stop`,
  addUser: (name) => `pw useradd ${name} -d /nonexistent -s /usr/sbin/nologin`,
  setClock: "ntpd -gq",
};

const OPENBSD: Words = {
  ...COMMON,
  findPort: (port) => `fstat | grep ':${port}'`,
  stopService: (name) => `rcctl stop ${name}`,
  addUser: (name) => `useradd -g =uid -d /var/empty -s /sbin/nologin ${name}`,
  setClock: "rdate pool.ntp.org",
};

const NETBSD: Words = {
  ...COMMON,
  findPort: (port) => `sockstat -4l -p ${port}`,
  stopService: (name) => `service ${name} stop`,
  addUser: (name) => `useradd -g =uid -d /nonexistent -s /sbin/nologin ${name}`,
  forward: "sysctl -w net.inet6.ip6.forwarding=1",
  setClock: "ntpdate -b pool.ntp.org",
};

const DRAGONFLY: Words = {
  ...FREEBSD,
  findPort: (port) => `sockstat -4l | grep ':${port} '`,
  addUser: (name) => `pw useradd ${name} -d /nonexistent -s /sbin/nologin`,
  setClock: "dntpd -s",
};

const WORDS: Readonly<Partial<Record<System, Words>>> = {
  "FreeBSD": FREEBSD,
  "OpenBSD": OPENBSD,
  "NetBSD": NETBSD,
  "DragonFly BSD": DRAGONFLY,
};

export function wordsOf({ layout }: Pick<Libc, "layout">): Words {
  return WORDS[layout.system]!;
}
