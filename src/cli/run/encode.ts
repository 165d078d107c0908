import { formatIpv6, IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  CONE_FLAG,
  SERVICE_PREFIX,
  toBytes,
  writeLinkLocal,
} from "#src/protocol/wire/teredo_address.ts";
import type { Context } from "../context.ts";
import { ipv4Notes } from "../decode.ts";
import { UsageError } from "../exit.ts";
import { shown } from "../shared_flags.ts";
import { writeJson } from "../json.ts";

export interface EncodeFlags {
  readonly server: number;
  readonly address: number;
  readonly port: number;
  readonly cone?: boolean;
  readonly flags?: number;
  readonly prefix?: number;
  readonly json?: boolean;
}

/** `teredo encode`: the Teredo address of a client behind this mapping. */
export default function runEncode(this: Context, given: EncodeFlags): void {
  const { stdout, stderr } = this.process;
  const flags = (given.flags ?? 0) | (given.cone ? CONE_FLAG : 0);
  const address = formatIpv6(toBytes({
    prefix: given.prefix ?? SERVICE_PREFIX,
    serverAddress: given.server,
    flags,
    mappedAddress: given.address,
    mappedPort: given.port,
  }));
  const notes = [...ipv4Notes("server", given.server), ...ipv4Notes("mapped", given.address)];
  if (!given.json) {
    for (const note of notes) stderr.write(`note: ${note}\n`);
    return stdout.write(`${address}\n`);
  }
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeLinkLocal(bytes, 0, flags, given.address, given.port);
  writeJson(stdout, { address, link_local: formatIpv6(bytes), notes });
}

/** @throws UsageError */
export function parseAddress(text: string): number {
  const address = parseIpv4(text);
  if (address === undefined) throw new UsageError(`${shown(text)} is not an IPv4 address`);
  return address;
}

/** A number of 16 bits, decimal or with 0x. @throws UsageError */
export function parseU16(text: string): number {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : NaN;
  if (!(value <= 0xffff)) throw new UsageError(`${shown(text)} is not a number from 0 to 65535`);
  return value;
}
