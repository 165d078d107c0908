import type { PeerKind, PeerPath } from "#src/protocol/client/peers/ways.ts";
import type { JSON_VERSION } from "./document.ts";

/** One peer of a relay or a client; docs/peers.md says what each property means. Times are RFC 3339. */
export interface PeerDocument {
  readonly address: string;
  /** A client's peer alone has these two. */
  readonly kind?: PeerKind;
  readonly path?: PeerPath;
  /** This and the next two as the Teredo address says, where it is one. */
  readonly server_address?: string;
  readonly mapped_address?: string;
  readonly mapped_port?: number;
  /** Where packets go, if that is elsewhere; of a native host its relay, once it is known. */
  readonly actual_address?: string;
  readonly actual_port?: number;
  readonly state: PeerState;
  /** RFC 4380 §5.2 */
  readonly trusted: boolean;
  /** RFC 4380 §5.2.4 */
  readonly valid: boolean;
  readonly proven: boolean;
  /** The kernel may carry its packets: docs/fast-path.md. */
  readonly leased?: boolean;
  readonly trusted_since?: string;
  readonly last_received?: string;
  readonly last_transmitted?: string;
  readonly last_bubble?: string;
  /** Of a client's peer, from a question to its answer. */
  readonly round_trip_seconds?: number;
  readonly bubbles_unanswered: number;
  readonly received_packets: number;
  readonly received_bytes: number;
  readonly sent_packets: number;
  readonly sent_bytes: number;
  readonly held_packets: number;
  readonly held_bytes: number;
}

/** Trusted and valid; trusted and no longer valid; asked; given up. */
export type PeerState = "trusted" | "silent" | "resolving" | "failed";

/** `GET /peers` */
export interface PeersDocument {
  readonly version: typeof JSON_VERSION;
  /** Of the answer. */
  readonly time: string;
  readonly peers: readonly PeerDocument[];
  /** For the next page; absent when there is none. */
  readonly cursor?: string;
}

/** `GET /why` */
export interface WhyDocument {
  readonly version: typeof JSON_VERSION;
  readonly time: string;
  readonly address: string;
  readonly kind: "client" | "mapping" | "host";
  readonly peer?: PeerDocument;
  /** What a packet meets on its way, in this order. */
  readonly steps: readonly StepDocument[];
  /** Whether no step fails. */
  readonly ok: boolean;
  /** One sentence. */
  readonly conclusion: string;
  /** The command or step that mends what is wrong. */
  readonly mend?: string;
}

export interface StepDocument {
  readonly name: string;
  readonly verdict: "ok" | "note" | "warn" | "fail";
  readonly detail: string;
  readonly mend?: string;
}
