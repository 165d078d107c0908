import assert from "node:assert/strict";
import test from "node:test";
import { problemsOf, SCHEMA } from "#test/status/schema_validator.ts";
import { teredo } from "./run.ts";

const ADDRESS = "2001:0:102:304:0:fe95:f7f7:f7f7";
const MAPPING = ["--server", "1.2.3.4", "--address", "8.8.8.8", "--port", "362"];

/** What prints JSON without a network of its own; the others are asked where they have one. */
const cases: readonly [schema: string, args: readonly string[]][] = [
  ["decoded", ["decode", ADDRESS, ADDRESS]],
  ["decoded", ["decode", "nonsense"]],
  ["encoded", ["encode", ...MAPPING]],
  ["explained", ["explain", "teredo_peers"]],
  ["explained", ["explain", "bad_token"]],
  ["explained", ["explain", "Ready"]],
  ["explained", ["explain", "EPERM"]],
  ["config_check", ["config", "check", "docs/examples/teredo.ini"]],
  ["config_check", ["config", "check", "test/data/config/miredo.conf"]],
  ["config_check", ["config", "check", "/nowhere/teredo.ini"]],
  ["config_shown", ["config", "show", "docs/examples/teredo.ini", "--role", "relay"]],
  ["config_shown", ["config", "show", "test/data/config/miredo-server.conf"]],
  ["check_report", ["check", "relay", "-c", "/nowhere/teredo.ini"]],
  ["check_report", ["check", "relay", "-c", "/nowhere/teredo.ini", "--fix"]],
];

for (const [schema, args] of cases) {
  test(`teredo ${args.join(" ")} --json keeps to ${schema} of docs/status.schema.json`, () => {
    const { stdout } = teredo([...args, "--json"]);
    assert.deepEqual(problemsOf(JSON.parse(stdout), schema), [], stdout);
  });
}

test("docs/status.schema.json refuses a document of JSON that lacks its version", () => {
  const { version: _, ...rest } = JSON.parse(teredo(["encode", ...MAPPING, "--json"]).stdout);
  assert.deepEqual(problemsOf(rest, "encoded"), ["$.version: missing"]);
  assert.equal((SCHEMA["$defs"] as Record<string, { const?: number }>)["version"]!.const, 1);
});
