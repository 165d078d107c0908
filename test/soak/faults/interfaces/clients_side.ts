import { RELAY_ADDRESS } from "#src/demo/topology.ts";
import type { Fault } from "../contract.ts";
import { type Change, faultOf } from "./changed.ts";

const PROMISED =
  "goes on by itself once it is put back; not ready meanwhile, if the relay can tell";
const PAUSE = "sleep 2";
const ADDRESS = `ip address add ${RELAY_ADDRESS}/24 dev ipv4`;

const CHANGES: readonly Change[] = [
  {
    name: "the IPv4 interface is down for 2 s",
    promised: PROMISED,
    deed: `ip link set ipv4 down; ${PAUSE}`,
    undone: "ip link set ipv4 up",
  },
  {
    name: "the IPv4 interface is deleted, and another one takes its place",
    promised: PROMISED,
    deed: `ip link delete ipv4; ${PAUSE}`,
    undone: [
      "ip link add ipv4 type veth peer name rly-ipv4 netns /run/netns/core",
      "ip -n core link set rly-ipv4 master ipv4 up",
      "ip link set ipv4 up",
      ADDRESS,
    ].join("\n"),
  },
  {
    name: "the IPv4 interface is renamed, which sets it down",
    promised: PROMISED,
    deed: "ip link set ipv4 down; ip link set ipv4 name uplink",
    undone: "ip link set uplink up",
  },
  {
    name: "the IPv4 interface is moved to another namespace, and back after 2 s",
    promised: PROMISED,
    deed: `ip netns add away; ip link set ipv4 netns away; ${PAUSE}`,
    undone: `ip -n away link set ipv4 netns rly\nip link set ipv4 up\n${ADDRESS}`,
  },
  {
    name: "the IPv4 address is taken away for 2 s",
    promised: PROMISED,
    deed: `ip address flush dev ipv4; ${PAUSE}`,
    undone: ADDRESS,
  },
  {
    name: "the IPv4 routes are taken away for 2 s",
    promised: PROMISED,
    deed: `ip route flush table main; ${PAUSE}`,
    undone: "ip route add 198.51.100.0/24 dev ipv4",
  },
  {
    name: "the IPv6 default route is taken away for 2 s",
    promised: "packets to networks with a route of their own pass on, as the host's of this lab",
    deed: `ip -6 route del default; ${PAUSE}`,
    undone: "ip -6 route add default via 2001:db8:1::2",
  },
  {
    name: "IPv6 forwarding is switched off for 2 s",
    promised: "not ready meanwhile, and says why; ready again once it is on",
    deed: `sysctl -qw net.ipv6.conf.all.forwarding=0; ${PAUSE}`,
    undone: "sysctl -qw net.ipv6.conf.all.forwarding=1",
    says: /msg="Not ready" check=forwarding/,
    saysAfter: /msg="Ready again" check=forwarding/,
  },
];

export const CLIENTS_SIDE: readonly Fault[] = CHANGES.map(faultOf);
