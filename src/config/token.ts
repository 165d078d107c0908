import type { Problems } from "./problems.ts";
import { isBlankOrComment } from "./syntax/mod.ts";

/** 128 bits in base64: nobody guesses that, however often he may try. */
const MIN_LENGTH = 22;
const MAX_LENGTH = 512;
/** What `Authorization: Bearer` can carry. RFC 6750 §2.1 */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** With comments. */
const MAX_FILE_LENGTH = 16_384;

const MEND = "write one, as `openssl rand -hex 32` makes it";

/**
 * Reads a token file: one line, and comments. No problem quotes the token.
 *
 * @returns undefined when there is none, of which `problems` tells
 */
export function readToken(
  bytes: Uint8Array,
  file: string,
  problems: Problems,
): string | undefined {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_FILE_LENGTH));
  const lines = text.split(/\r?\n/).filter((line) => !isBlankOrComment(line));
  const [token] = lines.map((line) => line.trim());
  const problem = bytes.length > MAX_FILE_LENGTH || lines.length > 1
    ? "more than one line"
    : whyNoToken(token);
  if (problem === undefined) return token;
  problems.error(file, `${problem}; ${MEND}`);
  return undefined;
}

function whyNoToken(token: string | undefined): string | undefined {
  if (token === undefined) return "no token in it";
  if (token.length < MIN_LENGTH) {
    return `a token of less than ${MIN_LENGTH} characters can be guessed`;
  }
  if (token.length <= MAX_LENGTH && TOKEN.test(token)) return undefined;
  return `not a token of up to ${MAX_LENGTH} letters, digits and -._~+/`;
}
