import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { runArguments } from "../../cli/run.ts";
import type { Place } from "./measure_inside.ts";

interface Case {
  readonly name: string;
  readonly dead?: readonly Place[];
  readonly keptOut?: readonly Place[];
  readonly both: boolean | null;
  readonly port: boolean | null;
}

const CASES: readonly Case[] = [
  { name: "lets all in", both: true, port: true },
  {
    name: "keeps out who was not sent to",
    keptOut: ["other port", "other both"],
    both: false,
    port: false,
  },
  { name: "keeps out another address", keptOut: ["other both"], both: false, port: true },
  { name: "cannot be told of by who is dead", dead: ["other both"], both: null, port: true },
  {
    name: "cannot be told of by an address that is dead",
    dead: ["other address", "other both"],
    keptOut: ["other port"],
    both: null,
    port: false,
  },
  {
    name: "cannot be told of by ports that are dead",
    dead: ["other port", "other both"],
    both: null,
    port: null,
  },
];

const INSIDE = fileURLToPath(new URL("./measure_inside.ts", import.meta.url));
const NETWORK =
  'ip link set lo up; ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.2/32 dev lo; exec "$@"';

for (const { name, dead = [], keptOut = [], both, port } of CASES) {
  test(`measureStun() of a filter that ${name}`, { timeout: 600_000 }, () => {
    const argv = runArguments.file(INSIDE, JSON.stringify(dead), JSON.stringify(keptOut));
    const shell = ["sh", "-c", NETWORK, "sh", process.execPath, ...argv];
    const args = ["--user", "--map-root-user", "--net", ...shell];
    const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
    assert.equal(stdout, JSON.stringify({ both, port, canChange: true, answers: true }), stderr);
  });
}
