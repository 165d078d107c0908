import { readU32 } from "#src/protocol/wire/bytes.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { Context } from "../context.ts";
import { decode, type Decoded, formatDecoded } from "../decode.ts";
import { EXIT, UsageError } from "../exit.ts";
import { shown } from "../shared_flags.ts";
import { writeJson } from "../json.ts";

export interface DecodeFlags {
  readonly json?: boolean;
  readonly prefix?: number;
}

/** `teredo decode ADDR...`: every address that can be read is shown, also beside wrong ones. */
export default function runDecode(this: Context, flags: DecodeFlags, ...texts: string[]): void {
  const { stdout, stderr } = this.process;
  const decoded: Decoded[] = [];
  for (const text of texts) {
    const result = decode(text, flags.prefix ?? SERVICE_PREFIX);
    if (typeof result !== "string") {
      decoded.push(result);
    } else {
      stderr.write(`teredo: ${result}\n`);
      this.status = EXIT.Usage;
    }
  }
  if (flags.json) writeJson(stdout, { addresses: decoded });
  else stdout.write(decoded.map(formatDecoded).join("\n"));
}

/** Upper 32 bits of `P::/32`. @throws UsageError */
export function parsePrefix(text: string): number {
  const prefix = parseIpv6Prefix(text);
  if (prefix?.length !== 32) {
    throw new UsageError(`${shown(text)} is not a prefix of 32 bits, such as 2001::/32`);
  }
  return readU32(prefix.bytes, 0);
}
