import type { Words } from "../words.ts";

export const LINUX_WORDS: Words = {
  morePrivileges: (capabilities) =>
    "start it as root, e.g. with sudo, or under systemd with " +
    `AmbientCapabilities=${capabilities.join(" ")}`,
  addAddress: (address, interfaceName) => `ip addr add ${address}/32 dev ${interfaceName}`,
  findPort: (port) => `ss -ulpn 'sport = :${port}'`,
  stopService: (name) => `systemctl stop ${name}`,
  ownService: (role) => `teredo-${role}`,
  addUser: (name) => `useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`,
  addDefaultRoute: "ip -6 route add default via ROUTER dev INTERFACE",
  forwarding: "net.ipv6.conf.all.forwarding",
  forward: "sysctl -w net.ipv6.conf.all.forwarding=1",
  setClock: "timedatectl set-ntp true",
  removeInterface: (name) => `ip link delete ${name}`,
};
