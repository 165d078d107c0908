import type { Problems } from "./problems.ts";
import { isBlankOrComment } from "./syntax/mod.ts";

/** 128 bits in base64: nobody guesses that, however often he may try. */
const MIN_LENGTH = 22;
const MAX_LENGTH = 512;
/** What `Authorization: Bearer` can carry. RFC 6750 §2.1 */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

const MEND = "write one, as `openssl rand -hex 32` makes it";

/**
 * Reads a token file: one line. No problem quotes the token.
 *
 * @returns undefined when there is none, of which `problems` tells
 */
export function readToken(
  bytes: Uint8Array,
  file: string,
  problems: Problems,
): string | undefined {
  const lines = new TextDecoder().decode(bytes.subarray(0, 2 * MAX_LENGTH)).split(/\r?\n/);
  const [token, ...more] = lines.filter((line) => !isBlankOrComment(line)).map((it) => it.trim());
  const problem = token === undefined
    ? "no token in it"
    : more.length > 0
    ? "more than one line"
    : token.length < MIN_LENGTH
    ? `a token of less than ${MIN_LENGTH} characters can be guessed`
    : token.length > MAX_LENGTH || !TOKEN.test(token)
    ? `not a token of up to ${MAX_LENGTH} letters, digits and -._~+/`
    : undefined;
  if (problem === undefined) return token;
  problems.error(file, `${problem}; ${MEND}`);
  return undefined;
}
