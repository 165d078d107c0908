import assert from "node:assert/strict";
import type { Lab } from "#src/demo/lab.ts";
import type { StatusDocument } from "#src/status/document.ts";
import { assertRelayAccounts, assertServerAccounts, quietStatus } from "#test/netns/hostile.ts";
import type { Leg } from "./soak.ts";

/** What relay and server say of themselves at a moment in which nothing moves. */
export interface Accounts {
  readonly relay: StatusDocument;
  readonly server: StatusDocument;
}

export async function accountsOf(lab: Lab): Promise<Accounts> {
  const [relay, server] = await Promise.all([quietStatus(lab, "rly"), quietStatus(lab, "srv")]);
  return { relay, server };
}

/**
 * What does not balance after a leg: packets in and out of each daemon by its own word, and what was
 * sent to the relay by the senders' word.
 *
 * @param before the same at the leg's start; undefined: another relay has begun to count since
 */
export function problemsOf(
  leg: Pick<Leg, "flows" | "peers" | "junk">,
  now: Accounts,
  before: Accounts | undefined,
): string[] {
  const checks: (readonly [what: string, hold: () => void])[] = [
    ["the relay's packets in and out", () => assertRelayAccounts(now.relay)],
    ["the server's packets in and out", () => assertServerAccounts(now.server)],
    ["datagrams for the relay", () => before && assertAllCame(leg, now.relay, before.relay)],
  ];
  return checks.flatMap(([what, hold]) => {
    try {
      hold();
      return [];
    } catch (error) {
      return [`${what}: ${(error as Error).message.replace(/\s+/g, " ").slice(0, 300)}`];
    }
  });
}

/** A run of datagrams that finds no room is one to the kernel, however many it holds: udp(7), UDP_GRO. */
const LONGEST_RUN = 64;

/** Each datagram that was sent was received, or thrown away for want of room, and counted as that. */
function assertAllCame(
  { flows: { clients }, peers, junk }: Pick<Leg, "flows" | "peers" | "junk">,
  now: StatusDocument,
  before: StatusDocument,
): void {
  const sent = clients.sent + clients.bubblesSent + peers.at(-1)!.toRelay + junk;
  const received = now.counters.udp_received_datagrams - before.counters.udp_received_datagrams;
  const overflows = now.drops.socket_overflow - before.drops.socket_overflow;
  const missing = sent - received;
  assert.ok(
    missing >= overflows && missing <= LONGEST_RUN * overflows,
    `${sent} sent, ${received} received, ${overflows} found no room`,
  );
}
