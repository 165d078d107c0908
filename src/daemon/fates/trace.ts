import { timeOf } from "#src/datapath/fates/fate.ts";
import {
  formatPeerPattern,
  parsePeerPattern,
  type PeerPattern,
} from "#src/protocol/peers/pattern.ts";
import type { Millis } from "#src/protocol/time.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import type { PageAnswer, Stream } from "#src/status/app.ts";
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
const BOUNDS: TraceBounds = { packets: 500, time: 60_000 };
const SECOND: Millis = 1_000;

export interface TraceBounds {
  readonly packets: number;
  readonly time: Millis;
}

/** `GET /trace?peer=PEER`: what becomes of one peer's packets, as it happens; for one who looks on. */
export class TracePage {
  readonly streams: Readonly<Record<"/trace", Stream>> = {
    "/trace": ({ parameters }) => this.#answer(parameters),
  };
  readonly #mayTrace: () => boolean;
  readonly #bounds: TraceBounds;
  #observer: Observer | undefined;
  #trace: Trace | undefined;

  /** @param mayTrace whether the configuration lets packets be traced, at this moment */
  constructor(mayTrace: () => boolean, bounds: TraceBounds = BOUNDS) {
    this.#mayTrace = mayTrace;
    this.#bounds = bounds;
  }

  serve(observer: Observer): void {
    this.#observer = observer;
  }

  close(): void {
    this.#trace?.end("the daemon ends");
    this.#observer = undefined;
  }

  #answer(parameters: URLSearchParams): ReadableStream<Uint8Array> | PageAnswer {
    if (!this.#mayTrace()) return refusal(404, "Packets are not traced: `trace = no` in [status]");
    const observer = this.#observer;
    if (observer === undefined) return refusal(503, "The daemon is not serving");
    try {
      const peer = peerOf(parameters);
      if (this.#trace?.isWatched) {
        return refusal(503, "Somebody else traces a peer: ask again within a minute");
      }
      this.#trace = new Trace(observer, peer, this.#mayTrace, this.#bounds);
      return this.#trace.begin();
    } catch (error) {
      if (error instanceof BadParameters) return refusal(400, error.message);
      throw error;
    }
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
  readonly #bounds: TraceBounds;
  readonly #viewers = new Viewers(1);
  readonly #until: Millis;
  #left: number;

  constructor(
    observer: Observer,
    peer: PeerPattern,
    mayTrace: () => boolean,
    bounds: TraceBounds,
  ) {
    this.#observer = observer;
    this.peer = peer;
    this.#mayTrace = mayTrace;
    this.#bounds = bounds;
    this.#until = performance.now() + bounds.time;
    this.#left = bounds.packets;
  }

  get isWatched(): boolean {
    return this.#viewers.count > 0;
  }

  begin(): ReadableStream<Uint8Array> {
    const begin: TraceBegin = {
      version: JSON_VERSION,
      peer: formatPeerPattern(this.peer),
      packets: this.#bounds.packets,
      seconds: this.#bounds.time / SECOND,
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
    const { packets, time } = this.#bounds;
    if (this.#left === 0) this.end(`${packets} packets were told`);
    else if (performance.now() >= this.#until) this.end(`${time / SECOND} s are over`);
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
