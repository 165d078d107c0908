/**
 * Writes the documents that are made from the schema and from the definitions of the commands, and
 * the tables in others that are made from the words of metrics, drop reasons and log messages:
 *
 *     bun scripts/docs.ts     (or: deno run -A scripts/docs.ts)
 *
 * A test fails while a committed one differs from what this would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT_ROWS } from "#src/cli/exit.ts";
import { searchPlaces } from "#src/config/files.ts";
import { sampleText, wrap } from "#src/config/sample.ts";
import { SECTION_DOCS } from "#src/config/schema/mod.ts";
import { ENTRIES, type Entry, type Section, SECTIONS } from "#src/config/settings.ts";
import { REASONS } from "#src/datapath/linux/fast_path/reasons.ts";
import { SERVER_REASONS } from "#src/datapath/linux/fast_path/server/reasons.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { daemonCalls, helperCalls } from "#src/daemon/sandbox/linux/calls.ts";
import { MESSAGES } from "#src/log/messages.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";
import { METRIC_HELP } from "#src/status/metric_help.ts";
import { HOSTS } from "#test/kernel/bsd/hosts.ts";
import { STATEMENTS } from "#test/kernel/bsd/manual/statements.ts";
import { EXPLAINED } from "#test/mutation/explained.ts";
import { dashboard } from "./dashboard.ts";
import { LOCKED, rowsOf, sizeRows } from "./dependencies.ts";
import { manPage } from "./man.ts";
import { commandPages } from "./man_commands.ts";

/** Of the formatter, deno.json. */
const WIDTH = 100;

/** Each document's text, by its path. */
export function documents(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/configuration.md", reference()],
    ["docs/examples/teredo.ini", sampleText()],
    ["docs/man/teredo.ini.5", manPage()],
    withTables("docs/metrics.md", {
      "src/status/metric_help.ts": metrics(),
      "src/status/drop_help.ts": drops(),
    }),
    withTables("docs/logging.md", { "src/log/messages": messages() }),
    withTables("docs/fast-path.md", {
      "src/datapath/linux/fast_path/reasons.ts": leftAlone(REASONS),
      "src/datapath/linux/fast_path/server/reasons.ts": leftAlone(SERVER_REASONS),
    }),
    withTables("docs/dependencies.md", {
      "package.json and scripts/dependencies.json": dependencies(["bun", ...LOCKED.dependencies]),
      "the sizes in scripts/dependencies.json": table(sizeRows()),
      "their devDependencies": dependencies(
        LOCKED.devDependencies.filter((name) => name !== "bun"),
      ),
    }),
    withTables("docs/bsd-kernels.md", { "test/kernel/bsd/manual": promises() }),
    withTables("docs/mutation.md", {
      "the sizes and times in test/mutation/explained.ts": explained(true),
      "the rest of test/mutation/explained.ts": explained(false),
    }),
    withTables("docs/security.md", { "src/daemon/sandbox/linux/calls.ts": systemCalls() }),
    ["docs/examples/grafana/teredo.json", dashboard()],
    ...commandPages(),
  ]);
}

const introduction = (): string =>
  `# Configuration

<!-- Made from src/config/schema/mod.ts by scripts/docs.ts: change it there. -->

One file can hold the settings of relay and server. Every setting has a default; a relay needs no
file at all, a server needs its address. [examples/teredo.ini](examples/teredo.ini) is a file with
every setting and its default.

## Where it is looked for

\`-c FILE\` names the file. Without it the first of these is read:

${places()}
The last three are Miredo's own files, read as they are: see [migrating.md](migrating.md). Which
syntax a file has is told by its content: a \`[section]\` makes it native, and so do lines
\`key = value\` that outnumber Miredo's directives. A file in which nothing is known, or which is
empty, is refused, so that no accident makes a relay that serves anyone; \`[relay]\` alone gives the
defaults. So is a file that is only for the other daemon, or for a Teredo client.

## The native syntax

\`\`\`ini
# A comment; so is everything behind a blank and "#" or ";".
[relay]
bind_address = 198.51.100.50
hold_age = 8s
pid_file = "/run/a file # with signs"

[log]
level = debug
\`\`\`

- Each section and each key stands once. Keys are written in small letters.
- A value that starts with \`"\`, \`#\` or \`;\`, or has a blank before one of the latter, stands between
  double quotes; \`""\` among them is one \`"\`.
- A duration has its unit: \`500ms\`, \`2s\`, \`5min\` or \`5m\`, \`1h\`; 0 needs none. A size may: \`10240\`,
  \`10KiB\`, \`16MiB\`, \`1GiB\`.
- A boolean is \`yes\` or \`no\` (also \`true\`, \`false\`, \`on\`, \`off\`).
- Addresses are written in full; host names are not looked up.
- The file is UTF-8 of at most 1 MiB, with lines of at most 1054 characters.

Flags on the command line win over the file; each setting has one. Anything that is not understood
keeps the daemon from starting (exit status 78), with every problem named by file and line:

\`\`\`text
teredo.ini:2: bindport: unknown key; did you mean \`bind_port\`?
teredo.ini:3: hold_age: \`2\` is not a duration; write e.g. 500ms, 2s, 5min or 1h
\`\`\`

\`teredo config check FILE...\` tells the same without starting anything, \`teredo config show FILE\`
prints the settings in effect with the line that each comes from, and \`teredo config convert FILE\`
turns a Miredo file into the native syntax. \`-\` is standard input; without a file the first two look
where the daemons look.

\`teredo reload\` and SIGHUP have a daemon that runs take its file as it is then, without losing a
client or a packet: see [reload.md](reload.md). Each setting below says whether it is taken so, or
needs a restart.
`;

function reference(): string {
  return `${introduction()}${SECTIONS.map(sectionText).join("")}${exitStatus()}`;
}

function exitStatus(): string {
  const rows = EXIT_ROWS.map(([code, meaning]) => [String(code), meaning]);
  return `\n## Exit status\n\nOf every command.\n\n${table([["status", "meaning"], ...rows])}`;
}

function places(): string {
  const [relay, server] = [searchPlaces("relay"), searchPlaces("server")];
  const rows = relay.map((place, i) => [`\`${place}\``, `\`${server[i]}\``]);
  return table([["relay", "server"], ...rows]);
}

function sectionText(section: Section): string {
  const entries = ENTRIES.filter((entry) => entry.section === section);
  const rows = entries.map((entry) => [
    `[\`${entry.key}\`](#${section}-${entry.key})`,
    defaultOf(entry),
    entry.miredo === undefined ? "" : `\`${entry.miredo}\``,
  ]);
  const overview = table([["key", "default", "Miredo"], ...rows]);
  const head = `\n## [${section}]\n\n${SECTION_DOCS[section]}\n\n${overview}`;
  return head + entries.map(entryText).join("");
}

function entryText(entry: Entry): string {
  const { kind, miredo, miredoExtension, section, key } = entry;
  const extension = miredoExtension ? " (ours: Miredo ignores it with a warning)" : "";
  const facts = [
    `Type: ${kind.name}, ${kind.range}`,
    ...(kind.unit === undefined ? [] : [`Unit: ${kind.unit}`]),
    `Default: ${defaultOf(entry)}`,
    ...(miredo === undefined ? [] : [`Miredo: \`${miredo}\`${extension}`]),
    `Flag: \`${entry.flag}\``,
    entry.reload === "yes" ? "Taken at a reload" : "Needs a restart",
  ];
  const paragraphs = entry.doc.split("\n\n").map((text) => wrap(text, WIDTH).join("\n"));
  const list = facts.map((fact) => `- ${wrap(fact, WIDTH - 2).join("\n  ")}\n`).join("");
  return `\n### [${section}] ${key}\n\n${paragraphs.join("\n\n")}\n\n${list}`;
}

function defaultOf(entry: Entry): string {
  if (entry.defaultText !== undefined) return entry.defaultText;
  return entry.default === undefined ? "not set" : `\`${entry.kind.format(entry.default)}\``;
}

/** A document written by hand, with the tables in it made anew. @param tables by their source */
function withTables(path: string, tables: Readonly<Record<string, string>>): [string, string] {
  let text = readFileSync(path, "utf8");
  for (const [source, made] of Object.entries(tables)) {
    const start = `<!-- Made from ${source} by scripts/docs.ts: change it there. -->\n\n`;
    const from = text.indexOf(start) + start.length;
    const to = text.indexOf("\n<!-- Until here. -->", from);
    if (from < start.length || to < 0) throw new Error(`${path}: no place for ${source}`);
    text = text.slice(0, from) + made + text.slice(to);
  }
  return [path, text];
}

function metrics(): string {
  const rows = Object.entries(METRIC_HELP).map(([name, { type, unit, help, look = "" }]) => [
    `\`${name}\``,
    type,
    unit,
    help,
    look,
  ]);
  return table([["metric", "type", "unit", "meaning", "what to look into"], ...rows]);
}

function drops(): string {
  const rows = Object.entries(DROP_HELP).map(([name, { because, cause, mend = "" }]) => [
    `\`${name}\``,
    because,
    cause,
    mend,
  ]);
  return table([["reason", "discarded because", "which comes from", "what to do"], ...rows]);
}

function leftAlone(reasons: Readonly<Record<string, string>>): string {
  const rows = Object.entries(reasons).map(([name, meaning]) => [`\`${name}\``, meaning]);
  return table([["reason", "a packet"], ...rows]);
}

function explained(isChosen: boolean): string {
  const quoted = (code: string) => `\`${code.replaceAll("|", "\\|")}\``;
  const rows = EXPLAINED.filter((one) => one.isChosen === isChosen).map((
    { path, code, was, text, why },
  ) => [
    quoted(path.slice("src/".length)),
    quoted(code),
    `${quoted(was)} → ${quoted(text)}`,
    why,
  ]);
  const why = isChosen ? "what it chooses" : "why nobody sees it";
  return table([["file", "line", "change", why], ...rows]);
}

function promises(): string {
  const rows = STATEMENTS.map(({ page, says, hosts, source }) => [
    page,
    says,
    hosts.length === HOSTS.length ? "all" : hosts.join(", "),
    source,
  ]);
  return table([["of", "statement", "systems", "says so"], ...rows]);
}

function dependencies(names: readonly string[]): string {
  return table(rowsOf(names));
}

/** Of both processes that have a sandbox, without `user` where that makes a difference. */
function systemCalls(): string {
  const daemon = daemonCalls({ pid: 0, helpers: [1], remakes: true, reprograms: true });
  const helper = helperCalls({ pid: 0 });
  const plain = [{ what: "each packet, and each turn of a loop", calls: daemon.first }]
    .concat(daemon.groups)
    .map(({ what, calls }) => {
      const both = helper.groups.find((it) => it.what === what);
      const own = what.startsWith("each") ? helper.first : both?.calls ?? "";
      return [codes(calls), what, own === calls ? "as the daemon" : own === "" ? "-" : codes(own)];
    });
  const argued = daemon.argued.map(({ call, only, tried, errno: last }) => {
    const errno = tried?.errno ?? last;
    const own = helper.argued.find((it) => it.call === call);
    const more = errno === undefined
      ? ""
      : `; else ${last === undefined ? "of these families " : ""}\`${errnoSymbol(errno)}\``;
    const helpers = own === undefined
      ? "-"
      : own.only === only
      ? "as the daemon"
      : `only: ${own.only}`;
    return [codes(call), `only: ${only}${more}`, helpers];
  });
  const answered = daemon.answered.map(({ call, errno, why }) => [
    codes(call),
    `\`${errnoSymbol(errno)}\`: ${why}`,
    "as the daemon",
  ]);
  return table([["calls", "a daemon's, for", "the helper's"], ...plain, ...argued, ...answered]);
}

const codes = (names: string) => names.split(" ").map((name) => `\`${name}\``).join(" ");

const errnoSymbol = (errno: number) => LINUX.errors.get(errno)?.[0] ?? String(errno);

function messages(): string {
  const rows = Object.entries(MESSAGES).map(([name, { levels, fields, meaning, mend = "" }]) => [
    `\`${name}\``,
    levels.join(", "),
    fields.map((field) => `\`${field}\``).join(", "),
    meaning,
    mend,
  ]);
  return table([["message", "level", "fields", "meaning", "what to do"], ...rows]);
}

/** A Markdown table with columns of even width, as the formatter wants it. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |\n`;
  const [head = [], ...body] = rows;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + body.map(line).join("");
}

if (import.meta.main) {
  for (const [path, text] of documents()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
