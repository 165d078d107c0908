import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Lab } from "#src/demo/lab.ts";

const TOOL = fileURLToPath(new URL("singly.pl", import.meta.url));

/**
 * Has the kernel hand the relay each datagram singly, or runs of them as one, as it does by default.
 *
 * A run that finds no room at the socket is one to the kernel, however many datagrams it holds; singly
 * it counts them all. udp(7), UDP_GRO
 */
export async function takeSingly(lab: Lab, singly: boolean): Promise<void> {
  const relay = `$(pgrep -o -f 'teredo relay')`;
  const sockets = Number(await lab.sh("rly", `perl ${TOOL} ${relay} ${Number(singly)}`));
  assert.ok(sockets > 0, "the relay has no UDP socket");
}
