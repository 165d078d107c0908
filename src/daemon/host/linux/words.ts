import { LINUX_WORDS } from "#src/datapath/linux/words.ts";
import type { HostWords } from "../words.ts";

export const LINUX_HOST_WORDS: HostWords = {
  ...LINUX_WORDS,
  morePrivileges: (capabilities) =>
    "start it as root, e.g. with sudo, or under systemd with " +
    `AmbientCapabilities=${capabilities.join(" ")}`,
  stopService: (name) => `systemctl stop ${name}`,
  ownService: (role) => `teredo-${role}`,
  addUser: (name) => `useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`,
  addDefaultRoute: "ip -6 route add default via ROUTER dev INTERFACE",
  forwarding: "net.ipv6.conf.all.forwarding",
  forward: "sysctl -w net.ipv6.conf.all.forwarding=1",
  setClock: "timedatectl set-ntp true",
};
