import type { PeerDocument } from "#src/status/peers_document.ts";
import { duration, millis } from "#src/status/units.ts";

/** What orders peers, the first in the list first. */
export const SORTS = ["rx", "tx", "age"] as const;
export type Sort = (typeof SORTS)[number];

const UNITS = ["", "k", "M", "G", "T", "P"];

/** Greater comes first: bytes from the peer, bytes to it, time since it became trusted. */
export function rankOf(peer: PeerDocument, sort: Sort): number {
  if (sort === "rx") return peer.received_bytes;
  if (sort === "tx") return peer.sent_bytes;
  return peer.trusted_since === undefined ? -Infinity : -Date.parse(peer.trusted_since);
}

/** The so many that rank highest of all that are offered, in at most twice their number. */
export class Highest {
  readonly #most: number;
  readonly #sort: Sort;
  #kept: PeerDocument[] = [];

  constructor(most: number, sort: Sort) {
    this.#most = most;
    this.#sort = sort;
  }

  offer(peers: readonly PeerDocument[]): void {
    this.#kept.push(...peers);
    if (this.#kept.length > 2 * this.#most) this.#kept = this.sorted();
  }

  sorted(): PeerDocument[] {
    const rank = (peer: PeerDocument) => rankOf(peer, this.#sort);
    return this.#kept.sort((a, b) => rank(b) - rank(a)).slice(0, this.#most);
  }
}

interface Column {
  readonly title: string;
  readonly right?: boolean;
  value(peer: PeerDocument, now: number): string;
}

/** What a client knows of its peers besides. */
const WAY_COLUMNS: readonly Column[] = [
  { title: "KIND", value: ({ kind }) => kind ?? "-" },
  { title: "PATH", value: ({ path }) => path ?? "-" },
  {
    title: "RTT",
    right: true,
    value: ({ round_trip_seconds: it }) => it === undefined ? "-" : millis(1_000 * it),
  },
];

const COLUMNS: readonly Column[] = [
  { title: "STATE", value: ({ state }) => state },
  { title: "MAPPING", value: mappingOf },
  { title: "SERVER", value: ({ server_address }) => server_address ?? "-" },
  { title: "TRUSTED", right: true, value: (it, now) => age(it.trusted_since, now) },
  { title: "HEARD", right: true, value: (it, now) => age(it.last_received, now) },
  { title: "SENT", right: true, value: (it, now) => age(it.last_transmitted, now) },
  { title: "RX", right: true, value: (it) => short(it.received_bytes) },
  { title: "TX", right: true, value: (it) => short(it.sent_bytes) },
  { title: "HELD", right: true, value: (it) => `${it.held_packets}` },
];

/** Where packets go; with a star where that is not what the address says. */
function mappingOf(peer: PeerDocument): string {
  const { mapped_address, mapped_port, actual_address, actual_port } = peer;
  if (actual_address === undefined) {
    return mapped_address === undefined ? "-" : `${mapped_address}:${mapped_port}`;
  }
  // Of a native host it is its relay's.
  return `${actual_address}:${actual_port}${mapped_address === undefined ? "" : "*"}`;
}

/** A table for people. @param time of the answer, RFC 3339 */
export function formatPeers(peers: readonly PeerDocument[], time: string): string {
  const now = Date.parse(time);
  const isClients = peers.some(({ kind }) => kind !== undefined);
  const columns: readonly Column[] = [
    { title: isClients ? "ADDRESS" : "TEREDO ADDRESS", value: ({ address }) => address },
    ...(isClients ? WAY_COLUMNS : []),
    ...COLUMNS,
  ];
  const rows = [
    columns.map(({ title }) => title),
    ...peers.map((peer) => columns.map((column) => column.value(peer, now))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row.map((text, i) => columns[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!))
      .join("  ").trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}

/** Properties of a peer in the order of their columns, for `--tsv`. */
export const TSV_COLUMNS = [
  ...["address", "server_address", "mapped_address", "mapped_port", "actual_address"],
  ...["actual_port", "state", "trusted", "valid", "proven", "trusted_since", "last_received"],
  ...["last_transmitted", "last_bubble", "bubbles_unanswered", "received_packets"],
  ...["received_bytes", "sent_packets", "sent_bytes", "held_packets", "held_bytes", "leased"],
  ...["kind", "path", "round_trip_seconds"],
] as readonly (keyof PeerDocument)[];

/** One line; what a peer has not is empty. */
export function tsvLine(peer: PeerDocument): string {
  return `${TSV_COLUMNS.map((name) => peer[name] ?? "").join("\t")}\n`;
}

function age(time: string | undefined, now: number): string {
  return time === undefined ? "-" : duration(Math.max(0, (now - Date.parse(time)) / 1000));
}

/** `999`, `1.2k`, `34M` */
export function short(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)}${UNITS[unit]}`;
}
