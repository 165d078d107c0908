import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { Fates } from "#src/datapath/fates/wish.ts";
import { NO_OFFLOADS, reportOffloads } from "#src/datapath/offloads.ts";
import { makeCounters } from "#src/protocol/counters.ts";

/** What a relay has opened. */
export const OPEN: OpenRole = {
  listening: ["0.0.0.0:3545"],
  interfaceName: "teredo",
  workers: { count: 1, reason: "workers = 1" },
  offloads: reportOffloads(NO_OFFLOADS, false),
  notices: [],
  start: () => Promise.reject(new Error("Not here")),
  close: () => {},
};

const NO_LEVELS = {
  peers: 0,
  peersTrusted: 0,
  peersResolving: 0,
  peersFailed: 0,
  heldPackets: 0,
  heldBytes: 0,
  leases: 0,
  leasesRefused: 0,
  passedUp: 0,
  passedDown: 0,
};

/** Threads that idle. @param age of their last sign of life */
export const datapath = (age: number): Datapath => ({
  counters: () => makeCounters(),
  refusedOffloads: () => [],
  levels: () => NO_LEVELS,
  heartbeatAge: () => age,
  ended: Promise.resolve(),
  stop: () => Promise.resolve(undefined),
  setRules: () => true,
  fates: new Fates(1),
  setBroadcasts: () => {},
});

/** The relay's interface as it is set up. */
export const TUNNEL = { up: true, hasCarrier: true, mtu: 1280, hasLinkLocal: true };
