import { FAILURE_NAMES, type WayOut } from "#src/protocol/failures.ts";
import { type ClientDocument, clientDocument } from "./client_document.ts";
import { failureHelp } from "./failure_help.ts";
import {
  type Change,
  type ChangeKind,
  type DatedCheck,
  type FastPathState,
  type Gauges,
  isAlive,
  isReady,
  OFFLOAD_NAMES,
  type OffloadName,
  type OffloadState,
  type ProcessState,
  type SandboxState,
  type SendFailures,
  type Snapshot,
  type Warning,
} from "./snapshot.ts";

/**
 * What the status pages say in JSON; docs/status.schema.json is the contract.
 *
 * The style is that of all JSON here: an object with the version of its form, names and words in lower
 * snake case with their unit, times as in RFC 3339, no number finer than what it means.
 */

/** Rises when a property goes or means something else; one that is new leaves it as it is. */
export const JSON_VERSION = 1;

/** `GET /status` */
export interface StatusDocument {
  readonly version: typeof JSON_VERSION;
  readonly role: Snapshot["role"];
  readonly program_version: string;
  readonly alive: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly sentence: string;
  readonly announced?: boolean;
  readonly heartbeat_age_seconds: number;
  readonly process: ProcessDocument;
  readonly listening: readonly string[];
  readonly interface_name?: string;
  readonly interface_kept?: boolean;
  readonly mtu_bytes: number;
  readonly prefix: string;
  readonly checks: readonly CheckDocument[];
  readonly changes: readonly ChangeDocument[];
  readonly warnings: readonly WarningDocument[];
  readonly workers: { readonly count: number; readonly reason: string };
  readonly offloads: Readonly<Record<OffloadWord, OffloadDocument>>;
  readonly fast_path?: FastPathDocument;
  readonly sandbox: SandboxDocument;
  readonly client?: ClientDocument;
  readonly gauges: GaugesDocument;
  readonly counters: Snapshot["counters"];
  readonly drops: Snapshot["drops"];
  readonly restored: Snapshot["restored"];
  readonly reload: ReloadDocument;
  readonly log_lines_dropped: number;
  /** By where packets were to go, then by the errno; only what there was. */
  readonly send_failures: Readonly<Record<WayOut, Readonly<Record<string, FailureDocument>>>>;
}

/** How the last reading of the configuration went. */
export interface ReloadDocument {
  readonly successful: boolean;
  readonly succeeded_at: string;
  readonly problems: readonly string[];
  readonly needs_restart: readonly string[];
  readonly confirm_by?: string;
}

export interface FailureDocument {
  readonly packets: number;
  readonly meaning: string;
  readonly mend: string;
}

export interface ProcessDocument {
  readonly pid: number;
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly cpu_seconds: number;
  readonly resident_memory_bytes: number;
  readonly virtual_memory_bytes?: number;
  readonly open_fds?: number;
  readonly max_fds?: number;
}

export interface CheckDocument {
  readonly name: string;
  readonly ok: boolean;
  readonly since: string;
  readonly detail: string;
  readonly mend?: string;
}

/** What has happened to the daemon. */
export interface ChangeDocument {
  readonly time: string;
  readonly kind: ChangeKind;
  /** Words for a person, on one line. */
  readonly text: string;
}

/** A warning or an error of the last hour; one that comes again is told once. */
export interface WarningDocument {
  /** When it came last. */
  readonly time: string;
  readonly level: "warn" | "error";
  readonly text: string;
  /** The command or step that mends it. */
  readonly mend?: string;
  /** How often it came. */
  readonly count: number;
}

/** How the daemon is at one moment. */
export interface StateDocument {
  readonly alive: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  /** `Ready for 3 days: 312 peers, 41 Mbit/s up, 3 Mbit/s down` */
  readonly sentence: string;
  readonly checks: readonly CheckDocument[];
}

export interface OffloadDocument {
  readonly on: boolean;
  readonly note?: string;
}

/** How packets pass in the kernel, past the relay. */
export interface FastPathDocument {
  readonly state: "on" | "off";
  /** Why it is off; what somebody should know of one that is on. */
  readonly reason?: string;
  readonly leases: number;
  readonly leases_limit: number;
  readonly leases_refused: number;
  readonly packets: { readonly up: number; readonly down: number };
  readonly left_alone: Readonly<Record<string, number>>;
}

/** What the daemon has taken from itself. */
export interface SandboxDocument {
  readonly mode: SandboxState["mode"];
  readonly layers: Readonly<Record<string, SandboxLayerDocument>>;
  readonly violations: number;
}

export interface SandboxLayerDocument {
  readonly holds: boolean;
  readonly note?: string;
}

export interface GaugesDocument {
  readonly peers: number;
  readonly trusted_peers: number;
  readonly resolving_peers: number;
  readonly failed_peers: number;
  readonly peers_limit: number;
  readonly held_packets: number;
  readonly held_bytes: number;
}

export type OffloadWord = (typeof OFFLOAD_NAMES)[OffloadName];

/** `GET /readyz` */
export interface ReadyDocument {
  readonly version: typeof JSON_VERSION;
  readonly ready: boolean;
  readonly checks: readonly CheckDocument[];
}

/** `GET /healthz` */
export interface HealthDocument {
  readonly version: typeof JSON_VERSION;
  readonly healthy: boolean;
  readonly heartbeat_age_seconds: number;
}

/** Any other answer. */
export interface ErrorDocument {
  readonly version: typeof JSON_VERSION;
  readonly error: string;
  /** Where there is something. */
  readonly paths?: readonly string[];
}

export function statusDocument(snapshot: Snapshot): StatusDocument {
  const { interfaceName, client } = snapshot;
  return {
    version: JSON_VERSION,
    role: snapshot.role,
    program_version: snapshot.version,
    alive: isAlive(snapshot),
    ready: isReady(snapshot),
    draining: snapshot.draining,
    sentence: snapshot.sentence,
    ...(snapshot.announced === undefined ? {} : { announced: snapshot.announced }),
    heartbeat_age_seconds: toMilliseconds(snapshot.heartbeatAgeSeconds),
    process: processDocument(snapshot.process),
    listening: snapshot.listening,
    ...(interfaceName === undefined ? {} : { interface_name: interfaceName }),
    ...(snapshot.kept === undefined ? {} : { interface_kept: snapshot.kept }),
    mtu_bytes: snapshot.mtu,
    prefix: snapshot.prefix,
    checks: snapshot.checks.map(checkDocument),
    changes: snapshot.changes.map(changeDocument),
    warnings: snapshot.warnings.map(warningDocument),
    workers: { count: snapshot.workers.count, reason: snapshot.workers.reason },
    offloads: offloadsDocument(snapshot.offloads),
    ...(snapshot.fastPath === undefined ? {} : { fast_path: fastPathDocument(snapshot.fastPath) }),
    sandbox: sandboxDocument(snapshot.sandbox),
    ...(client === undefined ? {} : { client: clientDocument(client) }),
    gauges: gaugesDocument(snapshot.gauges),
    counters: snapshot.counters,
    drops: snapshot.drops,
    send_failures: failuresDocument(snapshot.failures),
    restored: snapshot.restored,
    reload: reloadDocument(snapshot.reload),
    log_lines_dropped: snapshot.logLinesDropped,
  };
}

export function readyDocument(snapshot: Snapshot): ReadyDocument {
  return {
    version: JSON_VERSION,
    ready: isReady(snapshot),
    checks: snapshot.checks.map(checkDocument),
  };
}

export function healthDocument(snapshot: Snapshot): HealthDocument {
  return {
    version: JSON_VERSION,
    healthy: isAlive(snapshot),
    heartbeat_age_seconds: toMilliseconds(snapshot.heartbeatAgeSeconds),
  };
}

export function errorDocument(error: string, paths?: readonly string[]): ErrorDocument {
  return { version: JSON_VERSION, error, ...(paths === undefined ? {} : { paths }) };
}

function processDocument(state: ProcessState): ProcessDocument {
  const { virtualBytes, openFds, maxFds } = state;
  return {
    pid: state.pid,
    started_at: state.startedAt.toISOString(),
    uptime_seconds: toMilliseconds(state.uptimeSeconds),
    cpu_seconds: toMilliseconds(state.cpuSeconds),
    resident_memory_bytes: state.residentBytes,
    ...(virtualBytes === undefined ? {} : { virtual_memory_bytes: virtualBytes }),
    ...(openFds === undefined ? {} : { open_fds: openFds }),
    ...(maxFds === undefined ? {} : { max_fds: maxFds }),
  };
}

function reloadDocument(state: Snapshot["reload"]): ReloadDocument {
  const { confirmBy } = state;
  return {
    successful: state.ok,
    succeeded_at: state.succeededAt.toISOString(),
    problems: state.problems,
    needs_restart: state.needsRestart,
    ...(confirmBy === undefined ? {} : { confirm_by: confirmBy.toISOString() }),
  };
}

function checkDocument({ name, ok, since, detail, mend }: DatedCheck): CheckDocument {
  const date = since.toISOString();
  return { name, ok, since: date, detail, ...(mend === undefined ? {} : { mend }) };
}

export function changeDocument({ time, kind, text }: Change): ChangeDocument {
  return { time: time.toISOString(), kind, text };
}

function warningDocument({ time, level, text, mend, count }: Warning): WarningDocument {
  const date = time.toISOString();
  return { time: date, level, text, ...(mend === undefined ? {} : { mend }), count };
}

export function stateDocument(snapshot: Snapshot): StateDocument {
  return {
    alive: isAlive(snapshot),
    ready: isReady(snapshot),
    draining: snapshot.draining,
    sentence: snapshot.sentence,
    checks: snapshot.checks.map(checkDocument),
  };
}

function offloadsDocument(offloads: Snapshot["offloads"]): StatusDocument["offloads"] {
  const names = Object.keys(offloads) as OffloadName[];
  const pairs = names.map((name) => [OFFLOAD_NAMES[name], offloadDocument(offloads[name])]);
  return Object.fromEntries(pairs) as StatusDocument["offloads"];
}

function offloadDocument({ on, note }: OffloadState): OffloadDocument {
  return { on, ...(note === undefined ? {} : { note }) };
}

function fastPathDocument(state: FastPathState): FastPathDocument {
  const { on, note, leases, leasesLimit, leasesRefused, up, down, leftAlone } = state;
  return {
    state: on ? "on" : "off",
    ...(note === undefined ? {} : { reason: note }),
    leases,
    leases_limit: leasesLimit,
    leases_refused: leasesRefused,
    packets: { up, down },
    left_alone: leftAlone,
  };
}

function sandboxDocument({ mode, layers, violations }: SandboxState): SandboxDocument {
  const rows = layers.map(({ name, holds, note }) =>
    [name, { holds, ...(note === undefined ? {} : { note }) }] as const
  );
  return { mode, layers: Object.fromEntries(rows), violations };
}

function gaugesDocument(gauges: Gauges): GaugesDocument {
  return {
    peers: gauges.peers,
    trusted_peers: gauges.peersTrusted,
    resolving_peers: gauges.peersResolving,
    failed_peers: gauges.peersFailed,
    peers_limit: gauges.peersLimit,
    held_packets: gauges.heldPackets,
    held_bytes: gauges.heldBytes,
  };
}

function failuresDocument(failures: SendFailures): StatusDocument["send_failures"] {
  const ofWay = (way: WayOut) =>
    Object.fromEntries(
      FAILURE_NAMES.filter((name) => failures[way][name] > 0)
        .map((name) => [name, { packets: failures[way][name], ...failureHelp(way, name) }]),
    );
  return { udp: ofWay("udp"), ipv6: ofWay("ipv6"), tun: ofWay("tun") };
}

/** Seconds with no more digits than milliseconds have. */
function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
