import type { JSON_VERSION } from "./document.ts";
import type { DropReason, Snapshot } from "./snapshot.ts";

/** Why a recording was kept. */
export type RecordingKind = "not_ready" | "drops" | "peer_failed";

/** One that was kept. Times are RFC 3339. */
export interface RecordingDocument {
  readonly id: string;
  readonly time: string;
  readonly kind: RecordingKind;
  /** In words. */
  readonly why: string;
  /** Entries, of which some are runs of packets. */
  readonly packets: number;
  /** Of the first of them. */
  readonly from?: string;
}

/** `GET /recordings` */
export interface RecordingsDocument {
  readonly version: typeof JSON_VERSION;
  /** The latest first. */
  readonly recordings: readonly RecordingDocument[];
}

/** One packet, or a run of packets that came in one piece. */
export interface RecordedRow {
  readonly time: string;
  /** Where it came from; `to_…`: the daemon's own; `from_hold`: it had been held, and was let go. */
  readonly way: "from_udp" | "from_ipv6" | "to_udp" | "to_ipv6" | "from_hold";
  /** The other end on the UDP side, `A.B.C.D:port`. */
  readonly peer?: string;
  readonly packet?: string;
  /** More of what it is. */
  readonly what?: string;
  readonly source?: string;
  readonly destination?: string;
  /** Where a server sent it on to, `A.B.C.D:port`. */
  readonly to?: string;
  /** Of the IPv6 packet, or of the payload of UDP; of a run that of its first packet. */
  readonly bytes: number;
  /** Of a run. */
  readonly packets?: number;
  readonly all_bytes?: number;
  readonly did?: string;
  /** Why it was dropped, and in words. */
  readonly reason?: DropReason;
  readonly detail?: string;
}

/** `GET /recordings/ID` */
export interface RecordingRowsDocument extends RecordingDocument {
  readonly version: typeof JSON_VERSION;
  /** The last ones, the latest last. */
  readonly rows: readonly RecordedRow[];
}

/** Name of a file with what a daemon recorded until then. */
export function captureName(role: Snapshot["role"], time: number): string {
  const stamp = new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
  return `teredo-${role}-${stamp}.pcapng`;
}
