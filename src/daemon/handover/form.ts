import { createHash } from "node:crypto";
import type { Legacy } from "#src/datapath/legacy.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import { PEER_LIFETIME } from "#src/protocol/peers/table.ts";
import type { Millis } from "#src/protocol/time.ts";

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

/**
 * The form of the file:
 *
 *     teredo peers VERSION DIGEST     the SHA-256 of all that follows, in hexadecimal
 *     HEAD                            one line of JSON: whose, of when, how many
 *     rows                            as `src/protocol/peers/legacy.ts` has them
 *
 * Another VERSION stands for another form of the head or the rows.
 */
const VERSION = 1;
const FIRST_LINE = /^teredo peers (\d{1,9}) ([0-9a-f]{64})\n/;
const FIRST_LINE_MOST = 100;
const HEAD_MOST = 1_024;
const LINE_FEED = 10;
/** Peers that are left, at the most: as many as a relay has. */
const ROWS_MOST = 4_194_304;
/** Longer files are not read. */
export const LENGTH_MOST: number = FIRST_LINE_MOST + HEAD_MOST + ROWS_MOST * ROW_LENGTH;

/** What to write, in order. The rows are not copied. */
export function encode({ rows, writtenAt }: Legacy, identity: Identity): Uint8Array[] {
  const length = rows.reduce((sum, it) => sum + it.length, 0);
  const head: Head = { ...identity, written_at: writtenAt, rows: length / ROW_LENGTH };
  const second = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const digest = digestOf([second, ...rows]);
  return [new TextEncoder().encode(`teredo peers ${VERSION} ${digest}\n`), second, ...rows];
}

/**
 * What was left, in memory that threads can share, or why it is of no use here, which completes
 * "the file is ...".
 *
 * @param now by the clock of `writtenAt`
 */
export function decode(file: Uint8Array, identity: Identity, now: Millis): Legacy | string {
  const found = FIRST_LINE.exec(text(file.subarray(0, FIRST_LINE_MOST)));
  if (found === null) return "damaged";
  const [first, version, digest] = found as unknown as [string, string, string];
  if (Number(version) !== VERSION) return `of form ${version}, and not ${VERSION}`;
  const rest = file.subarray(first.length);
  if (digestOf([rest]) !== digest) return "damaged";
  const end = rest.indexOf(LINE_FEED);
  const { written_at: writtenAt, rows, ...whose } = JSON.parse(text(rest.subarray(0, end))) as Head;
  for (const key of ["instance", "listening", "prefix"] as const) {
    if (whose[key] !== identity[key]) return `of a relay with another ${WORDS[key]}: ${whose[key]}`;
  }
  if (writtenAt > now) return "of a time to come";
  if (now - writtenAt >= PEER_LIFETIME) {
    return `${Math.floor((now - writtenAt) / 1000)} s old, and all in it would be forgotten`;
  }
  const bytes = rest.subarray(end + 1);
  if (bytes.length !== rows * ROW_LENGTH) return "damaged";
  return { rows: [shared(bytes)], writtenAt };
}

const WORDS = {
  instance: "boot or network namespace",
  listening: "address or port",
  prefix: "prefix",
} as const satisfies Record<keyof Identity, string>;

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
