import type { Fault } from "../contract.ts";
import { type Change, faultOf } from "./changed.ts";

const PROMISED = "put right at once, and counted; clients are not asked again";
const RESTORED = /msg=Restored/;

const CHANGES: readonly Change[] = [
  {
    name: "the relay's interface is set down",
    promised: PROMISED,
    deed: "ip link set teredo down",
    says: RESTORED,
  },
  {
    name: "the relay's interface is deleted",
    promised: PROMISED,
    deed: "ip link delete teredo",
    says: RESTORED,
  },
  {
    name: "the relay's interface is renamed",
    promised: PROMISED,
    deed: "ip -batch - <<+\nlink set teredo down\nlink set teredo name other\n+",
    says: RESTORED,
  },
  {
    name: "the relay's interface is moved to another namespace",
    promised: PROMISED,
    deed: "ip netns add away; ip link set teredo netns away",
    says: RESTORED,
  },
  {
    name: "the relay's addresses are removed",
    promised: PROMISED,
    deed: "ip -6 addr flush dev teredo",
    says: RESTORED,
  },
  {
    name: "the route of the prefix is removed",
    promised: PROMISED,
    deed: "ip -6 route del 2001::/32 dev teredo",
    says: RESTORED,
  },
  {
    name: "the interface's MTU is set to 1000, with which IPv6 goes from it",
    promised: PROMISED,
    deed: "ip link set teredo mtu 1000",
    says: RESTORED,
  },
];

export const TUNNEL: readonly Fault[] = CHANGES.map(faultOf);
