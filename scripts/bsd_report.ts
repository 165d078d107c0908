/**
 * Writes the parts of `scripts/bsd-report` that are made from the source:
 *
 *     bun scripts/bsd_report.ts     (or: deno run -A scripts/bsd_report.ts)
 *
 * The layouts that every kernel is expected to have, the symbols of each libc, and the packets that
 * the report sends. A test fails while the script differs from what this would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { DRAGONFLY } from "#ffi/bsd/dragonfly.ts";
import { FREEBSD } from "#ffi/bsd/freebsd.ts";
import { NETBSD } from "#ffi/bsd/netbsd.ts";
import { OPENBSD } from "#ffi/bsd/openbsd.ts";
import { type Layout, NONE } from "#ffi/layout.ts";
import { symbolsOf } from "#ffi/libc.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { platformOf } from "#ffi/platform.ts";
import * as posix from "#ffi/posix.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import {
  ICMPV6_ECHO_REQUEST,
  writeBubble,
  writeRouterSolicitation,
} from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_ICMPV6,
  parseIpv6,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";
import { expressionOf } from "#test/runtime/layout_table.ts";

export const REPORT = "scripts/bsd-report";

/** In the order of the columns of the table. */
const LAYOUTS: readonly Layout[] = [LINUX, FREEBSD, OPENBSD, NETBSD, DRAGONFLY];
const PLATFORMS = ["linux", "freebsd", "openbsd", "netbsd", "dragonfly"];
const LACKING = "-";

/** C expressions of what has no name of its own there; undefined: none that all systems have. */
const EXPRESSIONS: Readonly<Record<string, string | undefined>> = {
  ICMP6_FILTER_BLOCK: "filter_that_blocks()",
  CMSG_ALIGNMENT: "CMSG_SPACE(1) - CMSG_SPACE(0)",
  RT_ROUNDUP: undefined,
};

/** The script with its made parts as they should be. */
export function reportScript(script: string): string {
  return Object.entries({ layouts: layoutRows(), symbols: symbolRows(), packets: packetRows() })
    .reduce((text, [name, rows]) => replacePart(text, name, rows), script);
}

function replacePart(script: string, name: string, rows: readonly string[]): string {
  const part = new RegExp(`^( *)(# BEGIN ${name}.*\n)[^]*?(^ *# END ${name}$)`, "m");
  if (!part.test(script)) throw new Error(`${REPORT} has no part "${name}"`);
  return script.replace(part, (_whole, indent: string, begin: string, end: string) => {
    return `${indent}${begin}${rows.map((row) => `${indent}${row}\n`).join("")}${end}`;
  });
}

/** `EXPRESSION;VALUE` where all have one value, else `EXPRESSION;` and a value for each. */
function layoutRows(): string[] {
  const rows: string[] = [];
  const add = (expression: string, values: readonly (number | undefined)[]) => {
    const texts = values.map((value) => value === undefined ? LACKING : String(value));
    const same = texts.every((text) => text === texts[0]);
    rows.push([expression, ...(same ? texts.slice(0, 1) : texts)].join(";"));
  };
  for (const [name, value] of Object.entries(posix)) add(expressionOf(name), [value]);
  const names = new Set(LAYOUTS.flatMap((layout) => Object.keys(layout)));
  for (const name of names) {
    const values = LAYOUTS.map((layout, i) => numberOf(layout, PLATFORMS[i]!, name));
    if (values.every((value) => value === undefined)) continue;
    const expression = name in EXPRESSIONS ? EXPRESSIONS[name] : expressionOf(name);
    if (expression !== undefined) add(expression, values);
  }
  add("offsetof(struct sockaddr, sa_family)", LAYOUTS.map((it) => it.hasSockaddrLength ? 1 : 0));
  const local = (pick: (layout: Layout) => number) =>
    LAYOUTS.map((layout) => layout === LINUX ? undefined : pick(layout));
  add("IP_RECVDSTADDR", local((it) => it.localAddress.option));
  add("IP_SENDSRCADDR", local((it) => it.localAddress.sentType));
  for (const [symbol, numbers] of errors()) add(symbol, numbers);
  return rows;
}

/** The value of a name that is a number of this system; undefined: it has no such thing. */
function numberOf(layout: Layout, platform: string, name: string): number | undefined {
  const { missing } = platformOf(platform, "x64").names;
  if (name.includes("MMSGHDR") && missing.includes("recvmmsg")) return undefined;
  const value: unknown = (layout as unknown as Record<string, unknown>)[name];
  return typeof value === "number" && value !== NONE ? value : undefined;
}

/** By symbol, those that are not the same on all; those that are, are in `posix.ts`. */
function errors(): Map<string, (number | undefined)[]> {
  const all = new Map<string, (number | undefined)[]>();
  LAYOUTS.forEach((layout, column) => {
    for (const [number, [symbol]] of layout.errors) {
      if (symbol in posix || symbol in layout) continue;
      const numbers = all.get(symbol) ?? LAYOUTS.map(() => undefined);
      numbers[column] = number;
      all.set(symbol, numbers);
    }
  });
  return all;
}

/** Cases of a shell's `case`: what the linker has to find. */
function symbolRows(): string[] {
  const systems: Readonly<Record<string, string>> = {
    linux: "Linux",
    freebsd: "FreeBSD",
    openbsd: "OpenBSD",
    netbsd: "NetBSD",
    dragonfly: "DragonFly",
  };
  return PLATFORMS.map((platform) => {
    const { names } = platformOf(platform, "x64");
    const symbols = [...symbolsOf(names).map(({ symbol }) => symbol), names.errnoLocation];
    return `${systems[platform]}) echo ${symbols.join(" ")} ;;`;
  });
}

// --- Packets: addresses are those at the top of the script ---

const HOST = parseIpv6("2001:db8:7::1")!;
/** Of server 198.51.100.1, seen as 198.51.100.7 port 40000. */
const CLIENT = parseIpv6("2001:0:c633:6401:0:63bf:39cc:9bf8")!;
const CLIENT_LINK_LOCAL = parseIpv6("fe80::ffff:ffff:ffff")!;
/** What the report looks for in what comes back. */
const PAYLOAD = "teredo-bsd-report";
const HOP_LIMIT = 64;

function packetRows(): string[] {
  const functions = {
    bubble: bubble(),
    echo_request: echoRequest(),
    router_solicitation: routerSolicitation(),
  };
  return Object.entries(functions).map(([name, bytes]) =>
    `${name}() { printf '${octal(bytes)}'; }`
  );
}

const octal = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");

function bubble(): Uint8Array {
  const b = new Uint8Array(256);
  return b.slice(0, writeBubble(b, 0, CLIENT, 0, HOST, 0));
}

function routerSolicitation(): Uint8Array {
  const b = new Uint8Array(256);
  return b.slice(0, writeRouterSolicitation(b, 0, CLIENT_LINK_LOCAL, 0));
}

/** ICMPv6 type, code, checksum, identifier, sequence number, data. RFC 4443 §4.1 */
function echoRequest(): Uint8Array {
  const data = new TextEncoder().encode(PAYLOAD);
  const length = 8 + data.length;
  const b = new Uint8Array(IPV6_HEADER_LENGTH + length);
  writeIpv6Header(b, 0, length, NEXT_HEADER_ICMPV6, HOP_LIMIT);
  b.set(CLIENT, SOURCE_AT);
  b.set(HOST, DESTINATION_AT);
  b[IPV6_HEADER_LENGTH] = ICMPV6_ECHO_REQUEST;
  writeU16(b, IPV6_HEADER_LENGTH + 4, 0x7e7e);
  writeU16(b, IPV6_HEADER_LENGTH + 6, 1);
  b.set(data, IPV6_HEADER_LENGTH + 8);
  writeU16(b, IPV6_HEADER_LENGTH + 2, payloadChecksum(b, 0));
  return b;
}

if (import.meta.main) writeFileSync(REPORT, reportScript(readFileSync(REPORT, "utf8")));
