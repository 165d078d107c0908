import { shown } from "./shared_flags.ts";
import { formatIpv4, isGlobalUnicast, isLaterReserved } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, formatIpv6Prefix, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  CONE_FLAG,
  RANDOM_FLAGS,
  readTeredoAddress,
  servicePrefixOf,
} from "#src/protocol/wire/teredo_address.ts";

/** Reserved bit `z` after the cone bit. RFC 4380 §4 */
const RESERVED_FLAG = 0x4000;
/** Universal/local and individual/group bits of an interface identifier. RFC 4291 §2.5.1 */
const UNIVERSAL_FLAG = 0x0200;
const GROUP_FLAG = 0x0100;

/** The parts of a Teredo address, as `teredo decode` shows them and prints them with `--json`. */
export interface Decoded {
  readonly address: string;
  /** `2001::/32` */
  readonly prefix: string;
  readonly server_address: string;
  /** Four hexadecimal digits. */
  readonly flags: string;
  readonly cone: boolean;
  /** The 12 bits drawn at random, in place. RFC 5991 §3.1 */
  readonly random_flags: string;
  readonly mapped_address: string;
  readonly mapped_port: number;
  /** What makes the address odd, or refused by others. */
  readonly notes: readonly string[];
}

/** @param prefix upper 32 bits that a Teredo address must have @returns what is wrong, or the parts */
export function decode(text: string, prefix: number): Decoded | string {
  const bytes = parseIpv6(text);
  if (bytes === undefined) return `${shown(text)} is not an IPv6 address`;
  const parts = readTeredoAddress(bytes);
  if (parts.prefix !== prefix) {
    return `${text} is not a Teredo address: it is not in ${prefixText(prefix)}`;
  }
  return {
    address: formatIpv6(bytes),
    prefix: prefixText(parts.prefix),
    server_address: formatIpv4(parts.serverAddress),
    flags: hex(parts.flags),
    cone: (parts.flags & CONE_FLAG) !== 0,
    random_flags: hex(parts.flags & RANDOM_FLAGS),
    mapped_address: formatIpv4(parts.mappedAddress),
    mapped_port: parts.mappedPort,
    notes: [
      ...ipv4Notes("server", parts.serverAddress),
      ...flagNotes(parts.flags),
      ...ipv4Notes("mapped", parts.mappedAddress),
      ...(parts.mappedPort === 0 ? ["mapped port 0 cannot be written to"] : []),
    ],
  };
}

export function ipv4Notes(which: "server" | "mapped", address: number): string[] {
  if (!isGlobalUnicast(address, false)) {
    return [
      `${which} address is not global unicast: packets are discarded (RFC 4380 section 5.2.4)`,
    ];
  }
  return isLaterReserved(address) ? [`${which} address is in a range reserved after RFC 4380`] : [];
}

export function flagNotes(flags: number): string[] {
  const notes: string[] = [];
  if (flags & CONE_FLAG) notes.push("cone bit is set: clients since RFC 5991 leave it 0");
  if (flags & RESERVED_FLAG) notes.push("reserved flag 0x4000 is set");
  if (flags & UNIVERSAL_FLAG) notes.push("universal bit 0x0200 is set, which must be 0");
  if (flags & GROUP_FLAG) notes.push("group bit 0x0100 is set, which must be 0");
  if ((flags & RANDOM_FLAGS) === 0) notes.push("no random flag bits: a client older than RFC 5991");
  return notes;
}

/** Lines for people; `notes` last. */
export function formatDecoded(decoded: Decoded): string {
  const kind = decoded.cone ? "cone" : "not cone";
  return [
    decoded.address,
    `  prefix          ${decoded.prefix}`,
    `  server address  ${decoded.server_address}`,
    `  flags           ${decoded.flags} (${kind}, random bits ${decoded.random_flags})`,
    `  mapped address  ${decoded.mapped_address}`,
    `  mapped port     ${decoded.mapped_port}`,
    ...decoded.notes.map((note) => `  note            ${note}`),
    "",
  ].join("\n");
}

function hex(flags: number): string {
  return `0x${flags.toString(16).padStart(4, "0")}`;
}

function prefixText(prefix: number): string {
  return formatIpv6Prefix(servicePrefixOf(prefix));
}
