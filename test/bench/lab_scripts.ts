import { IPV4_LINK, IPV6_LINK } from "#src/demo/topology.ts";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import { LOAD_PORT, SERVER_LOAD_PORT } from "./station_contract.ts";

/** Shell commands that change a lab's network and who runs where, for its namespace `core`. */

/** Namespace of the clients. */
export const CLIENTS = "cli0";
/** IPv6 addresses of the link from the clients to the relay's machine, for plain forwarding. */
export const PLAIN_CLIENT = "2001:db8:2::2";
const PLAIN_RELAY = "2001:db8:2::1";
const PLAIN_NETWORK = "2001:db8:2::/64";

/** Binds all threads of what runs in these namespaces to cores, with a policy as chrt(1) names it. */
export function placing(
  namespaces: readonly string[],
  cpus: string,
  policy: "--other 0" | "--fifo 1",
): string {
  const [name, priority] = policy.split(" ");
  // One that has ended meanwhile needs no core.
  return `for name in ${namespaces.join(" ")}; do
  for pid in $(ip netns pids $name); do
    taskset -apc ${cpus} $pid >/dev/null 2>&1 || continue
    chrt --all-tasks ${name} --pid ${priority} $pid || [ ! -e /proc/$pid ]
  done
done
`;
}

/**
 * Has the cores of a mask do the kernel's part of receiving on links of a namespace; 0: the core that a
 * frame comes on. `ip netns exec` mounts a /sys that shows the namespace's links.
 */
export function steering(namespace: string, links: readonly string[], mask: number): string {
  return `ip netns exec ${namespace} sh -e -c '
for link in ${links.join(" ")}; do
  for queue in /sys/class/net/$link/queues/rx-*; do echo ${mask.toString(16)} >$queue/rps_cpus; done
done'
`;
}

/**
 * What the bridges send to the relay and to the ends has its checksums, or not: a card would complete
 * them, and a relay cannot pass on in the kernel what waits for that.
 */
export function completeChecksums(on: boolean): string {
  return `for link in $(ip -n core -o link show type veth | sed 's/^[0-9]*: //; s/[@:].*//'); do
  ethtool -K $link tx ${on ? "off" : "on"} >/dev/null
done
`;
}

/** Client and host also reach each other without a tunnel, over the same links and machine. */
export const PLAIN_ROUTES = `
ip -n ${CLIENTS} -6 address add ${PLAIN_CLIENT}/64 dev ${IPV4_LINK} nodad
ip -n rly -6 address add ${PLAIN_RELAY}/64 dev ${IPV4_LINK} nodad
ip -n ${CLIENTS} -6 route add 2001:db8:1::/64 via ${PLAIN_RELAY} mtu 1280
ip -n host6 -6 route add ${PLAIN_NETWORK} via 2001:db8:1::1 mtu 1280
`;

/**
 * What a load is made of ends at the link it arrives on, as early as the kernel can drop it: the link
 * has counted it by then. In tunnel packets the inner UDP port stands 50 bytes behind the outer one.
 */
export const SINKS = `
nsenter --net=/run/netns/${CLIENTS} nft -f - <<'RULES'
table netdev sink {
  chain arriving {
    type filter hook ingress device "${IPV4_LINK}" priority 0
    udp dport 3544 @th,400,16 ${LOAD_PORT} drop
    udp dport { ${LOAD_PORT}, ${SERVER_LOAD_PORT} } drop
  }
}
RULES
nsenter --net=/run/netns/host6 nft -f - <<'RULES'
table netdev sink {
  chain arriving {
    type filter hook ingress device "${IPV6_LINK}" priority 0
    udp dport ${LOAD_PORT} drop
  }
}
RULES
`;

/** The relay's machine throws away every load as soon as it arrives. */
export const DEAF = `nft -f - <<'RULES'
table netdev deaf {
  chain ipv4 {
    type filter hook ingress device "${IPV4_LINK}" priority 0
    udp dport ${RELAY_PORT} drop
  }
  chain ipv6 {
    type filter hook ingress device "${IPV6_LINK}" priority 0
    udp dport ${LOAD_PORT} drop
  }
}
RULES
`;
