import type { Drop } from "#src/protocol/drops.ts";
import type { PeerId } from "#src/protocol/peers/index.ts";
import type { PeerQuery } from "#src/protocol/peers/query.ts";
import { PEER_ROW_LENGTH, type PeerRow, PeerRows } from "#src/protocol/peers/row.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";

/** Most rows of one answer; see docs/limits.md. */
export const MAX_ROWS = 400;
/** Longest packet that a question is about. */
export const MAX_PACKET = 64;

/** What is asked. */
export const Question = {
  /** Which peers are there. */
  Peers: 0,
  /** What would become of a packet from the IPv6 side. */
  ToClient: 1,
  /** What would become of a datagram. */
  FromClient: 2,
} as const;
export type Question = (typeof Question)[keyof typeof Question];

/** Whose turn it is: who asks may write while idle, who answers while asked. */
const IDLE = 0;
const ASKED = 1;
const ANSWERED = 2;

/** Cells of the head, then the bytes of a query and of a packet, then the rows. */
const Cell = {
  State: 0,
  Question: 1,
  Behind: 2,
  Limit: 3,
  IsIpv4: 4,
  PrefixLength: 5,
  Ipv4: 6,
  Port: 7,
  PacketLength: 8,
  Address: 9,
  // Answers
  Written: 10,
  Next: 11,
  Drop: 12,
} as const;
const HEAD_LENGTH = 64;
const IPV6_AT = HEAD_LENGTH;
const PACKET_AT = IPV6_AT + IPV6_LENGTH;
const ROWS_AT = PACKET_AT + MAX_PACKET;
const LENGTH = ROWS_AT + PEER_ROW_LENGTH * MAX_ROWS;

/** A part of a worker's peers. */
export interface PeerPart {
  readonly rows: readonly PeerRow[];
  /** To go on behind; `NO_PEER`: there are no more. */
  readonly next: PeerId;
}

/**
 * Memory by which the main thread asks one worker, and is answered: one question at a time. Neither
 * waits in it for the other.
 */
export class PeerQuestions {
  readonly buffer: SharedArrayBuffer;
  readonly rows: PeerRows;
  /** Of the packet that is asked about, `packetLength` bytes. */
  readonly packet: Uint8Array;
  readonly #head: Int32Array;
  readonly #ipv6: Uint8Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(LENGTH)) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, HEAD_LENGTH / 4);
    this.#ipv6 = new Uint8Array(buffer, IPV6_AT, IPV6_LENGTH);
    this.packet = new Uint8Array(buffer, PACKET_AT, MAX_PACKET);
    this.rows = new PeerRows(buffer, ROWS_AT, MAX_ROWS);
  }

  // Who asks

  get isIdle(): boolean {
    return Atomics.load(this.#head, Cell.State) === IDLE;
  }

  get isAnswered(): boolean {
    return Atomics.load(this.#head, Cell.State) === ANSWERED;
  }

  /** @param limit 1 to {@link MAX_ROWS} */
  askPeers(query: PeerQuery, behind: PeerId, limit: number): void {
    const head = this.#head;
    head[Cell.Behind] = behind;
    head[Cell.Limit] = limit;
    head[Cell.PrefixLength] = query.length;
    head[Cell.IsIpv4] = "ipv4" in query ? 1 : 0;
    if ("ipv4" in query) [head[Cell.Ipv4], head[Cell.Port]] = [query.ipv4, query.port];
    else this.#ipv6.set(query.ipv6);
    this.#ask(Question.Peers);
  }

  /**
   * @param packet at most {@link MAX_PACKET} bytes
   * @param address with `port`, where a datagram comes from
   */
  askFate(question: Question, packet: Uint8Array, address: number, port: number): void {
    const head = this.#head;
    this.packet.set(packet);
    head[Cell.PacketLength] = packet.length;
    head[Cell.Address] = address;
    head[Cell.Port] = port;
    this.#ask(question);
  }

  #ask(question: Question): void {
    this.#head[Cell.Question] = question;
    Atomics.store(this.#head, Cell.State, ASKED);
  }

  takePeers(): PeerPart {
    const rows = Array.from({ length: this.#head[Cell.Written]! }, (_, i) => this.rows.read(i));
    const next = this.#head[Cell.Next]!;
    Atomics.store(this.#head, Cell.State, IDLE);
    return { rows, next };
  }

  takeFate(): Drop {
    const drop = this.#head[Cell.Drop] as Drop;
    Atomics.store(this.#head, Cell.State, IDLE);
    return drop;
  }

  /** Of an answer that nobody waits for any more. */
  forget(): void {
    Atomics.store(this.#head, Cell.State, IDLE);
  }

  // Who answers

  get isAsked(): boolean {
    return Atomics.load(this.#head, Cell.State) === ASKED;
  }

  get question(): Question {
    return this.#head[Cell.Question] as Question;
  }

  get behind(): PeerId {
    return this.#head[Cell.Behind]!;
  }

  get limit(): number {
    return this.#head[Cell.Limit]!;
  }

  get isIpv4(): boolean {
    return this.#head[Cell.IsIpv4] !== 0;
  }

  get ipv4(): number {
    return this.#head[Cell.Ipv4]! >>> 0;
  }

  /** 16 bytes, as long as nothing else is asked. */
  get ipv6(): Uint8Array {
    return this.#ipv6;
  }

  get prefixLength(): number {
    return this.#head[Cell.PrefixLength]!;
  }

  get address(): number {
    return this.#head[Cell.Address]! >>> 0;
  }

  get port(): number {
    return this.#head[Cell.Port]!;
  }

  get packetLength(): number {
    return this.#head[Cell.PacketLength]!;
  }

  answerPeers(written: number, next: PeerId): void {
    this.#head[Cell.Written] = written;
    this.#head[Cell.Next] = next;
    Atomics.store(this.#head, Cell.State, ANSWERED);
  }

  answerFate(drop: Drop): void {
    this.#head[Cell.Drop] = drop;
    Atomics.store(this.#head, Cell.State, ANSWERED);
  }
}
