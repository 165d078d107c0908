import type { Millis } from "#src/protocol/time.ts";
import type { Page, PageAnswer, Stream, StreamRequest } from "#src/status/app.ts";
import { errorDocument } from "#src/status/document.ts";
import type { HistoryDocument, Step } from "#src/status/history_document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { formatEvent, Viewers } from "#src/status/viewers.ts";
import { BadParameters, onlyOf } from "../peers/parameters.ts";
import { FEW, historyDocument, newestSecond, snapshotEvent } from "./documents.ts";
import type { Change } from "./journal.ts";
import type { History } from "./mod.ts";

/** See docs/limits.md. */
const MOST_VIEWERS = 32;
/** When a client that has lost the events comes back. */
const RETRY: Millis = 2_000;
const RETRY_FIELD = new TextEncoder().encode(`retry: ${RETRY}\n\n`);

/** Rows that are told one by one; when there are more, nothing is known of those between. */
const LATE_MOST = 5;
/** A clock that is a little ahead of ours asks for what is to come. */
const EARLY = 5;

const DIGITS = /^\d{1,12}$/;

/** An answer and what it was made of. */
interface Made {
  readonly of: string;
  readonly document: HistoryDocument;
  /** Made when somebody asks for them. */
  text?: string;
  event?: Uint8Array;
}

/** `GET /history` and `GET /events`. All that ask for the same in one second get the same bytes. */
export class HistoryPages {
  readonly pages: Readonly<Record<"/history", Page>> = {
    "/history": (parameters) => Promise.resolve(this.#answer(parameters)),
  };
  readonly streams: Readonly<Record<"/events", Stream>> = {
    "/events": (request) => this.#open(request),
  };
  readonly #history: History;
  readonly #read: () => Snapshot;
  readonly #viewers = new Viewers(MOST_VIEWERS);
  readonly #made = new Map<string, Made>();
  /** Of the last look, once it is made. */
  #event: Uint8Array | undefined;
  /** Between the last look and the one before it. */
  #changes: readonly Change[] = [];
  #changesTold: number;
  /** Second of the last event. */
  #told: number;

  /** @param read throws as long as the daemon starts */
  constructor(history: History, read: () => Snapshot) {
    this.#history = history;
    this.#read = read;
    this.#changesTold = history.journal.count;
    this.#told = newestSecond(history);
  }

  /** Tells whoever looks on of a look at the daemon. @param clockSet how far the wall clock was set */
  tell(snapshot: Snapshot, clockSet: Millis): void {
    const { journal } = this.#history;
    this.#changes = journal.changesSince(this.#changesTold);
    this.#changesTold = journal.count;
    this.#event = undefined;
    const newest = newestSecond(this.#history);
    const hasRow = this.#history.rows.newest !== undefined;
    const late = hasRow ? Math.max(this.#told + 1, newest - LATE_MOST) : newest;
    this.#told = newest;
    if (this.#viewers.count === 0) return;
    if (clockSet !== 0) this.#viewers.tell(this.#historyEvent(undefined));
    // A look that comes late has rows of several seconds.
    for (let second = late; second < newest; second++) {
      this.#viewers.tell(this.#snapshotEvent(second, snapshot, []));
    }
    this.#event = this.#snapshotEvent(newest, snapshot);
    this.#viewers.tell(this.#event);
  }

  /** @param since unix time that is wanted from; undefined: all there is */
  document(step: Step, since?: number): HistoryDocument {
    return this.#make(step, since).document;
  }

  #answer(parameters: URLSearchParams): PageAnswer {
    try {
      const { step = "1", since } = onlyOf(parameters, ["step", "since"]);
      if (step !== "1" && step !== "60") throw new BadParameters("step: 1 or 60, in seconds");
      return { status: 200, json: textOf(this.#make(Number(step) as Step, unixTime(since))) };
    } catch (error) {
      if (!(error instanceof BadParameters)) throw error;
      return { status: 400, document: errorDocument(error.message) };
    }
  }

  #open({ parameters, lastEventId }: StreamRequest): ReadableStream<Uint8Array> | PageAnswer {
    try {
      const { since } = onlyOf(parameters, ["since"]);
      // A browser that comes back knows better than the address that it came by first.
      const last = lastEventId !== undefined && DIGITS.test(lastEventId) ? lastEventId : since;
      const from = unixTime(last);
      this.#event ??= this.#momentEvent();
      if (this.#viewers.isFull) {
        const error = `${MOST_VIEWERS} look on already: ask again later, or GET /history`;
        return { status: 503, document: errorDocument(error) };
      }
      const missed = from === undefined ? [] : [this.#historyEvent(from)];
      return this.#viewers.open([RETRY_FIELD, ...missed, this.#event]);
    } catch (error) {
      if (!(error instanceof BadParameters)) throw error;
      return { status: 400, document: errorDocument(error.message) };
    }
  }

  /** For who comes between two looks. */
  #momentEvent(): Uint8Array {
    const newest = newestSecond(this.#history);
    const event = this.#snapshotEvent(newest, this.#read());
    this.#told = Math.max(this.#told, newest);
    return event;
  }

  #snapshotEvent(second: number, snapshot: Snapshot, changes = this.#changes): Uint8Array {
    const event = snapshotEvent(this.#history, second, snapshot, changes);
    return formatEvent("snapshot", JSON.stringify(event), event.time);
  }

  #historyEvent(since: number | undefined): Uint8Array {
    const made = this.#make(1, since);
    const id = this.#history.time.unix(newestSecond(this.#history));
    return made.event ??= formatEvent("history", textOf(made), id);
  }

  /** A few rows or all: there are no more answers than these, whatever is asked. */
  #make(step: Step, since: number | undefined): Made {
    const { time, rows, journal } = this.#history;
    const ring = rows.ring(step);
    const row = since === undefined ? -1 : Math.floor(time.secondOf(since) / step);
    const isFew = row > ring.newest - FEW && row <= ring.newest + EARLY;
    const key = `${step} ${isFew}`;
    const of = `${ring.newest} ${journal.count} ${time.unix(0)}`;
    const known = this.#made.get(key);
    if (known?.of === of) return known;
    const document = historyDocument(this.#history, step, isFew ? FEW : ring.length);
    const made: Made = { of, document };
    this.#made.set(key, made);
    return made;
  }
}

function textOf(made: Made): string {
  return made.text ??= JSON.stringify(made.document);
}

function unixTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!DIGITS.test(text)) throw new BadParameters("since: a unix time in whole seconds");
  return Number(text);
}
