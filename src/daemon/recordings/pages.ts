import type { Role } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import type { Page, PageAnswer } from "#src/status/app.ts";
import { errorDocument, JSON_VERSION } from "#src/status/document.ts";
import {
  captureName,
  type RecordingDocument,
  type RecordingRowsDocument,
  type RecordingsDocument,
} from "#src/status/recordings_document.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";
import { BadParameters, onlyOf } from "../peers/parameters.ts";
import { captureOf, type Recorder } from "./capture.ts";
import { type Recording, Recordings } from "./recordings.ts";
import { rowOf } from "./words.ts";

const TYPE = "application/x-pcapng";
const SUFFIX = ".pcapng";
const DEFAULT_LAST = 60;
const MOST_LAST = 86_400;
const DEFAULT_ROWS = 200;
const MOST_ROWS = 500;
const SECOND = 1_000;

/** Files that are given out within so long, which clients may take to read them; see docs/limits.md. */
const MOST_FILES = 16;
const FILES_WITHIN = 5_000;

/** A daemon that serves. */
interface Serving extends Recorder {
  /** Undefined: nothing is recorded. */
  readonly recordings: Recordings | undefined;
}

/** `GET /recordings`, `/recordings/ID`, `/recordings/ID.pcapng` and `/recording.pcapng?last=SECONDS`. */
export class RecordingPages {
  readonly pages: Readonly<Record<string, Page>> = {
    "/recordings": (parameters) =>
      this.#answer((recordings) => {
        onlyOf(parameters, []);
        return listOf(recordings);
      }),
    "/recordings/:id": (parameters, { id = "" } = {}) =>
      this.#answer((recordings, serving) =>
        id.endsWith(SUFFIX)
          ? this.#kept(recordings, serving, id.slice(0, -SUFFIX.length), parameters)
          : rowsOf(findIn(recordings, id), parameters)
      ),
    "/recording.pcapng": (parameters) =>
      this.#answer((recordings, serving) => this.#live(recordings, serving, parameters)),
  };
  readonly #role: Role;
  #serving: Serving | undefined;
  #files: readonly number[] = [];

  constructor(role: Role) {
    this.#role = role;
  }

  /**
   * @param program its name and version
   * @returns a function that ends what is looked at again and again
   */
  serve(
    program: string,
    { listening, interfaceName, nativeName }: OpenRole,
    { tapes = [] }: Datapath,
  ): () => void {
    const recordings = tapes.length === 0 ? undefined : new Recordings(tapes);
    this.#serving = {
      program,
      listening,
      interfaceName: interfaceName ?? nativeName,
      recordings,
    };
    return recordings?.watch() ?? (() => {});
  }

  /** Told of each look at the daemon. */
  look({ checks }: { readonly checks: readonly ReadinessCheck[] }): void {
    this.#serving?.recordings?.see(checks);
  }

  #answer(make: (recordings: Recordings, serving: Serving) => PageAnswer): Promise<PageAnswer> {
    return Promise.resolve(this.#answerNow(make));
  }

  #answerNow(make: (recordings: Recordings, serving: Serving) => PageAnswer): PageAnswer {
    const serving = this.#serving;
    if (serving === undefined) return refusal(503, "The daemon is starting");
    const { recordings } = serving;
    if (recordings === undefined) {
      return refusal(404, "Nothing is recorded: `record = no` in [status]");
    }
    try {
      return make(recordings, serving);
    } catch (error) {
      if (error instanceof BadParameters) return refusal(400, error.message);
      if (error instanceof NoRecording) return refusal(404, error.message);
      throw error;
    }
  }

  #kept(
    recordings: Recordings,
    serving: Serving,
    id: string,
    parameters: URLSearchParams,
  ): PageAnswer {
    onlyOf(parameters, []);
    const { packets, kind, why, time } = findIn(recordings, id);
    return this.#file(time, () => captureOf(packets, serving, `${kind}: ${why}`));
  }

  #live(recordings: Recordings, serving: Serving, parameters: URLSearchParams): PageAnswer {
    const { last } = onlyOf(parameters, ["last"]);
    const seconds = wholeOf("last", last, DEFAULT_LAST, MOST_LAST);
    const now = Date.now();
    return this.#file(now, () => {
      const packets = recordings.since(now - seconds * SECOND);
      return captureOf(
        packets,
        serving,
        `the last ${seconds} s, as far as the recording goes back`,
      );
    });
  }

  /** Whoever reads slowly has it in memory that long. */
  #file(time: number, make: () => Uint8Array<ArrayBuffer>): PageAnswer {
    const now = performance.now();
    this.#files = this.#files.filter((at) => now - at < FILES_WITHIN);
    if (this.#files.length >= MOST_FILES) {
      return refusal(503, "Too many ask for recordings at once: ask again");
    }
    this.#files = [...this.#files, now];
    return { status: 200, bytes: make(), type: TYPE, name: captureName(this.#role, time) };
  }
}

/** No recording has this name. */
class NoRecording extends Error {}

function findIn({ kept }: Recordings, id: string): Recording {
  const found = kept.find((it) => it.id === id);
  if (found !== undefined) return found;
  throw new NoRecording("There is no such recording, or no longer: /recordings lists them");
}

function listOf({ kept }: Recordings): PageAnswer {
  const document: RecordingsDocument = {
    version: JSON_VERSION,
    recordings: kept.map(documentOf),
  };
  return { status: 200, document };
}

function documentOf({ id, time, kind, why, packets }: Recording): RecordingDocument {
  return {
    id,
    time: new Date(time).toISOString(),
    kind,
    why,
    packets: packets.count,
    ...(packets.count === 0 ? {} : { from: new Date(packets.time(0)).toISOString() }),
  };
}

function rowsOf(recording: Recording, parameters: URLSearchParams): PageAnswer {
  const { limit } = onlyOf(parameters, ["limit"]);
  const { packets } = recording;
  const count = Math.min(wholeOf("limit", limit, DEFAULT_ROWS, MOST_ROWS), packets.count);
  const first = packets.count - count;
  const document: RecordingRowsDocument = {
    version: JSON_VERSION,
    ...documentOf(recording),
    rows: Array.from({ length: count }, (_, i) => rowOf(packets.at(first + i))),
  };
  return { status: 200, document };
}

/** @throws BadParameters */
function wholeOf(name: string, text: string | undefined, by: number, most: number): number {
  if (text === undefined) return by;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new BadParameters(`${name}: not a whole number from 1 to ${most}`);
}

function refusal(status: PageAnswer["status"], error: string): PageAnswer {
  return { status, document: errorDocument(error) };
}
