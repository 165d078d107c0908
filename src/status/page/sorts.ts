import type { PeerDocument } from "../peers_document.ts";

export type Sort = "state" | "mapping" | "heard" | "received" | "sent";

interface SortColumn {
  readonly name: Sort;
  readonly title: string;
  readonly isText: boolean;
  /** Of two peers, below 0 when the first comes first. */
  readonly compare: (a: PeerDocument, b: PeerDocument) => number;
}

const STATES: readonly PeerDocument["state"][] = ["failed", "resolving", "silent", "trusted"];

/** `203.0.113.7` as a number. */
const ipv4Of = (text: string) => text.split(".").reduce((sum, it) => 256 * sum + Number(it), 0);
const mapping = ({ actual_address, mapped_address }: PeerDocument) =>
  ipv4Of(actual_address ?? mapped_address ?? "0");

/** What a table of peers can be sorted by: columns of it, in their order. */
export const SORTS: readonly SortColumn[] = [
  {
    name: "state",
    title: "State",
    isText: true,
    compare: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
  },
  {
    name: "mapping",
    title: "Mapped to",
    isText: true,
    compare: (a, b) => mapping(a) - mapping(b),
  },
  {
    name: "heard",
    title: "Last heard",
    isText: false,
    // Times of one form and zone: their text has their order.
    compare: (a, b) => (a.last_received ?? "") < (b.last_received ?? "") ? 1 : -1,
  },
  {
    name: "received",
    title: "From it",
    isText: false,
    compare: (a, b) => b.received_bytes - a.received_bytes,
  },
  { name: "sent", title: "To it", isText: false, compare: (a, b) => b.sent_bytes - a.sent_bytes },
];

export function sortOf(text: string | null): Sort | undefined {
  return SORTS.find(({ name }) => name === text)?.name;
}

/** @returns a new list */
export function sortedBy(sort: Sort, peers: readonly PeerDocument[]): PeerDocument[] {
  return peers.toSorted(SORTS.find(({ name }) => name === sort)!.compare);
}
