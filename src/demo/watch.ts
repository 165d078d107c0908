import { writeSync } from "node:fs";
import { openLibc } from "#ffi/open.ts";
import { describe, type Described, type Name } from "./describe.ts";
import { PacketSocket } from "./packet_socket.ts";
import { IPV4_LINK, IPV6_LINK } from "./topology.ts";

/**
 * Prints every Teredo packet and ping that crosses the two bridges, one line each, until killed.
 *
 * Runs in the namespace `core` as a process of its own: it blocks.
 *
 * @throws SyscallError without CAP_NET_RAW
 */
export async function watchLinks(name: Name): Promise<never> {
  const socket = new PacketSocket(await openLibc(), [IPV4_LINK, IPV6_LINK]);
  const start = performance.now();
  writeSync(1, "watching\n");
  for (;;) {
    socket.receive((packet, ethertype) => {
      const line = describe(packet, packet.length, ethertype, name);
      if (line !== undefined) writeSync(1, format(performance.now() - start, line));
    });
  }
}

function format(elapsed: number, { from, to, what }: Described): string {
  const seconds = (elapsed / 1000).toFixed(3).padStart(7);
  return `${seconds}  ${from.padStart(14)} > ${to.padEnd(14)}  ${what}\n`;
}
