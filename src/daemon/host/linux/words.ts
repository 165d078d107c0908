import { LINUX_WORDS } from "#src/datapath/linux/words.ts";
import { LINK_LOCAL_ADDRESS, LINK_LOCAL_PREFIX_LENGTH } from "#src/datapath/linux/tun/interface.ts";
import { formatIpv6, formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { capabilitiesMend, type Engine } from "./container.ts";
import type { HostWords } from "../words.ts";

const LINK_LOCAL = formatIpv6(LINK_LOCAL_ADDRESS);

/** @param engine of the container that this is; undefined: it is none */
export function linuxHostWords(engine: Engine | undefined): HostWords {
  if (engine === undefined) return LINUX_HOST_WORDS;
  return {
    ...LINUX_HOST_WORDS,
    morePrivileges: (capabilities) => capabilitiesMend(engine, capabilities),
  };
}

export const LINUX_HOST_WORDS: HostWords = {
  ...LINUX_WORDS,
  morePrivileges: (capabilities) =>
    "start it as root, e.g. with sudo, or under systemd with " +
    `AmbientCapabilities=${capabilities.join(" ")}`,
  stopService: (name) => `systemctl stop ${name}`,
  addUser: (name) => `useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`,
  addDefaultRoute: "ip -6 route add default via ROUTER dev INTERFACE",
  addDefaultRoute4: "ip route add default via ROUTER dev INTERFACE",
  routeFrom: (prefix, gateway, interfaceName) => {
    const via = gateway === undefined ? "" : `via ${gateway} `;
    return `ip -6 route add default from ${prefix} ${via}dev ${interfaceName}`;
  },
  routeInto: (prefix, interfaceName, metric) =>
    `ip -6 route add ${
      formatIpv6Prefix(prefix)
    } dev ${interfaceName} metric ${metric}; if it is there, ` +
    "a rule leads past it, which `ip -6 rule` shows",
  showRefusals: {
    4: "`ip route show table all` and `ip rule` show it",
    6: "`ip -6 route show table all` and `ip -6 rule` show it",
  },
  showRoute: (address) => `ip -6 route get fibmatch ${address}`,
  addAddress6: "ip -6 addr add ADDRESS/128 dev lo",
  linkUp: (interfaceName) => `ip link set dev ${interfaceName} up`,
  giveCarrier: (interfaceName) => `ip link set dev ${interfaceName} carrier on`,
  addLinkLocal: (interfaceName) =>
    `ip -6 addr add ${LINK_LOCAL}/${LINK_LOCAL_PREFIX_LENGTH} dev ${interfaceName}`,
  setMtu: (interfaceName, mtu) => `ip link set dev ${interfaceName} mtu ${mtu}`,
  forwarding: "net.ipv6.conf.all.forwarding",
  forward: "sysctl -w net.ipv6.conf.all.forwarding=1",
  setClock: "timedatectl set-ntp true",
};
