import type { Prng } from "#test/sim/prng.ts";

const encoder = new TextEncoder();

/**
 * Changes a text of parts: takes one away, doubles, moves or replaces one, or puts a part in that
 * `make` has made.
 *
 * @param between of two parts
 */
export function mutateParts(
  input: Uint8Array,
  random: Prng,
  between: string,
  make: (random: Prng) => string,
): Uint8Array {
  // One character a byte: what is no UTF-8 stays what it is.
  const parts = Buffer.from(input).toString("latin1").split(between);
  const at = random.below(parts.length);
  const other = random.below(parts.length);
  switch (random.below(8)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(at, 0, parts[other]!);
      break;
    case 2:
      [parts[at], parts[other]] = [parts[other]!, parts[at]!];
      break;
    case 3:
    case 4:
      parts[at] = latin1(make(random));
      break;
    case 5:
      parts[at] = damaged(parts[at]!, random);
      break;
    default:
      parts.splice(at, 0, latin1(make(random)));
  }
  return new Uint8Array(Buffer.from(parts.join(between), "latin1"));
}

const latin1 = (text: string) => Buffer.from(encoder.encode(text)).toString("latin1");

const SPICE = [..."\0\t\r\n \"'#;=[]\\:,/%$-+.0159aAzZ~\x7f\x80\xff", "\xc2\xa0", "\xef\xbb\xbf"];

function damaged(text: string, random: Prng): string {
  const at = random.below(text.length + 1);
  const put = random.pick(SPICE);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + put + text.slice(at + 1);
    case 2:
      return text + text.slice(at);
    default:
      return text.slice(0, at) + put + text.slice(at);
  }
}
