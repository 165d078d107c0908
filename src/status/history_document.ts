import type { ChangeDocument, JSON_VERSION, StateDocument } from "./document.ts";
import type { DropReason, Snapshot } from "./snapshot.ts";

export type { ChangeDocument, StateDocument, WarningDocument } from "./document.ts";
export type { ChangeKind } from "./snapshot.ts";

/**
 * What the daemon knows of the last minutes and hours. The axis of time is in unix seconds, as charts
 * have it; all other times are RFC 3339.
 */

/** Of all roles. Rates are a second's mean: bits, packets, bubbles, peers in one second. */
export type CommonSeries =
  /**
   * From clients: what a relay passes on to the IPv6 side, what a server receives; of a client what it
   * sends itself.
   */
  | "bits_up"
  | "packets_up"
  /** To clients: UDP payload and datagrams sent; to a client, what it passes on to its host. */
  | "bits_down"
  | "packets_down"
  /** All reasons together; for a server all that it refused. */
  | "drops"
  /** Processor time in seconds: 1 is one core. */
  | "cpu";

/** Peers are a level, not a rate; the three states are all there are. A client has them as well. */
export type RelaySeries =
  | "peers_trusted"
  | "peers_resolving"
  | "peers_failed"
  | "new_peers"
  | "bubbles_sent"
  | "bubbles_answered";

/** The three kinds of solicitations are all there are. */
export type ServerSeries =
  | "solicitations_cone"
  | "solicitations_restricted"
  | "solicitations_secondary"
  | "advertisements"
  | "bubbles_forwarded"
  | "icmpv6_forwarded"
  | "native_forwarded";

/** The round trip to its server is a level, in milliseconds; null while there is none. */
export type ClientSeries = "server_rtt" | "solicitations" | "echo_tests";

/** Of one reason, absent where there was none: then it is 0. They add up to `drops`. */
export type DropSeries = `drops_${DropReason}`;

export type SeriesName = CommonSeries | RelaySeries | ServerSeries | ClientSeries | DropSeries;

/** Seconds between two rows: 900 of the one, 1,440 of the other. */
export type Step = 1 | 60;

/**
 * `GET /history?step=1|60&since=SECONDS`
 *
 * Row `i` is of the time `from + step * i`, and of the `step` seconds before it.
 */
export interface HistoryDocument {
  readonly version: typeof JSON_VERSION;
  readonly role: Snapshot["role"];
  readonly step: Step;
  /** Unix time of the first row; it may be earlier than `since`. */
  readonly from: number;
  /** Rows; 0 before the first one. */
  readonly count: number;
  /** One number for each row; null: not known, as while the machine slept. */
  readonly series: Readonly<Partial<Record<SeriesName, readonly (number | null)[]>>>;
  /** All that are kept, the oldest first. */
  readonly changes: readonly ChangeDocument[];
}

/**
 * `GET /events`, event `snapshot`, one a second; its id is `time`.
 *
 * Whoever comes back with `Last-Event-ID`, or `?since=`, gets an event `history` first, whose data is a
 * {@link HistoryDocument} of step 1 from then on; all get one when the clock was set, for then every
 * row has another time.
 */
export interface SnapshotEvent {
  readonly version: typeof JSON_VERSION;
  /** Unix time of the row. */
  readonly time: number;
  /** As in the history, of one second; empty: not known. */
  readonly row: Readonly<Partial<Record<SeriesName, number>>>;
  readonly state: StateDocument;
  /** Those since the last event; all are in the history. */
  readonly changes: readonly ChangeDocument[];
}
