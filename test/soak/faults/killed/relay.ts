import type { Fault } from "../contract.ts";
import { PROGRAMS_LEFT, relayKilled } from "./lives.ts";

/** Nothing of the kernel's, and no file that says something is there. */
export const RELAY_LEFT = [
  "ip -o link show dev teredo 2>/dev/null || true",
  "ip -6 route show 2001::/32",
  "ss -Hlun 'sport = :3545'",
  "ss -Hltn 'sport = :9545'",
  PROGRAMS_LEFT("ipv4"),
].join("\n");

const CONF = "[relay]\nbind_port = 3545\nworkers = 2\n";

export const RELAY_KILLED: Fault = {
  name: "a relay is killed (`kill -9`) at a random moment, from its start on",
  promised: "interface, route, sockets and programs in the kernel go with it; the next one starts",
  isQuick: true,
  run: (options) => relayKilled(options, { role: "relay", conf: CONF, left: RELAY_LEFT }),
};
