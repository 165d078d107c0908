import type { StatusDocument } from "#src/status/document.ts";
import type { SeriesName } from "#src/status/history_document.ts";
import type { Past } from "./past.ts";

/** A row of a history: numbers by the names of their series, null what is not known. */
export type Rates = Readonly<Partial<Record<SeriesName, number | null>>>;

/** A daemon as it was when it answered last. */
export interface Seen {
  readonly status: StatusDocument;
  /** The answer before that, of the same process: it makes rates of totals. */
  readonly before: StatusDocument | undefined;
  /** Of its charts, in their order; undefined: it has no history. */
  readonly past: Past | undefined;
  /** The last second of its history. */
  readonly rates: Rates | undefined;
  /** Of `status`, in seconds. */
  readonly age: number;
  /** Why `status` is old; undefined: it is not. */
  readonly silence: string | undefined;
}

/** All that a frame shows. */
export interface View {
  readonly daemons: readonly Seen[];
  /** Why nothing is known of the others. */
  readonly problems: readonly string[];
  readonly time: Date;
  /** Which keys do what; undefined: there are none. */
  readonly keys: string | undefined;
}
