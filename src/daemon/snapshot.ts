import type { Role } from "#src/config/config.ts";
import type { Datapath, Levels, OpenRole } from "#src/datapath/datapath.ts";
import type { ToldStatus } from "#src/datapath/client/news.ts";
import type { KernelPath } from "#src/datapath/fast_path.ts";
import { withRefused } from "#src/datapath/offloads.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import {
  COUNTER_NAMES,
  type CounterName,
  type Counters,
  DROPS_AT,
  FAILURES_AT,
} from "#src/protocol/counters.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import type {
  ClientView,
  DatedCheck,
  DropReason,
  FastPathState,
  Gauges,
  ProcessState,
  ProcessUse,
  SendFailures,
  Snapshot,
} from "#src/status/snapshot.ts";
import type { History } from "./history/mod.ts";
import { sentenceOf } from "./sentence.ts";

const STARTED_AT = new Date(Date.now() - process.uptime() * 1000);

/** What a snapshot is made from. */
export interface Source {
  readonly role: Role;
  readonly version: string;
  readonly open: OpenRole;
  readonly datapath: Datapath;
  readonly mtu: number;
  readonly prefix: string;
  readonly peersLimit: number;
  readonly draining: boolean;
  readonly checks: readonly DatedCheck[];
  readonly history: History;
  readonly use: ProcessUse;
  readonly restored: Snapshot["restored"];
  readonly reload: Snapshot["reload"];
  readonly sandbox: Snapshot["sandbox"];
  readonly logLinesDropped: number;
  readonly announced: boolean | undefined;
  readonly kept: boolean | undefined;
  readonly client: ClientView | undefined;
}

/** The state at this moment. Reads shared memory and the process; waits for nothing. */
export function takeSnapshot(source: Source): Snapshot {
  const { open, datapath, history } = source;
  const counters = datapath.counters();
  const levels = datapath.levels();
  const snapshot = {
    role: source.role,
    version: source.version,
    process: processState(source.use),
    heartbeatAgeSeconds: datapath.heartbeatAge() / 1000,
    draining: source.draining,
    listening: open.listening,
    ...(open.interfaceName === undefined ? {} : { interfaceName: open.interfaceName }),
    mtu: source.mtu,
    prefix: source.prefix,
    checks: source.checks,
    workers: open.workers,
    offloads: withRefused(open.offloads, datapath.refusedOffloads()),
    ...(open.fastPath === undefined ? {} : { fastPath: fastPathState(open.fastPath, levels) }),
    sandbox: source.sandbox,
    gauges: gaugesOf(levels, source.peersLimit),
    counters: readCounters(counters),
    drops: readDrops(counters),
    failures: readFailures(counters),
    restored: source.restored,
    reload: source.reload,
    logLinesDropped: source.logLinesDropped,
    ...(source.announced === undefined ? {} : { announced: source.announced }),
    ...(source.kept === undefined ? {} : { kept: source.kept }),
    ...(source.client === undefined
      ? {}
      : { client: { ...source.client, ...reached(datapath.client?.status()) } }),
    changes: history.changes,
    warnings: history.warnings,
  };
  return {
    ...snapshot,
    sentence: sentenceOf(snapshot, history.rate, history.time.date(history.time.now())),
  };
}

/** By which ways a client reaches its peers, as far as its thread has told. */
function reached(told: ToldStatus | undefined): Pick<ClientView, "peers" | "randomPorts"> {
  const { ways = [], randomPorts = 0 } = told ?? {};
  const peers = WAYS.map(({ kind, path }, i) => ({ kind, path, count: ways[i] ?? 0 }));
  return { peers: peers.filter(({ count }) => count > 0), randomPorts };
}

function gaugesOf(levels: Levels, peersLimit: number): Gauges {
  const { leases: _, leasesRefused: __, passedUp: ___, passedDown: ____, ...gauges } = levels;
  return { ...gauges, peersLimit };
}

/** A server's threads lend nobody, and know of no packets that passed. */
function fastPathState(fastPath: KernelPath, levels: Levels): FastPathState {
  const { leases, leasesRefused, passedUp, passedDown } = levels;
  const { passed: { up, down } = { up: passedUp, down: passedDown }, ...state } = fastPath.report();
  return { ...state, leases, leasesRefused, up, down };
}

function processState(use: ProcessUse): ProcessState {
  const { user, system } = process.cpuUsage();
  return {
    ...use,
    pid: process.pid,
    startedAt: STARTED_AT,
    uptimeSeconds: process.uptime(),
    cpuSeconds: (user + system) / 1e6,
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

export function readFailures(counters: Counters): SendFailures {
  const width = FAILURE_NAMES.length;
  const ofWay = (from: number) =>
    Object.fromEntries(FAILURE_NAMES.map((name, i) => [name, counters[from + i]!]));
  const pairs = WAYS_OUT.map((way, i) => [way, ofWay(FAILURES_AT + width * i)]);
  return Object.fromEntries(pairs) as SendFailures;
}
