import type { Endpoint } from "#src/probe/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import { BUBBLE_LENGTH, writeBubble } from "#src/protocol/wire/build.ts";
import { readU16 } from "#src/protocol/wire/bytes.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { equalIpv6, isBubble, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { RANDOM_FLAGS, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import type { AskedServer, LifetimeSeen } from "../contract.ts";
import { solicit } from "./solicit.ts";
import { ask, openWire, randomBytes, wait, type Wire } from "./wire.ts";

/** For how long mappings are left alone, as far as the time allows. RFC 4787 §4.3 speaks of 2 min and 5. */
const RUNGS: readonly Millis[] = [2, 3, 5, 7, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 300, 600]
  .map((seconds) => seconds * 1_000);
/** So many mappings at once: each costs the server an answer and the NAT an entry. */
const MAX_RUNGS = 9;
const FINE_RUNGS = 4;
/** Nearer than this it is not asked for. */
const PRECISION: Millis = 1_000;
/** Tries that the server did not answer, in one go: then it is gone. */
const MOST_SILENCES = 2;
/** A second packet makes up for one that was lost. */
const BUBBLE_PATIENCE = [0, 300, 1_300];

/**
 * How long a mapping that nobody uses lets the server's packets in. RFC 4787 §4.3, RFC 5780 §4.6
 *
 * Asking again by the mapping itself would renew it, and many NATs give the same port again. So a
 * second socket sends a bubble by way of the server, which passes it to the mapping that was left
 * alone. Every try has a mapping of its own, as a packet that comes in may renew one too; all wait at
 * the same time. Where one was gone, the time that is left goes into asking nearer.
 *
 * @param budget how long it may take
 */
export async function measureLifetime(
  localAddress: number,
  server: AskedServer,
  budget: Millis,
): Promise<LifetimeSeen> {
  const until = performance.now() + budget;
  const caller = await openWire(localAddress);
  try {
    const control = await ladder([0], localAddress, server, caller);
    const controlled = control.some(({ alive }) => alive);
    if (!controlled) return { controlled, tries: [] };
    const tries = [...control, ...await ladder(firstRungs(budget), localAddress, server, caller)];
    for (;;) {
      const rungs = nearer(tries, until - performance.now());
      if (rungs.length === 0) return { controlled, tries };
      tries.push(...await ladder(rungs, localAddress, server, caller));
    }
  } finally {
    await caller.close();
  }
}

interface Try {
  readonly idle: Millis;
  readonly alive: boolean;
}

function firstRungs(budget: Millis): Millis[] {
  return [...RUNGS.filter((it) => it < budget), budget].slice(-MAX_RUNGS);
}

/** Between the longest that lived and the shortest after it that did not; none: no time, or no need. */
function nearer(tries: readonly Try[], left: Millis): Millis[] {
  const atLeast = Math.max(...tries.filter(({ alive }) => alive).map(({ idle }) => idle));
  const gone = tries.filter(({ alive, idle }) => !alive && idle > atLeast).map(({ idle }) => idle);
  const below = Math.min(...gone);
  if (gone.length === 0 || below - atLeast <= PRECISION) return [];
  const steps = Math.min(FINE_RUNGS + 1, Math.ceil((below - atLeast) / PRECISION));
  const rungs = Array.from(
    { length: steps - 1 },
    (_, i) => Math.round(atLeast + (i + 1) * (below - atLeast) / steps),
  );
  return rungs.filter((it) => it + BUBBLE_PATIENCE.at(-1)! <= left);
}

/** Mappings that are made now, each left alone for its time. Ends early when two in a row are gone. */
async function ladder(
  idles: readonly Millis[],
  localAddress: number,
  server: AskedServer,
  caller: Wire,
): Promise<Try[]> {
  const wires = await Promise.all(idles.map(() => openWire(localAddress)));
  try {
    const homes = await Promise.all(wires.map((wire) => settle(wire, server)));
    const tries: Try[] = [];
    let silences = 0;
    for (const [i, home] of homes.entries()) {
      if (home === undefined) continue;
      await wait(home.since + idles[i]! - performance.now());
      const idle = Math.round(performance.now() - home.since);
      const alive = await isReached(wires[i]!, home.address, server, caller);
      // It is the server that is silent now. Whether it comes back the next rung tells.
      if (alive === undefined && ++silences >= MOST_SILENCES) break;
      if (alive === undefined) continue;
      tries.push({ idle, alive });
      if (tries.length >= 2 && tries.slice(-2).every(({ alive }) => !alive)) break;
    }
    return tries;
  } finally {
    await Promise.all(wires.map((wire) => wire.close()));
  }
}

interface Home {
  readonly address: Uint8Array;
  /** When its mapping was used last. */
  readonly since: Millis;
}

/** A Teredo address by the mapping that the socket has now; undefined: the server is silent. */
async function settle(wire: Wire, server: AskedServer): Promise<Home | undefined> {
  const view = await solicit(wire, server);
  return view && { address: addressOf(view.mapped, server), since: performance.now() };
}

function addressOf(mapped: Endpoint, server: AskedServer): Uint8Array {
  return toBytes({
    prefix: server.prefix,
    serverAddress: server.primary,
    flags: readU16(randomBytes(2), 0) & RANDOM_FLAGS,
    mappedAddress: mapped.address,
    mappedPort: mapped.port,
  });
}

/**
 * Whether a bubble that the caller sends by way of the server comes in. RFC 4380 §5.3.1
 *
 * @returns undefined when the server answers nobody
 */
async function isReached(
  wire: Wire,
  home: Uint8Array,
  server: AskedServer,
  caller: Wire,
): Promise<boolean | undefined> {
  const own = (await settle(caller, server))?.address; // anew: its mapping grows old as well
  if (own === undefined) return undefined;
  const bubble = new Uint8Array(BUBBLE_LENGTH);
  writeBubble(bubble, 0, own, 0, home, 0);
  const datagram = new TeredoDatagram();
  const to = { address: server.primary, port: TEREDO_PORT };
  const answer = await ask(wire, () => caller.send(bubble, to), (b, from) => {
    if (from.address !== to.address || from.port !== to.port) return undefined;
    if (datagram.parse(b, 0, b.length) !== Drop.None) return undefined;
    if (!isBubble(b, datagram.ipv6At)) return undefined;
    return equalIpv6(b, datagram.ipv6At + SOURCE_AT, own, 0) || undefined;
  }, BUBBLE_PATIENCE);
  return answer !== undefined;
}
