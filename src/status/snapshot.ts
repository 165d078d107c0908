import type { CounterName } from "#src/protocol/counters.ts";
import type { DropName } from "#src/protocol/drops.ts";

/** What a running daemon says of itself at one moment: the body of `GET /status`. */
export interface Snapshot {
  readonly role: "relay" | "server";
  readonly version: string;
  readonly pid: number;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  /** Age of the datapath's last sign of life. */
  readonly heartbeatAgeSeconds: number;
  readonly draining: boolean;
  /** UDP addresses the daemon receives on, `A.B.C.D:port`. */
  readonly listening: readonly string[];
  /** TUN interface of the relay; absent for the server. */
  readonly interfaceName?: string;
  readonly mtu: number;
  /** `2001::/32` */
  readonly prefix: string;
  readonly checks: readonly ReadinessCheck[];
  readonly gauges: Gauges;
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly drops: Readonly<Record<DropName, number>>;
}

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Levels rather than totals; all 0 for the server, which keeps no state. */
export interface Gauges {
  readonly peers: number;
  readonly peersTrusted: number;
  readonly peersLimit: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
  readonly memoryBytes: number;
}
