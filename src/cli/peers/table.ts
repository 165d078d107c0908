import type { PeerDocument } from "#src/status/peers_document.ts";
import { duration } from "#src/status/units.ts";

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

const COLUMNS: readonly Column[] = [
  { title: "TEREDO ADDRESS", value: ({ address }) => address },
  { title: "STATE", value: ({ state }) => state },
  { title: "MAPPING", value: mappingOf },
  { title: "SERVER", value: ({ server_address }) => server_address },
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
  return actual_address === undefined
    ? `${mapped_address}:${mapped_port}`
    : `${actual_address}:${actual_port}*`;
}

/** A table for people. @param time of the answer, RFC 3339 */
export function formatPeers(peers: readonly PeerDocument[], time: string): string {
  const now = Date.parse(time);
  const rows = [
    COLUMNS.map(({ title }) => title),
    ...peers.map((peer) => COLUMNS.map((column) => column.value(peer, now))),
  ];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row.map((text, i) => COLUMNS[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!))
      .join("  ").trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}

/** Properties of a peer in the order of their columns, for `--tsv`. */
export const TSV_COLUMNS = [
  ...["address", "server_address", "mapped_address", "mapped_port", "actual_address"],
  ...["actual_port", "state", "trusted", "valid", "proven", "trusted_since", "last_received"],
  ...["last_transmitted", "last_bubble", "bubbles_unanswered", "received_packets"],
  ...["received_bytes", "sent_packets", "sent_bytes", "held_packets", "held_bytes", "leased"],
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
