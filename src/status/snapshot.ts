import type { ClientState, Filtering, Native, NatKind } from "#src/protocol/client/contract.ts";
import type { PeerKind, PeerPath } from "#src/protocol/client/peers/ways.ts";
import type { CounterName } from "#src/protocol/counters.ts";
import type { DropName } from "#src/protocol/drops.ts";
import type { FailureName, WayOut } from "#src/protocol/failures.ts";

/** What a running daemon knows of itself at one moment; document.ts says how it is told. */
export interface Snapshot {
  readonly role: "relay" | "server" | "client";
  /** Of this program. */
  readonly version: string;
  readonly process: ProcessState;
  /** Age of the datapath's last sign of life. */
  readonly heartbeatAgeSeconds: number;
  readonly draining: boolean;
  /** How it is, for people: `Ready for 3 days: 312 peers, 41 Mbit/s up, 3 Mbit/s down`. */
  readonly sentence: string;
  /** What has happened lately, the oldest first. */
  readonly changes: readonly Change[];
  /** Of the last hour, the oldest first. */
  readonly warnings: readonly Warning[];
  /** Whether there is the route that routing daemons learn; absent where that was not asked for. */
  readonly announced?: boolean;
  /** Whether somebody sets the interface up again when it is not as it was; absent where there is none. */
  readonly kept?: boolean;
  /** UDP addresses the daemon receives on, `A.B.C.D:port`. */
  readonly listening: readonly string[];
  /** TUN interface of the relay and of the client; absent for the server. */
  readonly interfaceName?: string;
  readonly mtu: number;
  /** `2001::/32` */
  readonly prefix: string;
  /** Empty only before the first evaluation: then the daemon is not ready. */
  readonly checks: readonly DatedCheck[];
  readonly workers: WorkersState;
  readonly offloads: Readonly<Record<OffloadName, OffloadState>>;
  /** Absent for the server. */
  readonly fastPath?: FastPathState;
  readonly sandbox: SandboxState;
  /** Of a client alone. */
  readonly client?: ClientView;
  readonly gauges: Gauges;
  readonly counters: Readonly<Record<CounterName, number>>;
  /** By reason; `none` is no reason and not among them. */
  readonly drops: Readonly<Record<DropReason, number>>;
  readonly failures: SendFailures;
  /** How often each part of the interface was set up again; all 0 for the server. */
  readonly restored: Readonly<Record<RestoredPart, number>>;
  readonly reload: ReloadState;
  /** Lines of the log that its reader did not take. */
  readonly logLinesDropped: number;
}

/** How the last reading of the configuration went; the one at start counts. */
export interface ReloadState {
  readonly ok: boolean;
  /** When it went well last. */
  readonly succeededAt: Date;
  /** Why it did not, one line each. */
  readonly problems: readonly string[];
  /** `section.key` of the settings whose new values wait for a restart. */
  readonly needsRestart: readonly string[];
  /** When the daemon goes back by itself to what was before, unless somebody confirms. */
  readonly confirmBy?: Date;
}

/** Packets that the kernel did not take, by where they were to go and by what it said. */
export type SendFailures = Readonly<Record<WayOut, Readonly<Record<FailureName, number>>>>;

/** What `teredo_restored_total{what="..."}` can say. */
export type RestoredPart =
  | "interface"
  | "name"
  | "master"
  | "flags"
  | "queue"
  | "mtu"
  | "ipv6"
  | "up"
  | "address"
  | "route"
  | "announcement"
  | "home"
  | "default_route"
  | "source_rule";

/** What the process takes from its system. */
export interface ProcessUse {
  readonly residentBytes: number;
  /** This and what follows only where the system tells it. */
  readonly virtualBytes?: number;
  /** Open file descriptors, and how many there may be. */
  readonly openFds?: number;
  readonly maxFds?: number;
}

export interface ProcessState extends ProcessUse {
  readonly pid: number;
  readonly startedAt: Date;
  readonly uptimeSeconds: number;
  /** Processor time, user and system. */
  readonly cpuSeconds: number;
}

/** What `teredo_drops_total{reason="..."}` can say. */
export type DropReason = Exclude<DropName, "none">;

/** Threads that carry packets, and why as many. */
export interface WorkersState {
  readonly count: number;
  readonly reason: string;
}

/** What the kernel may give and take in larger pieces than packets. */
export type OffloadName = "tun" | "tunUdp" | "udpGro" | "udpSegment";

export interface OffloadState {
  readonly on: boolean;
  /** Why it is off. */
  readonly note?: string;
}

/** How each is called in logs, metrics and JSON. */
export const OFFLOAD_NAMES = {
  tun: "tun",
  tunUdp: "tun_udp",
  udpGro: "udp_gro",
  udpSegment: "udp_segment",
} as const satisfies Readonly<Record<OffloadName, string>>;

/** What a daemon can take from itself on Linux. */
export const SANDBOX_LAYERS = [
  "capabilities",
  "no_new_privs",
  "dumpable",
  "landlock",
  "seccomp",
] as const;

export interface SandboxLayer {
  /** `unveil`: OpenBSD's. */
  readonly name: (typeof SANDBOX_LAYERS)[number] | "unveil";
  readonly holds: boolean;
  /** Why it does not; what somebody should know of one that does. */
  readonly note?: string | undefined;
}

export interface SandboxState {
  readonly mode: "auto" | "off" | "log";
  /** Empty while the daemon starts. */
  readonly layers: readonly SandboxLayer[];
  /** Daemons before this one that a refused system call has ended. */
  readonly violations: number;
}

/** How packets pass in the kernel, past the relay; or are answered there, past the server. */
export interface FastPathState {
  readonly on: boolean;
  /** Why it is off; what somebody should know of one that is on. */
  readonly note?: string | undefined;
  /** Peers lent to the kernel at this moment, and how many there may be: 0 of a server. */
  readonly leases: number;
  readonly leasesLimit: number;
  /** Since the start: how often there was no room for another one. */
  readonly leasesRefused: number;
  /** Packets that passed since the start: from peers, and to them. Of a server: taken and sent. */
  readonly up: number;
  readonly down: number;
  /** Packets that the programs left to the daemon, by why. */
  readonly leftAlone: Readonly<Record<string, number>>;
}

/** States of a client; those of its qualification are the datapath's, RFC 4380 §5.2.1 and §5.2.5. */
export const CLIENT_STATES = [
  "resolving", // names of servers are looked up
  "probing",
  "qualified",
  "failing", // a server's answer is overdue; packets are carried still
  "offline", // no server answers
  "dormant", // the network has IPv6 of its own
  "relay", // as that, and a relay for this host alone: RFC 4380 §5.5
  "no_ipv4",
] as const satisfies readonly (ClientState | string)[];
export type ClientStateName = (typeof CLIENT_STATES)[number];

/** What a client was told of its NAT, its address and its servers. */
export interface ClientView {
  readonly state: ClientStateName;
  readonly since: Date;
  /** Teredo address as text; absent: there is none. */
  readonly address?: string;
  /** Those that flows still go on by. */
  readonly deprecated: readonly string[];
  /** The one in use. */
  readonly server?: ServerView;
  readonly standbys: readonly ServerView[];
  /** Names of servers that no address was found for, and why. */
  readonly unresolved: readonly { readonly name: string; readonly why: string }[];
  /** By what the server saw us, `A.B.C.D:port`. */
  readonly mapped?: string;
  /** By what we send to it, `A.B.C.D:port`. */
  readonly local?: string;
  readonly nat: NatKind;
  readonly filtering: Filtering;
  readonly portPreserving: boolean;
  readonly portMapping: "none" | "pcp" | "nat-pmp" | "upnp";
  /** Bytes, of the interface: as the server in use tells. */
  readonly mtu: number;
  readonly refresh: {
    readonly intervalSeconds: number;
    /** When the server is asked next; absent: it is not, or not known. */
    readonly next?: Date;
  };
  /** Whether native hosts answer by way of the server. */
  readonly native: Native;
  /** Native IPv6 that it is about to stand back for, in words: what goes on has a minute. */
  readonly leaving?: string;
  /** The change of state or address before. */
  readonly lastChange?: {
    readonly reason: string;
    /** Undefined: the state says what to do. */
    readonly mend?: string;
    readonly at: Date;
  };
  /** Random ports in use: RFC 6081 §5.4, §5.5. */
  readonly randomPorts: number;
  /** Entries of the list of peers, by what they are and how they are reached. */
  readonly peers: readonly PeerTally[];
}

export interface ServerView {
  /** As it was configured. */
  readonly name: string;
  readonly primary: string;
  readonly secondary: string;
  /** It answered when it was asked last. */
  readonly live: boolean;
  /** Absent: not measured. */
  readonly rttSeconds?: number;
  readonly native: Native;
  /** It refuses the key that we have, or wants one. RFC 4380 §5.2.2 */
  readonly keyRefused: boolean;
}

export interface PeerTally {
  readonly kind: PeerKind;
  readonly path: PeerPath;
  readonly count: number;
}

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** Of one that is not ok: the command or step that mends it. */
  readonly mend?: string;
}

export interface DatedCheck extends ReadinessCheck {
  /** Since when it is ok, or not. */
  readonly since: Date;
}

/** What has happened to the daemon. */
export type ChangeKind =
  | "started"
  | "ending"
  | "failed"
  | "ready"
  | "not_ready"
  | "drained"
  | "undrained"
  | "reloaded"
  | "reload_refused"
  | "restored"
  | "offload_lost"
  | "offload_back"
  | "announced"
  | "withdrawn"
  | "client"
  | "clock_set";

export interface Change {
  readonly time: Date;
  readonly kind: ChangeKind;
  /** For people, on one line. */
  readonly text: string;
}

/** One that came several times is told once. */
export interface Warning {
  /** When it came last. */
  readonly time: Date;
  readonly level: "warn" | "error";
  readonly text: string;
  readonly mend?: string;
  readonly count: number;
}

/** Levels rather than totals; all 0 for the server, which keeps no state. */
export interface Gauges {
  readonly peers: number;
  readonly peersTrusted: number;
  /** Also those that are trusted still. */
  readonly peersResolving: number;
  readonly peersFailed: number;
  readonly peersLimit: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
}

/** A heartbeat older than this means a datapath that no longer turns. */
export const HEARTBEAT_LIMIT_SECONDS = 2;

export function isAlive(snapshot: Snapshot): boolean {
  return snapshot.heartbeatAgeSeconds < HEARTBEAT_LIMIT_SECONDS;
}

export function isReady(snapshot: Pick<Snapshot, "checks">): boolean {
  return snapshot.checks.length > 0 && snapshot.checks.every((check) => check.ok);
}
