import assert from "node:assert/strict";
import test from "node:test";
import type { Output } from "#src/cli/output.ts";
import { formatStatus } from "#src/cli/status/table.ts";
import { statusDocument } from "#src/status/document.ts";
import type { ClientView, Snapshot } from "#src/status/snapshot.ts";
import { sampleClientSnapshot } from "#test/status/sample.ts";

const PLAIN = { getColorDepth: () => 1 } as Output;

/** Its lines that have one of these names, or belong to one that has. */
function lines(snapshot: Snapshot, ...names: string[]): string[] {
  let name = "";
  return formatStatus(PLAIN, statusDocument(snapshot)).split("\n").filter((line) => {
    name = line.slice(2, 13).trim() || name;
    return line !== "" && names.includes(name);
  }).map((line) => line.trim().replace(/ {2,}/, " "));
}

/** Of a client of which these are not known. */
function clientWithout(names: readonly (keyof ClientView)[], changes: Partial<ClientView>) {
  const { client, ...rest } = sampleClientSnapshot(changes);
  const known = Object.entries(client!).filter(([name]) =>
    !(names as readonly string[]).includes(name)
  );
  return { ...rest, client: Object.fromEntries(known) as unknown as ClientView };
}

const UNKNOWN = { nat: "unknown", portMapping: "none" } as const;

const NATS: readonly [string, readonly ("local" | "mapped")[], Partial<ClientView>, string[]][] = [
  ["all", [], { nat: "cone", portMapping: "none" }, [
    "NAT a cone NAT; 192.168.1.2:40001 is seen as 198.51.100.7:12756",
  ]],
  ["a NAT before the interface went down", ["local"], { nat: "cone", portMapping: "none" }, [
    "NAT a cone NAT",
  ]],
  ["a mapping alone", [], UNKNOWN, ["NAT 192.168.1.2:40001 is seen as 198.51.100.7:12756"]],
  ["no mapping", ["mapped"], UNKNOWN, []],
  ["nothing", ["local", "mapped"], UNKNOWN, []],
];

for (const [name, unknown, changes, want] of NATS) {
  test(`formatStatus() of a client that knows ${name} of its NAT`, () => {
    assert.deepEqual(lines(clientWithout(unknown, changes), "NAT"), want);
  });
}
