import { timeOf } from "#src/datapath/fates/fate.ts";
import {
  formatPeerPattern,
  parsePeerPattern,
  type PeerPattern,
} from "#src/protocol/peers/pattern.ts";
import type { Millis } from "#src/protocol/time.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import type { Page, PageAnswer } from "#src/status/app.ts";
import { errorDocument, JSON_VERSION } from "#src/status/document.ts";
import type {
  TraceBegin,
  TracedPacket,
  TraceEnd,
  TraceLeftOut,
} from "#src/status/trace_document.ts";
import { formatEvent, Viewers } from "#src/status/viewers.ts";
import { BadParameters, onlyOf } from "../peers/parameters.ts";
import type { Observer, Watcher } from "./observer.ts";
import { fieldsOf } from "./words.ts";

/** What one trace may be at most; see docs/limits.md. */
const MOST_PACKETS = 500;
const MOST_TIME: Millis = 60_000;
const SECOND: Millis = 1_000;

/** `GET /trace?peer=PEER`: what becomes of one peer's packets, as it happens; for one who looks on. */
export class TracePage {
  readonly pages: Readonly<Record<"/trace", Page>> = {
    "/trace": (parameters) => Promise.resolve(this.#answer(parameters)),
  };
  readonly #mayTrace: () => boolean;
  #observer: Observer | undefined;
  #trace: Trace | undefined;

  /** @param mayTrace whether the configuration lets packets be traced, at this moment */
  constructor(mayTrace: () => boolean) {
    this.#mayTrace = mayTrace;
  }

  serve(observer: Observer): void {
    this.#observer = observer;
  }

  close(): void {
    this.#trace?.end("the daemon ends");
    this.#observer = undefined;
  }

  #answer(parameters: URLSearchParams): PageAnswer {
    if (!this.#mayTrace()) return refusal(404, "Packets are not traced: `trace = no` in [status]");
    const observer = this.#observer;
    if (observer === undefined) return refusal(503, "The daemon is not serving");
    try {
      const peer = peerOf(parameters);
      if (this.#trace?.isWatched) {
        return refusal(503, "Somebody else traces a peer: ask again within a minute");
      }
      return { status: 200, events: () => this.#begin(observer, peer) };
    } catch (error) {
      if (error instanceof BadParameters) return refusal(400, error.message);
      throw error;
    }
  }

  #begin(observer: Observer, peer: PeerPattern): ReadableStream<Uint8Array> {
    this.#trace = new Trace(observer, peer, this.#mayTrace);
    return this.#trace.begin();
  }
}

function refusal(status: 400 | 404 | 503, error: string): PageAnswer {
  return { status, document: errorDocument(error) };
}

/** @throws BadParameters */
function peerOf(parameters: URLSearchParams): PeerPattern {
  const { peer } = onlyOf(parameters, ["peer"]);
  const pattern = parsePeerPattern(peer ?? "");
  const isOne = pattern !== undefined &&
    ("ipv4" in pattern || pattern.ipv6.length === 8 * IPV6_LENGTH);
  if (isOne) return pattern;
  throw new BadParameters("peer: a Teredo address, A.B.C.D, A.B.C.D:PORT, or an IPv6 host");
}

/** Ends by itself: when enough was told, in time, and once nobody looks on. */
class Trace implements Watcher {
  readonly peer: PeerPattern;
  readonly #observer: Observer;
  readonly #mayTrace: () => boolean;
  readonly #viewers = new Viewers(1);
  readonly #until = performance.now() + MOST_TIME;
  #left = MOST_PACKETS;

  constructor(observer: Observer, peer: PeerPattern, mayTrace: () => boolean) {
    this.#observer = observer;
    this.peer = peer;
    this.#mayTrace = mayTrace;
  }

  get isWatched(): boolean {
    return this.#viewers.count > 0;
  }

  begin(): ReadableStream<Uint8Array> {
    const begin: TraceBegin = {
      version: JSON_VERSION,
      peer: formatPeerPattern(this.peer),
      packets: MOST_PACKETS,
      seconds: MOST_TIME / SECOND,
    };
    const body = this.#viewers.open([eventOf("begin", begin)]);
    this.#observer.add(this);
    return body;
  }

  tell(fate: Uint8Array): void {
    if (this.#left === 0) return;
    this.#left--;
    this.#viewers.tell(eventOf("packet", packetOf(fate)));
  }

  leaveOut(count: number): void {
    this.#viewers.tell(eventOf("left_out", { count } satisfies TraceLeftOut));
  }

  flush(): void {
    if (this.#left === 0) this.end(`${MOST_PACKETS} packets were told`);
    else if (performance.now() >= this.#until) this.end(`${MOST_TIME / SECOND} s are over`);
    else if (!this.#mayTrace()) this.end("packets are no longer traced: `trace = no` in [status]");
    else if (!this.isWatched) this.#observer.remove(this);
  }

  end(reason: string): void {
    this.#observer.remove(this);
    this.#viewers.tell(eventOf("end", { reason } satisfies TraceEnd));
    this.#viewers.end();
  }
}

function eventOf(event: string, data: object): Uint8Array {
  return formatEvent(event, JSON.stringify(data));
}

function packetOf(fate: Uint8Array): TracedPacket {
  const time = new Date(timeOf(fate)).toISOString();
  return { time, ...fieldsOf(fate) } as TracedPacket;
}
