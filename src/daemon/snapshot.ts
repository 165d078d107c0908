import type { Role } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { SEGMENT_REFUSED } from "#src/datapath/offloads.ts";
import {
  COUNTER_NAMES,
  type CounterName,
  type Counters,
  DROPS_AT,
} from "#src/protocol/counters.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import type { DropReason, ReadinessCheck, Snapshot } from "#src/status/snapshot.ts";

/** What a snapshot is made from. */
export interface Source {
  readonly role: Role;
  readonly version: string;
  readonly startedAt: Date;
  readonly open: OpenRole;
  readonly datapath: Datapath;
  readonly mtu: number;
  readonly prefix: string;
  readonly peersLimit: number;
  readonly draining: boolean;
  readonly checks: readonly ReadinessCheck[];
  readonly memoryBytes: number;
}

/** The state at this moment. Reads shared memory and the process; waits for nothing. */
export function takeSnapshot(source: Source): Snapshot {
  const { open, datapath, startedAt } = source;
  const counters = datapath.counters();
  const { user, system } = process.cpuUsage();
  return {
    role: source.role,
    version: source.version,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: process.uptime(),
    heartbeatAgeSeconds: datapath.heartbeatAge() / 1000,
    draining: source.draining,
    listening: open.listening,
    ...(open.interfaceName === undefined ? {} : { interfaceName: open.interfaceName }),
    mtu: source.mtu,
    prefix: source.prefix,
    checks: source.checks,
    workers: open.workers,
    offloads: datapath.segmentRefused()
      ? { ...open.offloads, udpSegment: SEGMENT_REFUSED }
      : open.offloads,
    gauges: {
      ...datapath.levels(),
      peersLimit: source.peersLimit,
      memoryBytes: source.memoryBytes,
    },
    cpuSeconds: (user + system) / 1e6,
    counters: readCounters(counters),
    drops: readDrops(counters),
  };
}

function readCounters(counters: Counters): Record<CounterName, number> {
  const pairs = COUNTER_NAMES.map((name, at) => [name, counters[at]!]);
  return Object.fromEntries(pairs) as Record<CounterName, number>;
}

/** Without `none`, which is no reason. */
export function readDrops(counters: Counters): Record<DropReason, number> {
  const pairs = DROP_NAMES.map((name, at) => [name, counters[DROPS_AT + at]!] as const);
  return Object.fromEntries(pairs.slice(1)) as Record<DropReason, number>;
}
