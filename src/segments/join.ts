import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  NEXT_HEADER_NONE,
  NEXT_HEADER_TCP,
  NEXT_HEADER_UDP,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { isChecksumRight, type Sum } from "./checksum.ts";
import { Run } from "./run.ts";
import {
  FIN,
  PSH,
  RST,
  SYN,
  TCP_CHECKSUM_AT,
  TCP_FLAGS_AT,
  TCP_HEADER_LENGTH,
  tcpHeaderLength,
  UDP_CHECKSUM_AT,
  UDP_HEADER_LENGTH,
  UDP_LENGTH_AT,
  URG,
} from "./transport.ts";

export { type Run } from "./run.ts";

/** Flows that are joined at the same time; as many as a receive queue of Linux holds in a bucket. */
export const OPEN_RUNS = 8;
/** The number of no run. */
const NONE = -1;

// What a packet is to the joiner. A larger number is the length of the headers of one to be joined.
/** Of no flow that is joined. */
const OTHER = 0;
/** Its flow cannot be told: it may be that of any run. */
const UNKNOWN = 1;
/** Of a flow that is joined, but it stays alone. */
const ALONE = 2;

/** Takes what the joiner gives out. */
export interface JoinSink {
  /** The run is the sink's until it returns; meanwhile nothing may be offered. */
  sendRun(run: Run): void;
}

export interface JoinOptions {
  /** Whether UDP is joined as well as TCP: whoever takes the runs can segment it. */
  readonly udp: boolean;
}

/**
 * Joins packets into runs, as the generic receive offload of Linux does: TCP segments and, if wanted,
 * UDP datagrams of one flow that follow each other and differ in nothing but what a segmenting kernel
 * makes anew. What splits a run gets the packets that went in.
 *
 * Packets of one flow leave in the order they came; those of different flows may change places. One
 * whose checksum is wrong goes on as it is, alone: in a joined one the kernel would make it right.
 *
 * Packets are not copied: each must stay where it was offered until {@link flush} has returned, and
 * the header of one that others were joined to is rewritten there. Nothing is allocated.
 */
export class Joiner {
  readonly #sum: Sum;
  #tcp = true;
  #udp: boolean;
  readonly #runs: readonly Run[];
  /** Of the flow of the run with the same number; another one rarely has the same. */
  readonly #keys = new Int32Array(OPEN_RUNS);
  readonly #single: Run;
  #open = 0;
  /** Number of the run that gives way when one more flow begins. */
  #next = 0;

  /** @param sum over the memory that packets are offered in */
  constructor(sum: Sum, options: JoinOptions) {
    this.#sum = sum;
    this.#udp = options.udp;
    this.#runs = Array.from({ length: OPEN_RUNS }, () => new Run(sum));
    this.#single = new Run(sum);
  }

  /** What is joined from now on; only while no packet is held. */
  setOptions(tcp: boolean, udp: boolean): void {
    this.#tcp = tcp;
    this.#udp = udp;
  }

  /**
   * Takes one packet, and hands over what has become complete.
   *
   * @param b the memory that the sum adds up; `length` bytes at `at` are the packet, whatever they say
   */
  offer(b: Uint8Array, at: number, length: number, sink: JoinSink): void {
    const kind = this.#kindOf(b, at, length);
    if (kind === UNKNOWN) this.flush(sink);
    if (kind === UNKNOWN || kind === OTHER) return this.#sendSingle(b, at, length, sink);
    const key = keyOf(b, at);
    const i = this.#find(b, at, key);
    if (kind === ALONE) {
      if (i !== NONE) this.#send(i, sink);
      return this.#sendSingle(b, at, length, sink);
    }
    if (i !== NONE) {
      const run = this.#runs[i]!;
      if (run.continuesWith(at, length, kind) && run.isFirstRight()) {
        return this.#join(i, b, at, length, sink);
      }
      this.#send(i, sink);
    }
    this.#begin(b, at, length, kind, key, sink);
  }

  /** Hands over all runs. No packet is held any more. */
  flush(sink: JoinSink): void {
    if (this.#open === 0) return;
    for (let i = 0; i < OPEN_RUNS; i++) if (this.#runs[i]!.count > 0) this.#send(i, sink);
  }

  #kindOf(b: Uint8Array, at: number, length: number): number {
    if (length < IPV6_HEADER_LENGTH || b[at]! >> 4 !== 6) return UNKNOWN;
    const payload = length - IPV6_HEADER_LENGTH;
    if (readU16(b, at + PAYLOAD_LENGTH_AT) !== payload) return UNKNOWN;
    switch (b[at + NEXT_HEADER_AT]) {
      case NEXT_HEADER_TCP:
        return this.#tcp ? kindOfTcp(b, at + IPV6_HEADER_LENGTH, payload) : OTHER;
      case NEXT_HEADER_UDP:
        return this.#udp ? kindOfUdp(b, at + IPV6_HEADER_LENGTH, payload) : OTHER;
      case NEXT_HEADER_ICMPV6:
      case NEXT_HEADER_NONE:
        return OTHER;
      default:
        return UNKNOWN; // a fragment or other extension header, with TCP or UDP behind it
    }
  }

  #find(b: Uint8Array, at: number, key: number): number {
    if (this.#open === 0) return NONE;
    for (let i = 0; i < OPEN_RUNS; i++) {
      if (this.#keys[i] !== key) continue;
      const run = this.#runs[i]!;
      if (run.count > 0 && run.isFlowOf(b, at)) return i;
    }
    return NONE;
  }

  #join(i: number, b: Uint8Array, at: number, length: number, sink: JoinSink): void {
    const run = this.#runs[i]!;
    if (!isChecksumRight(this.#sum, b, at, length)) {
      this.#send(i, sink);
      return this.#sendSingle(b, at, length, sink);
    }
    run.add(at, length);
    if (run.isComplete) this.#send(i, sink);
  }

  #begin(
    b: Uint8Array,
    at: number,
    length: number,
    headerLength: number,
    key: number,
    sink: JoinSink,
  ): void {
    const transport = b[at + NEXT_HEADER_AT]!;
    const isEnd = transport === NEXT_HEADER_TCP &&
      (b[at + IPV6_HEADER_LENGTH + TCP_FLAGS_AT]! & (FIN | PSH)) !== 0;
    if (isEnd) return this.#sendSingle(b, at, length, sink);
    const i = this.#free(sink);
    this.#keys[i] = key;
    this.#runs[i]!.open(b, at, length, transport, headerLength);
    this.#open++;
  }

  /** Number of a run not in use. When all are, they give way by turns. */
  #free(sink: JoinSink): number {
    if (this.#open < OPEN_RUNS) {
      for (let i = 0; i < OPEN_RUNS; i++) if (this.#runs[i]!.count === 0) return i;
    }
    const i = this.#next;
    this.#next = (i + 1) % OPEN_RUNS;
    this.#send(i, sink);
    return i;
  }

  #send(i: number, sink: JoinSink): void {
    const run = this.#runs[i]!;
    run.close();
    this.#open--;
    sink.sendRun(run);
    run.count = 0;
  }

  #sendSingle(b: Uint8Array, at: number, length: number, sink: JoinSink): void {
    this.#single.open(b, at, length, 0, length);
    sink.sendRun(this.#single);
  }
}

/** @param length of header and payload at `at` */
function kindOfTcp(b: Uint8Array, at: number, length: number): number {
  if (length < TCP_HEADER_LENGTH) return UNKNOWN;
  const headerLength = tcpHeaderLength(b, at);
  // Without payload it is an acknowledgment, which has nothing to join.
  if (headerLength < TCP_HEADER_LENGTH || headerLength >= length) return ALONE;
  if ((b[at + TCP_FLAGS_AT]! & (SYN | RST | URG)) !== 0) return ALONE;
  if (readU16(b, at + TCP_CHECKSUM_AT) === 0xffff) return ALONE; // means 0, as which it would come out
  return IPV6_HEADER_LENGTH + headerLength;
}

/** @param length of header and payload at `at` */
function kindOfUdp(b: Uint8Array, at: number, length: number): number {
  if (length < UDP_HEADER_LENGTH) return UNKNOWN;
  if (readU16(b, at + UDP_LENGTH_AT) !== length || length === UDP_HEADER_LENGTH) return ALONE;
  if (readU16(b, at + UDP_CHECKSUM_AT) === 0) return ALONE; // none to verify
  return IPV6_HEADER_LENGTH + UDP_HEADER_LENGTH;
}

/** The ports and the ends of both addresses, where flows differ most. */
function keyOf(b: Uint8Array, at: number): number {
  const end = IPV6_LENGTH - 4;
  const source = readU32(b, at + SOURCE_AT + end);
  const destination = readU32(b, at + DESTINATION_AT + end);
  return source ^ destination ^ readU32(b, at + IPV6_HEADER_LENGTH);
}
