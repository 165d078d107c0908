import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { type Role, ROLES, type ServerName } from "../config.ts";
import { quote } from "../kinds/mod.ts";
import { servers } from "../kinds/servers.ts";
import type { Problems } from "../problems.ts";
import { ENTRIES, entryOf } from "../settings.ts";
import { nearest } from "../suggest.ts";
import {
  type Directive,
  entriesOfDirective,
  isClientDirective,
  isDirectiveOf,
  isOldDirective,
  KNOWN,
  SECONDARY,
  spellingOf,
  splitDirective,
  TYPE,
} from "./directives.ts";
import type { Document, Given } from "./mod.ts";
import { isForeign } from "./tell.ts";

/**
 * Reads a miredo.conf or miredo-server.conf. What Miredo's daemons run with is taken as they take
 * it; where they warn, or pass over something in silence, there is a notice.
 */
export function readMiredo(
  document: Document,
  role: Role,
  problems: Problems,
): readonly Given[] {
  const given: Given[] = [];
  const seen = new Map<string, number>();
  let secondary: Secondary | undefined;
  if (!isKnown(document)) {
    refuseUnknown(document, problems);
    return given;
  }
  for (const line of document.lines) {
    const directive = splitDirective(line.text);
    if (directive === undefined) continue;
    const origin = `${document.file}:${line.number}`;
    const name = spellingOf(directive.name) ?? directive.name;
    if (isOfOtherSyntax(line.text, directive, origin, problems)) continue;
    if (!isTaken(directive, name, role, origin, problems)) continue;
    const first = seen.get(name);
    if (first !== undefined) {
      const problem = `given twice, and the first in line ${first} counts; delete one of them`;
      problems.notice(origin, `${name}: ${problem}`);
      continue;
    }
    seen.set(name, line.number);
    if (role !== "client") given.push(...settingsOf(directive, name, role, origin));
    else if (name === TYPE) refuseOtherType(directive.value!, origin, problems);
    else if (name === SECONDARY) secondary = { text: directive.value!, origin };
    else given.push(...settingsOf(directive, name, role, origin));
  }
  if (secondary !== undefined) noticeSecondary(given, secondary, problems);
  return given;
}

interface Secondary {
  readonly text: string;
  readonly origin: string;
}

/** The values of `RelayType`, in lower case, that make Miredo a client. */
const CLIENT_TYPES: readonly string[] = ["client", "autoclient"];
const RELAY_TYPES: readonly string[] = ["relay", "cone", "restricted"];

/** A relay's file makes no client, whatever else is in it. */
function refuseOtherType(text: string, origin: string, problems: Problems): void {
  const type = text.toLowerCase();
  if (CLIENT_TYPES.includes(type)) return;
  const problem = RELAY_TYPES.includes(type)
    ? `${quote(text)} makes a relay; run \`teredo relay\`, or write \`client\` for a client`
    : `${quote(text)} is not a choice; write ${CLIENT_TYPES.join(", ")}`;
  problems.error(origin, `${TYPE}: ${problem}`);
}

/**
 * Says what becomes of the secondary address: nothing. Miredo's manual has it for a server whose addresses
 * are no neighbours, but Miredo reads it and asks the next address all the same, so that whatever stands
 * there has never been seen to be wrong: mostly another server, which answers for itself alone
 * (RFC 4380 §5.2.1).
 */
function noticeSecondary(
  given: readonly Given[],
  { text, origin }: Secondary,
  problems: Problems,
): void {
  const notice = (problem: string) => problems.notice(origin, `${SECONDARY}: ${problem}`);
  const primary = given.find(({ entry }) => entry.id === "client.servers");
  if (primary === undefined) {
    const mend = "write `ServerAddress` as well, or delete the line";
    return notice(`nothing without a primary address, ignored; ${mend}`);
  }
  const [server, other] = [primary.text, text].map(firstServerIn);
  // What is wrong with it is told in its own line.
  if (server === undefined) return;
  const taken = secondaryOf(server);
  if (other !== undefined && other.host === taken.host) return;
  const isTwo = other !== undefined && other.host !== server.host;
  const mend = isTwo ? `delete it${meantBy(server.host, other.host)}` : "delete it";
  const shown = quote(text);
  notice(`${shown} is ignored, as in Miredo, and the secondary address is ${taken.words}; ${mend}`);
}

/** @returns without `host` where that takes looking up */
function secondaryOf({ host, secondary }: ServerName): { words: string; host?: string } {
  // Which is more than Miredo can be told.
  if (secondary !== undefined) return { words: secondary, host: secondary };
  const address = parseIpv4(host);
  if (address === undefined) return { words: `the one after that of ${host}` };
  const next = formatIpv4(address + 1);
  return { words: `${next}, the next one`, host: next };
}

const meantBy = (host: string, other: string) =>
  ", or turn the file into a native one by `teredo config convert`, with " +
  `\`${host}/${other}\` in \`servers\` for one server or \`${host}, ${other}\` for two`;

function firstServerIn(text: string): ServerName | undefined {
  const read = servers.parse(text, "miredo");
  return "problem" in read ? undefined : read.value?.[0];
}

/** Whether a single directive is Miredo's. */
export function isKnown({ lines }: Document): boolean {
  return lines.some(({ text }) => spellingOf(splitDirective(text)?.name ?? "") !== undefined);
}

/** Miredo runs as a client on a file of which it understands nothing; a relay would serve anyone. */
function refuseUnknown({ file, lines }: Document, problems: Problems): void {
  for (const { text, number } of lines) {
    const name = splitDirective(text)?.name;
    if (name === undefined) continue;
    const meant = nearest(name, KNOWN);
    const key = ENTRIES.find((entry) => entry.key === name);
    const mend = key === undefined
      ? meant && `did you mean \`${meant}\`?`
      : `write \`${key.key} = VALUE\` below [${key.section}]`;
    if (mend === undefined) continue;
    problems.error(`${file}:${number}`, `${printable(name)}: unknown directive; ${mend}`);
  }
  problems.error(
    file,
    "no setting of teredo or Miredo in it; write some as teredo.ini(5) has them, or name another file",
  );
}

/**
 * Whether the line is written for another program or in our native syntax. Miredo passes over such a
 * line with a warning, but whoever wrote it relies on what it says.
 */
function isOfOtherSyntax(
  text: string,
  { name, value, rest }: Directive,
  origin: string,
  problems: Problems,
): boolean {
  const directive = spellingOf(name);
  const key = ENTRIES.find((entry) => entry.key === name.toLowerCase())?.key;
  if (directive !== undefined) {
    if (value?.startsWith("=") !== true) return false;
    const wanted = [value.slice(1), rest].join(" ").trim() || "VALUE";
    const problem = `\`=\` has no place here; write \`${directive} ${quote(wanted).slice(1, -1)}\``;
    problems.error(origin, `${directive}: ${problem}`);
  } else if (key !== undefined) {
    problems.error(
      origin,
      `${name}: a key of the native syntax; delete it, turn the file into a native one by ` +
        `\`teredo config convert\`, and write \`${key} = VALUE\` there`,
    );
  } else if (isForeign(text)) {
    const problem = "not `Directive value`, as Miredo's files are written; delete it";
    problems.error(origin, `${quote(text.trim())}: ${problem}`);
  } else return false;
  return true;
}

/** Whether the line sets something; what Miredo would pass over is named. */
function isTaken(
  directive: Directive,
  name: string,
  role: Role,
  origin: string,
  problems: Problems,
): boolean {
  const notice = (problem: string) => problems.notice(origin, `${printable(name)}: ${problem}`);
  if (!isDirectiveOf(name, role)) {
    notice(whyNot(name, role));
    return false;
  }
  if (directive.value === undefined) {
    notice("has no value and is ignored; write one, or delete the line");
    return false;
  }
  if (directive.value.startsWith("#")) {
    notice(
      `${quote(directive.value)} is taken as the value, not as a comment; write a value first`,
    );
  }
  if (directive.rest !== "" && !directive.rest.startsWith("#")) {
    notice(
      `${quote(directive.rest)} behind the value is ignored; delete it, or put \`#\` before it`,
    );
  }
  return true;
}

function whyNot(name: string, role: Role): string {
  if (role === "client" && isClientDirective(name)) {
    return "of no Miredo that was released, ignored; see `local_discovery` of the native syntax";
  }
  if (isClientDirective(name)) return "is for Teredo clients and ignored here; delete it";
  if (isOldDirective(name)) return "of old versions of Miredo, ignored; delete it";
  const other = ROLES.find((it) => isDirectiveOf(name, it));
  if (other !== undefined) return `is for the ${other} and ignored by the ${role}; delete it`;
  const meant = nearest(name, KNOWN);
  const mend = meant === undefined ? "delete it" : `did you mean \`${meant}\`?`;
  return `unknown directive, ignored; ${mend}`;
}

function printable(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : quote(name);
}

function settingsOf(directive: Directive, name: string, role: Role, origin: string): Given[] {
  const text = directive.value!;
  const given = entriesOfDirective(name, role).map((entry): Given => (
    { entry, text, name, origin, syntax: "miredo" }
  ));
  if (name === "SyslogFacility") {
    // Miredo always logs to syslog; who names a facility expects to find messages there.
    given.push({ entry: entryOf("log.target"), text: "syslog", name, origin, syntax: "miredo" });
  }
  return given;
}
