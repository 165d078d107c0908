import { RELAY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import type { Maker } from "#test/netns/programs.ts";
import type { Who } from "./results.ts";

/** Whose daemons a lab has. */
export type BenchMaker = Exclude<Who, "kernel">;

/** Whose program it is: the fast path is a setting of ours. */
export function programOf(maker: BenchMaker): Maker {
  return maker === "miredo" ? "miredo" : "teredo";
}

/** The same for every maker, as far as it goes. */
export function relayConfiguration(maker: BenchMaker, workers: number): string {
  if (maker === "miredo") {
    return `RelayType relay\nInterfaceName teredo\nBindAddress ${RELAY_ADDRESS}\nBindPort ${RELAY_PORT}\n`;
  }
  // The generator is one network that addresses thousands of clients at once, which is what the rates limit.
  return `[relay]
type = relay
interface_name = teredo
bind_address = ${RELAY_ADDRESS}
bind_port = ${RELAY_PORT}
new_peer_rate = 0
bubble_rate = 0
address_bubble_rate = 0
${fastPathLine(maker)}${workersLine(workers)}`;
}

export function serverConfiguration(maker: BenchMaker, workers: number): string {
  return maker === "miredo"
    ? `ServerBindAddress ${SERVER_ADDRESS}\n`
    : `[server]\nbind_address = ${SERVER_ADDRESS}\n${fastPathLine(maker)}${workersLine(workers)}`;
}

function fastPathLine(maker: Exclude<BenchMaker, "miredo">): string {
  return `fast_path = ${maker === "fast" ? "on" : "off"}\n`;
}

function workersLine(workers: number): string {
  return workers === 1 ? "" : `workers = ${workers}\n`;
}
