import assert from "node:assert/strict";
import type { Application } from "@stricli/core";
import { buildApp } from "#src/cli/app.ts";
import { runCommandLine } from "#src/cli/command_line.ts";
import type { Context } from "#src/cli/context.ts";
import { overridesOf } from "#src/cli/daemon_flags.ts";
import { EXIT } from "#src/cli/exit.ts";
import type { Output } from "#src/cli/output.ts";
import { clientOverrides, serverOverrides } from "#src/cli/run/daemon.ts";
import type { Role } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { APART } from "#src/daemon/client/apart/words.ts";
import { ERRANDS } from "#src/daemon/client/errands/words.ts";
import { UPKEEP } from "#src/daemon/upkeep/words.ts";
import { memoryFiles } from "#test/config/memory_files.ts";
import type { Prng } from "#test/sim/prng.ts";
import type { Target } from "../engine/target.ts";
import { mutateParts } from "../inputs/lines.ts";
import { anyValue } from "../inputs/settings.ts";

const SEPARATOR = "\0";
/** Longest that a help is. */
const MOST_OUTPUT = 262_144;

/** Words of a command line. What would reach out of this process is parsed, and not done. */
export const target: Target = {
  name: "command_line",
  unit: 1,
  most: 512,
  seeds: () => SEEDS.map((words) => new TextEncoder().encode(words.join(SEPARATOR))),
  mutate: (input, random) => mutateParts(input, random, SEPARATOR, anyWord),
  open: () => {
    disarm();
    return check;
  },
};

const COMMANDS = [
  "relay",
  "server",
  "client",
  "check",
  "config",
  "reload",
  "announce",
  "status",
  "top",
]
  .concat(["peers", "why", "record", "drain", "undrain", "log", "decode", "encode", "explain"])
  .concat([
    "probe",
    "netcheck",
    "demo",
    "completion",
    "version",
    "help",
    "--help",
    "--version",
    "__complete",
  ]);
const SEEDS = [
  ...COMMANDS.map((name) => [name]),
  ...COMMANDS.map((name) => [name, "--help"]),
  ["relay", "-c", "c", "--bind-port", "1"],
  ["server", "198.51.100.1", "--log-level=debug"],
  ["relay", "--refuse-reserved"],
  ["client", "a.example", "192.0.2.1/192.0.2.2", "--extensions", "none"],
  ["config", "check", "c"],
  ["config", "show", "c", "--json"],
  ["decode", "2001:0:c633:6401:0:63bf:34ff:8ef8", "--json"],
  ["encode", "--server", "1.2.3.4", "--address", "5.6.7.8", "--port", "9", "--cone"],
  ["explain", "teredo_drops_total", "hold_full"],
  ["completion", "bash"],
  ["announce", "bird"],
  ["why", "2001:0:c633:6401:0:63bf:34ff:8ef8"],
  ["probe", "192.0.2.1", "--ping", "2001:db8::1", "--count", "3", "--interval", "2s"],
  ["netcheck", "192.0.2.1/192.0.2.2", "--ping", "h", "--stun", "s:3478", "--time=5m"],
  ["record", "relay", "--last", "10s"],
  ["log", "relay", "debug", "--for", "5m"],
];
const WORDS = ["--", "-", "-c", "-h", "-V", "-p", "-u", "-t", "-f", "--json", "--role", "--url"]
  .concat(["--watch", "--no-json", "--json=no", "--=", "--__proto__", "--constructor=1", "c"])
  .concat([
    "relay",
    "server",
    "client",
    "check",
    "show",
    "convert",
    "bird",
    "frr",
    "openbgpd",
    "exabgp",
  ])
  .concat(["bash", "zsh", "fish", "debug", "\u00e9", "a b", "", "--config=c", "--pidfile", "-cc"])
  .concat(["2001:0:c633:6401:0:63bf:34ff:8ef8", "2001::/32", "::1", "1.2.3.4", "0xffff", "1e9"]);

function anyWord(random: Prng): string {
  const entry = random.pick(ENTRIES);
  switch (random.below(6)) {
    case 0:
      return random.pick(COMMANDS);
    case 1:
      return `${entry.flag}=${anyValue(entry, random)}`;
    case 2:
      return entry.flag;
    case 3:
      return anyValue(entry, random);
    default:
      return random.pick(WORDS);
  }
}

type Command = { loader: unknown; kind: unknown };
type Entry = { readonly target: object; readonly name: Readonly<Record<string, string>> };
/** They read, compute and print. */
const HARMLESS = ["decode", "encode", "explain", "completion", "version", "announce", "config"];

/** In the place of all that opens sockets, makes interfaces or asks daemons, what it does first. */
function disarm(): void {
  const { root } = buildApp("0") as Application<Context> & {
    root: { getAllEntries(): readonly Entry[] };
  };
  for (const { name, target } of root.getAllEntries()) disarmOne(Object.values(name)[0]!, target);
}

function disarmOne(name: string, target: object): void {
  if (HARMLESS.includes(name)) return;
  if ("getAllEntries" in target) {
    const { getAllEntries } = target as { getAllEntries(): readonly Entry[] };
    for (const inner of getAllEntries()) disarmOne(name, inner.target);
    return;
  }
  const first = name === "relay"
    ? (flags: Flags) => void configure("relay", overridesOf("relay", flags))
    : name === "server"
    ? (flags: Flags, at?: string) => void configure("server", serverOverrides(flags, at))
    : name === "client"
    ? (flags: Flags, ...servers: string[]) =>
      void configure("client", clientOverrides(flags, servers))
    : () => {};
  (target as Command).loader = () => Promise.resolve(first);
}

type Flags = Readonly<Record<string, string | undefined>>;

const LEAST: Readonly<Record<Role, string>> = {
  relay: "[relay]\nbind_address = 198.51.100.1\n",
  server: "[server]\nbind_address = 198.51.100.1\n",
  client: "[client]\nservers = 192.0.2.1\n",
};

function configure(role: Role, overrides: Record<string, string>): void {
  const readFile = memoryFiles({ c: LEAST[role] });
  loadConfig(role, { path: "c", overrides, readFile });
}

class Paper implements Output {
  text = "";
  readonly isTerminal = false;
  readonly isClosed = false;
  write(text: string): void {
    this.text += text;
  }
  writeBytes(bytes: Uint8Array): void {
    this.text += new TextDecoder().decode(bytes);
  }
  getColorDepth(): number {
    return 1;
  }
}

const STATUSES: readonly number[] = Object.values(EXIT);

const OWN: readonly string[] = [UPKEEP, ERRANDS, APART];

async function check(input: Uint8Array): Promise<void> {
  const words = input.length === 0 ? [] : new TextDecoder().decode(input).split(SEPARATOR);
  // Processes of their own, with descriptors that they are handed.
  if (OWN.includes(words[0] ?? "")) return;
  const [out, err] = [new Paper(), new Paper()];
  const status = await runCommandLine(words, (fd) => fd === 1 ? out : err);
  assert.ok(STATUSES.includes(status), `exit status ${status}`);
  // A fault of ours would be told as an error of the runtime's.
  assert.doesNotMatch(err.text, /\b(Type|Range|Reference|Syntax|Assertion)Error\b|\n {4}at /);
  assert.ok(out.text.length + err.text.length < MOST_OUTPUT);
  if (status === EXIT.Usage) {
    assert.notEqual(err.text, "", "a wrong command line, and not a word");
    // Some addresses may be right beside one that is wrong.
    if (words[0] !== "decode") assert.equal(out.text, "");
  }
  if (status === EXIT.Ok) assert.doesNotMatch(err.text, /^teredo: /);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(err.text, /[\0-\x08\x0b-\x1f\x7f]/, "a terminal would obey");
}
