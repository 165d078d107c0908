import assert from "node:assert/strict";
import test from "node:test";
import type { Output } from "#src/cli/output.ts";
import { formatStatus } from "#src/cli/status/table.ts";
import { statusDocument } from "#src/status/document.ts";
import type { ClientView, Snapshot } from "#src/status/snapshot.ts";
import { sampleClientSnapshot, sampleSnapshot } from "#test/status/sample.ts";

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

const AT = new Date("2026-11-23T06:10:00Z");
const READ_AT = new Date("2026-11-23T05:00:00Z");
const IN_EFFECT = "what was in effect before it stays so";
const AGAIN = "mend: put that right, then `teredo reload relay`";

const RELOADS: readonly [string, Partial<Snapshot["reload"]>, Partial<Snapshot>, string[]][] = [
  ["succeeded", { ok: true }, {}, []],
  ["was refused", { problems: ["teredo.ini:2: x: no such setting"] }, {
    changes: [
      { time: READ_AT, kind: "reload_refused", text: "Reload refused: another" },
      { time: AT, kind: "reload_refused", text: "Reload refused: x" },
      { time: new Date(), kind: "ready", text: "Ready again" },
    ],
  }, [
    "reload refused at 2026-11-23T06:10:00.000Z: teredo.ini:2: x: no such setting",
    `${IN_EFFECT}; ${AGAIN}`,
  ]],
  ["was refused for three reasons, long ago", { problems: ["a", "b", "c"] }, { changes: [] }, [
    "reload refused: a (and 2 more)",
    `${IN_EFFECT}; ${AGAIN}`,
  ]],
  ["was taken back", { problems: ["taken back: it was not confirmed in time"] }, {
    changes: [{ time: AT, kind: "reloaded", text: "Reload taken back: it was not confirmed" }],
  }, [
    "reload taken back at 2026-11-23T06:10:00.000Z: it was not confirmed in time",
    "what was in effect before it is again; mend: `teredo reload relay`, and " +
    "`teredo reload relay --confirm` in time",
  ]],
  [
    "cannot be taken back",
    {
      problems: ["cannot be taken back yet: more addresses than a running relay can be given"],
    },
    { changes: [{ time: AT, kind: "reload_refused", text: "Reload refused: cannot" }] },
    [
      "reload cannot be taken back yet: more addresses than a running relay can be given",
      "what it brought is in effect, and going back is tried again each second",
    ],
  ],
];

for (const [name, reload, changes, want] of RELOADS) {
  test(`formatStatus() of a daemon whose last reload ${name}`, () => {
    const snapshot = sampleSnapshot({
      ...changes,
      reload: { ok: false, succeededAt: READ_AT, problems: [], needsRestart: [], ...reload },
    });
    assert.deepEqual(lines(snapshot, "reload"), want);
  });
}

test("formatStatus() of a client that leaves the way says so, and for what", () => {
  const leaving = "native IPv6: 2001:db8::2 by eth0, fe80::1";
  assert.deepEqual(lines(sampleClientSnapshot({ leaving }), "leaving"), [
    `leaving ${leaving} takes new connections; those by the tunnel have a minute, then it stands back`,
  ]);
  assert.deepEqual(lines(sampleClientSnapshot(), "leaving"), []);
});
