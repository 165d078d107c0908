import { WAYS } from "#src/protocol/client/peers/ways.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { readTeredoAddress } from "#src/protocol/wire/teredo_address.ts";
import { JSON_VERSION } from "#src/status/document.ts";
import type { PeerDocument, PeerState, WhyDocument } from "#src/status/peers_document.ts";
import { type CheckResult, failures } from "../checks/result.ts";
import type { Subject } from "./subject.ts";

/** Who was followed, and what came of it. */
interface Whys {
  /** As it was asked for. */
  readonly address: string;
  readonly kind: Subject["kind"];
  readonly row: PeerRow | undefined;
  readonly steps: readonly CheckResult[];
}

/** @param conclude in words, where packets pass or at the first step that they do not */
export function whyDocument(
  { address, kind, row, steps }: Whys,
  conclude: (failed: CheckResult | undefined) => string,
): WhyDocument {
  const failed = failures(steps)[0];
  const now = Date.now();
  return {
    version: JSON_VERSION,
    time: new Date(now).toISOString(),
    address,
    kind,
    ...(row === undefined ? {} : { peer: peerDocument(row, now) }),
    steps,
    ok: failed === undefined,
    conclusion: conclude(failed),
    ...(failed?.mend === undefined ? {} : { mend: failed.mend }),
  };
}

/** @param time of the clock, when the row was written */
export function peerDocument(row: PeerRow, time: Millis): PeerDocument {
  const ago = (age: Millis) => new Date(time - age).toISOString();
  return {
    address: formatIpv6(row.address),
    ...WAYS[row.way],
    ...endsOf(row),
    state: stateOf(row),
    trusted: row.trusted,
    valid: row.valid,
    proven: row.proven,
    ...(row.leased ? { leased: true } : {}),
    ...(row.trusted ? { trusted_since: toSecond(ago(row.trustedFor)) } : {}),
    // An entry's dates lie in the past from the start: they mean something once something passed.
    ...(row.trusted || row.receivedPackets > 0 ? { last_received: ago(row.receivedAgo) } : {}),
    ...(row.sentPackets > 0 ? { last_transmitted: ago(row.transmittedAgo) } : {}),
    ...(row.bubblesSent > 0 ? { last_bubble: ago(row.bubbleAgo) } : {}),
    ...(row.roundTrip > 0 ? { round_trip_seconds: Math.round(row.roundTrip * 10) / 1e4 } : {}),
    bubbles_unanswered: row.bubblesSent,
    received_packets: row.receivedPackets,
    received_bytes: row.receivedBytes,
    sent_packets: row.sentPackets,
    sent_bytes: row.sentBytes,
    held_packets: row.heldPackets,
    held_bytes: row.heldBytes,
  };
}

/** Where it is. */
function endsOf({ address, way, mappedAddress, mappedPort }: PeerRow) {
  const actual = { actual_address: formatIpv4(mappedAddress), actual_port: mappedPort };
  if (WAYS[way]?.kind === "native") return mappedPort === 0 ? {} : actual;
  const said = readTeredoAddress(address);
  const moved = said.mappedAddress !== mappedAddress || said.mappedPort !== mappedPort;
  return {
    server_address: formatIpv4(said.serverAddress),
    mapped_address: formatIpv4(said.mappedAddress),
    mapped_port: said.mappedPort,
    ...(moved ? actual : {}),
  };
}

/** In the words of `PeerStates`, which has no name of its own for who is trusted and silent. */
function stateOf({ resolving, trusted, valid }: PeerRow): PeerState {
  if (resolving) return "resolving";
  if (!trusted) return "failed";
  return valid ? "trusted" : "silent";
}

function toSecond(time: string): string {
  return time.replace(/\.\d+Z$/, "Z");
}
