import type { Legacy } from "#src/datapath/legacy.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import { PEER_LIFETIME } from "#src/protocol/peers/table.ts";
import type { Millis } from "#src/protocol/time.ts";
import { FIRST_LINE_MOST, type Seal, seal, unseal, whyNotOf } from "./sealed.ts";

/** Whose peers they are: they are of no use to a relay that differs in any of this. */
export interface Identity {
  /** Of `Host.instance()`. */
  readonly instance: string;
  /** `A.B.C.D:port` that peers were heard at. */
  readonly listening: string;
  /** The service prefix. */
  readonly prefix: string;
}

interface Head extends Identity {
  readonly written_at: Millis;
  readonly rows: number;
}

/** Whose, of when, how many; then the rows as `src/protocol/peers/legacy.ts` has them. */
const SEAL: Seal = { name: "peers", version: 1 };
const HEAD_MOST = 1_024;
/** Peers that are left, at the most: as many as a relay has. */
const ROWS_MOST = 4_194_304;
/** Longer files are not read. */
export const LENGTH_MOST: number = FIRST_LINE_MOST + HEAD_MOST + ROWS_MOST * ROW_LENGTH;

/** What to write, in order. The rows are not copied. */
export function encode({ rows, writtenAt }: Legacy, identity: Identity): Uint8Array[] {
  const length = rows.reduce((sum, it) => sum + it.length, 0);
  const head: Head = { ...identity, written_at: writtenAt, rows: length / ROW_LENGTH };
  return seal(SEAL, head, rows);
}

/**
 * What was left, in memory that threads can share, or why it is of no use here, which completes
 * "the file is ...".
 *
 * @param now by the clock of `writtenAt`
 */
export function decode(file: Uint8Array, identity: Identity, now: Millis): Legacy | string {
  const found = unseal<Head>(SEAL, file, isHead);
  if (typeof found === "string") return found;
  const { written_at: writtenAt, rows, ...whose } = found.head;
  for (const key of ["instance", "listening", "prefix"] as const) {
    if (whose[key] !== identity[key]) return `of a relay with another ${WORDS[key]}: ${whose[key]}`;
  }
  const wrongTime = whyNotOf(writtenAt, now, PEER_LIFETIME);
  if (wrongTime !== undefined) return wrongTime;
  if (found.body.length !== rows * ROW_LENGTH) return "damaged";
  return { rows: [shared(found.body)], writtenAt };
}

function isHead(head: object): head is Head {
  const { instance, listening, prefix, written_at, rows } = head as Partial<Head>;
  return [instance, listening, prefix].every((it) => typeof it === "string") &&
    typeof written_at === "number" && typeof rows === "number";
}

const WORDS = {
  instance: "boot or network namespace",
  listening: "address or port",
  prefix: "prefix",
} as const satisfies Record<keyof Identity, string>;

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
