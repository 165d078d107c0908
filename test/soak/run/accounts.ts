import assert from "node:assert/strict";
import type { Lab } from "#src/demo/lab.ts";
import type { StatusDocument } from "#src/status/document.ts";
import { assertRelayAccounts, assertServerAccounts, quietStatus } from "#test/netns/hostile.ts";
import { IPV4_LINK } from "#src/demo/topology.ts";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import type { Leg } from "./soak.ts";

/** What relay and server say of themselves at a moment in which nothing moves. */
export interface Accounts {
  readonly relay: StatusDocument;
  readonly server: StatusDocument;
  /** Datagrams that found no room at the relay's sockets since they are open, by the kernel's word. */
  readonly roomless: number;
  /** Frames that found no room on the relay's link since it is there, by both ends' word. */
  readonly lost: number;
}

export async function accountsOf(lab: Lab): Promise<Accounts> {
  const [relay, server] = await Promise.all([quietStatus(lab, "rly"), quietStatus(lab, "srv")]);
  return { relay, server, roomless: await roomlessOf(lab), lost: await lostOf(lab) };
}

/** A link between namespaces has a ring of 256 frames where its receiver joins them. veth(4) */
async function lostOf(lab: Lab): Promise<number> {
  const ends = [["rly", IPV4_LINK], ["core", `rly-${IPV4_LINK}`]] as const;
  const stats = await Promise.all(
    ends.map(([name, link]) => lab.sh(name, `ip -s -j link show dev ${link}`)),
  );
  const dropped = ({ rx, tx }: Record<"rx" | "tx", { readonly dropped: number }>) =>
    rx.dropped + tx.dropped;
  return stats.reduce((sum, text) => sum + dropped(JSON.parse(text)[0].stats64), 0);
}

/**
 * `socket_overflow` lags behind it: the kernel tells of a loss with the next datagram that has room.
 * Of a socket's line the second field has its address and port, and the last one this count. udp(7)
 */
async function roomlessOf(lab: Lab): Promise<number> {
  const port = RELAY_PORT.toString(16).toUpperCase().padStart(4, "0");
  const lines = (await lab.sh("rly", "cat /proc/net/udp")).trim().split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = ""]) => local.endsWith(`:${port}`));
  return lines.reduce((sum, fields) => sum + Number(fields.at(-1)), 0);
}

/**
 * What does not balance after a leg: packets in and out of each daemon by its own word, and what was
 * sent to the relay by the senders' word.
 *
 * @param before the same at the leg's start; undefined: another relay has begun to count since
 */
export function problemsOf(
  leg: Counted,
  now: Accounts,
  before: Accounts | undefined,
): string[] {
  const checks: (readonly [what: string, hold: () => void])[] = [
    ["the relay's packets in and out", () => assertRelayAccounts(now.relay)],
    ["the server's packets in and out", () => assertServerAccounts(now.server)],
    ["datagrams for the relay", () => before && assertAllCame(leg, now, before)],
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

/** What was sent to the relay in a leg, and how it took it. */
export type Counted = Pick<Leg, "flows" | "peers" | "junk" | "singly">;

/** A run of datagrams that finds no room is one to the kernel, and holds so many at the most. */
const LONGEST_RUN = 64;

/**
 * Each datagram that was sent was received, or thrown away for want of room, and counted as that: to
 * the datagram where they came singly, else within runs.
 */
function assertAllCame(
  { flows: { clients }, peers, junk, singly }: Counted,
  now: Accounts,
  before: Accounts,
): void {
  const since = (value: (accounts: Accounts) => number) => value(now) - value(before);
  const sent = clients.sent + clients.bubblesSent + peers.at(-1)!.toRelay + junk;
  const received = since(({ relay }) => relay.counters.udp_received_datagrams);
  const overflows = since(({ roomless }) => roomless);
  const lost = since(({ lost }) => lost);
  const missing = sent - received;
  assert.ok(
    missing >= overflows && missing <= (singly ? 1 : LONGEST_RUN) * (overflows + lost),
    `${sent} sent, ${received} received, ${overflows} found no room, ${lost} none on the link`,
  );
  // Of a socket's whole life: what is told late may belong to an earlier leg.
  const told = now.relay.drops.socket_overflow;
  assert.ok(told <= now.roomless, `${told} told of ${now.roomless} that found no room`);
}
