import type { PeerId } from "./index.ts";

/** Cells of a peer. */
const RECEIVED_PACKETS = 0;
const RECEIVED_BYTES = 1;
const SENT_PACKETS = 2;
const SENT_BYTES = 3;
const CELLS = 4;

/**
 * What was carried for each peer: IPv6 packets and their bytes, without the tunnel's headers, from the
 * peer to the IPv6 side and back. Bubbles are not in it.
 *
 * Whole numbers are exact to 2^53; memory is touched only as packets pass.
 */
export class PeerTraffic {
  readonly #cells: Float64Array;

  /** @param capacity most peers, numbered from 1 */
  constructor(capacity: number) {
    this.#cells = new Float64Array(CELLS * (capacity + 1));
  }

  received(p: PeerId, packets: number, bytes: number): void {
    const at = CELLS * p;
    this.#cells[at + RECEIVED_PACKETS]! += packets;
    this.#cells[at + RECEIVED_BYTES]! += bytes;
  }

  sent(p: PeerId, packets: number, bytes: number): void {
    const at = CELLS * p;
    this.#cells[at + SENT_PACKETS]! += packets;
    this.#cells[at + SENT_BYTES]! += bytes;
  }

  receivedPackets(p: PeerId): number {
    return this.#cells[CELLS * p + RECEIVED_PACKETS]!;
  }

  receivedBytes(p: PeerId): number {
    return this.#cells[CELLS * p + RECEIVED_BYTES]!;
  }

  sentPackets(p: PeerId): number {
    return this.#cells[CELLS * p + SENT_PACKETS]!;
  }

  sentBytes(p: PeerId): number {
    return this.#cells[CELLS * p + SENT_BYTES]!;
  }

  /** Of a peer that goes. */
  clear(p: PeerId): void {
    const at = CELLS * p;
    const cells = this.#cells;
    if (cells[at + RECEIVED_PACKETS] === 0 && cells[at + SENT_PACKETS] === 0) return;
    for (let i = 0; i < CELLS; i++) cells[at + i] = 0;
  }
}
