import { createHash } from "node:crypto";
import type { Millis } from "#src/protocol/time.ts";

/**
 * The form of a file that one daemon leaves to the next:
 *
 *     teredo NAME VERSION DIGEST     the SHA-256 of all that follows, in hexadecimal
 *     HEAD                           one line of JSON
 *     body                           bytes
 *
 * Another VERSION stands for another form of head or body.
 */
export interface Seal {
  /** What is in it; a word. */
  readonly name: string;
  readonly version: number;
}

const FIRST_LINE = /^teredo (\w+) (\d{1,9}) ([0-9a-f]{64})\n/;
export const FIRST_LINE_MOST = 120;
const LINE_FEED = 10;

/** What to write, in order. The body is not copied. */
export function seal(
  { name, version }: Seal,
  head: object,
  body: readonly Uint8Array[],
): Uint8Array[] {
  const second = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const digest = digestOf([second, ...body]);
  return [new TextEncoder().encode(`teredo ${name} ${version} ${digest}\n`), second, ...body];
}

export interface Unsealed<Head> {
  readonly head: Head;
  readonly body: Uint8Array;
}

/**
 * What {@link seal} made, or why it is not that, which completes "the file is ...".
 *
 * @param isHead whether a head has the form that it should have: whoever can write the file can make its
 *   digest right as well
 */
export function unseal<Head>(
  { name, version }: Seal,
  file: Uint8Array,
  isHead: (head: object) => head is Head & object,
): Unsealed<Head> | string {
  const found = FIRST_LINE.exec(textOf(file.subarray(0, FIRST_LINE_MOST)));
  if (found === null || found[1] !== name) return "damaged";
  const [first, , itsVersion, digest] = found as unknown as [string, string, string, string];
  if (Number(itsVersion) !== version) return `of form ${itsVersion}, and not ${version}`;
  const rest = file.subarray(first.length);
  if (digestOf([rest]) !== digest) return "damaged";
  const end = rest.indexOf(LINE_FEED);
  const head = objectIn(new TextDecoder().decode(rest.subarray(0, end)));
  return head !== undefined && isHead(head) ? { head, body: rest.subarray(end + 1) } : "damaged";
}

/** Completes "the file is ...". @param lifetime of what is in it */
export function whyNotOf(writtenAt: Millis, now: Millis, lifetime: Millis): string | undefined {
  if (writtenAt > now) return "of a time to come";
  if (now - writtenAt < lifetime) return undefined;
  return `${Math.floor((now - writtenAt) / 1000)} s old, and all in it would be forgotten`;
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
