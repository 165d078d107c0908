import assert from "node:assert/strict";
import type { ReadFile } from "#src/config/files.ts";
import { type Role, ROLES } from "#src/config/config.ts";
import { checkFile, convertFile } from "#src/config/inspect.ts";
import { loadConfig, type LoadedConfig } from "#src/config/load.ts";
import { sampleText } from "#src/config/sample.ts";
import { showJson, showText } from "#src/config/show.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { ConfigError } from "#src/errors.ts";
import type { Target } from "../engine/target.ts";
import { mutateParts } from "../inputs/lines.ts";
import { anyLine } from "../inputs/settings.ts";

const FILE = "c";
const encoder = new TextEncoder();
/** Of those that a configuration may name, beside it. */
const OTHERS: Readonly<Record<string, string>> = {
  secrets: "alice 0123456789abcdef\n",
  secret: "alice hex:00112233445566778899aabbccddeeff\n",
  token: "0123456789abcdefghijklmnopqrstuv\n",
};
const SEEDS = [
  "[relay]\n",
  "[server]\nbind_address = 198.51.100.1\n",
  "RelayType relay\nInterfaceName teredo\nBindPort 3545\nPrefix 2001:0::\n",
  "ServerBindAddress 198.51.100.1\nSyslogFacility local3 # there\n",
  "RelayType client\nServerAddress a.example\nServerAddress2 192.0.2.2\n",
  "[client]\nservers = a.example, 192.0.2.1/192.0.2.2\nsecret_file = secret\n",
  "[relay]\nbind_address = 198.51.100.50\n[server]\nbind_address=198.51.100.1\nsecrets_file = secrets\n",
  "[relay]\n[status]\naddress = 0.0.0.0\ntoken_file = token\n[log]\nlevel = debug\n",
];

/** The text of a configuration file, for every role. */
export const target: Target = {
  name: "config",
  unit: 1,
  most: 4_096,
  seeds: () => [...SEEDS, sampleText().slice(0, 4_000)].map((text) => encoder.encode(text)),
  words: ["=", "[", "]", "#", ";", '"', "\\", "\r\n", "\ufeff", "\0", "\t", "\u0085"].map((text) =>
    encoder.encode(text)
  ),
  mutate: (input, random) => mutateParts(input, random, "\n", anyLine),
  open: () => (input) => {
    for (const role of ROLES) check(role, input);
    checkWhole(input);
  },
};

function filesWith(bytes: Uint8Array): ReadFile {
  return (path) => {
    const name = path.split("/").at(-1)!;
    const mode = path === FILE ? 0o644 : 0o600;
    const found = path === FILE ? bytes : OTHERS[name] && encoder.encode(OTHERS[name]);
    if (!found) throw Object.assign(new Error("missing"), { code: "ENOENT" });
    return { bytes: found, mode };
  };
}

/** It is a configuration, or each of its problems names the place. */
function load(role: Role, bytes: Uint8Array): LoadedConfig | undefined {
  try {
    const loaded = loadConfig(role, { path: FILE, readFile: filesWith(bytes) });
    loaded.notices.forEach((notice) => checkProblem(notice, bytes));
    return loaded;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.problems.length > 0 && error.problems.length <= 101);
    error.problems.forEach((problem) => checkProblem(problem, bytes));
    return undefined;
  }
}

/** This file, or one of secrets that it names: by then one that could be read. */
const PLACE = /^(?:c|.*?(?:secrets?|token))(?::(\d+))?: \S/;

function checkProblem(problem: string, bytes: Uint8Array): void {
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(problem, /[\0-\x1f\x7f-\x9f]/, "a terminal would take it for something else");
  const [, line] = PLACE.exec(problem) ?? assert.fail(`no place: ${problem}`);
  const lines = Buffer.from(bytes).toString("latin1").split(/\n|\r/).length;
  if (line !== undefined) assert.ok(Number(line) >= 1 && Number(line) <= lines, problem);
}

function check(role: Role, bytes: Uint8Array): void {
  const loaded = load(role, bytes);
  if (loaded === undefined) return;
  // What is shown loads as the same, and is shown as the same.
  const shown = encoder.encode(showText(loaded, ROLES));
  const again = load(role, shown);
  assert.ok(again !== undefined, `what is shown does not load:\n${showText(loaded, ROLES)}`);
  assert.deepEqual(again.config, loaded.config);
  assert.deepEqual(valuesOf(again), valuesOf(loaded));
  JSON.stringify(showJson(loaded));
}

function valuesOf({ values }: LoadedConfig): (string | undefined)[] {
  return ENTRIES.map(({ id, kind }) => {
    const { value } = values.get(id)!;
    return value === undefined ? undefined : kind.format(value);
  });
}

/** `config check` says the same as the daemons; what `config convert` makes loads as the same. */
function checkWhole(bytes: Uint8Array): void {
  const readFile = filesWith(bytes);
  const { errors, roles, syntax } = quietly(() => checkFile(FILE, { readFile })) ??
    { errors: [""], roles: [], syntax: "native" };
  if (errors.length > 0) return;
  for (const role of roles) assert.ok(load(role, bytes) !== undefined, `the ${role} refuses it`);
  if (syntax !== "miredo") return;
  const converted = quietly(() => convertFile(FILE, { readFile }));
  if (converted === undefined) return;
  for (const role of roles) {
    const again = load(role, encoder.encode(converted.text));
    assert.deepEqual(again?.config, load(role, bytes)?.config, converted.text);
  }
}

function quietly<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
