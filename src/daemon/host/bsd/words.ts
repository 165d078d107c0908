import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { wordsOf } from "#src/datapath/bsd/words.ts";
import type { Words } from "#src/datapath/words.ts";
import type { HostWords } from "../words.ts";

type Own = Omit<HostWords, keyof Words>;

const COMMON = {
  morePrivileges: () => "start it as root; it changes to its user by itself",
  ownService: (role: string) => `teredo_${role}`,
  addDefaultRoute: "route add -inet6 default ROUTER",
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
  return { ...wordsOf(libc), ...OWN[libc.layout.system]! };
}
