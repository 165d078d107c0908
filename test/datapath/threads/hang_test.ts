import assert from "node:assert/strict";
import test from "node:test";
import { HangWatch, HEARTBEAT_CHECK, type ThreadState } from "#src/datapath/threads/hang.ts";

/** What a thread is like at one look: `R 250` runs, and had 250 ms since the last one. */
type Look = `${"R" | "S" | "D" | "t" | "T"} ${number}` | "beat" | "gone" | "unknown";

interface Case {
  readonly name: string;
  readonly looks: readonly Look[];
  /** Milliseconds between two looks; as it is on a machine that is not busy. */
  readonly apart?: number;
  readonly isEnding?: boolean;
  /** At which look, from 1, it is found to hang, and what is said; undefined: never. */
  readonly found?: readonly [look: number, how: RegExp];
}

const again = (look: Look, count: number): Look[] => Array.from({ length: count }, () => look);
/** Within 2 s of the fault, of which a look may be late. */
const IN_TIME = 8;

const CASES: readonly Case[] = [
  { name: "idle", looks: Array.from({ length: 60 }, (_, i): Look => i % 2 ? "beat" : "S 0") },
  {
    name: "busy, each turn longer than a look",
    looks: Array.from({ length: 60 }, (_, i): Look => i % 3 === 2 ? "beat" : "R 240"),
  },
  { name: "spinning", looks: again("R 250", 20), found: [4, /used a processor for 0\.8 s/] },
  {
    name: "spinning for half of the time, beside others",
    looks: again("R 120", 20),
    found: [8, /used a processor/],
  },
  {
    name: "asleep in a call",
    looks: again("S 0", 20),
    found: [5, /sleeps in the kernel \(tun_do_read\)/],
  },
  { name: "ready to run and never let", looks: again("R 0", 400) },
  {
    name: "let run a little now and then",
    looks: Array.from({ length: 60 }, (_, i): Look => i % 20 === 19 ? "beat" : "R 20"),
  },
  { name: "paging, for 5 s", looks: [...again("D 0", 20), "beat", ...again("D 0", 20), "beat"] },
  {
    name: "in one page for ever",
    looks: again("D 0", 60),
    found: [40, /no sign of life for 10\.0 s/],
  },
  { name: "held by a debugger", looks: again("t 0", 400) },
  {
    name: "held, then asleep",
    looks: [...again("t 0", 40), ...again("S 0", 9)],
    found: [45, /sleeps/],
  },
  { name: "stopped for a minute with all others", looks: ["S 0", "S 0", "beat"], apart: 60_000 },
  {
    name: "looked at by one that is late each time",
    looks: again("S 0", 20),
    apart: 5_000,
    found: [4, /sleeps/],
  },
  { name: "ended, while others end", looks: again("gone", 400) },
  { name: "ending, which takes 5 s", looks: again("R 250", 20), isEnding: true },
  { name: "ending, which takes 5 s of sleep", looks: again("S 0", 20), isEnding: true },
  {
    name: "not coming to its end",
    looks: again("S 0", 60),
    isEnding: true,
    found: [40, /no sign of life/],
  },
  {
    name: "silent, where the kernel says nothing",
    looks: again("unknown", 60),
    found: [40, /no sign of life/],
  },
  {
    name: "silent for 5 s there",
    looks: [...again("unknown", 20), "beat", ...again("unknown", 20)],
  },
];

/** The looks one after another, as of the second of two threads. @returns at which it is found */
function watch({ looks, apart = HEARTBEAT_CHECK, isEnding = false }: Case) {
  let now = 1_000;
  let beat = 1;
  let used = 12_340;
  let state: ThreadState | undefined;
  const witness = { look: () => state, place: () => "tun_do_read", close: () => {} };
  const isKnown = !looks.includes("unknown");
  const lively = { beat: () => now, isEnding: () => isEnding, witness: undefined };
  const looper = {
    beat: () => beat,
    isEnding: () => isEnding,
    witness: isKnown ? witness : undefined,
  };
  const hangs = new HangWatch([lively, looper], now);
  for (const [i, look] of looks.entries()) {
    now += apart;
    if (look === "beat") beat += 1;
    const [letter, more] = look.split(" ");
    used += Number(more ?? 0);
    state = look === "gone" ? undefined : { letter: letter!, used };
    const found = hangs.look(now);
    if (found !== undefined) return { at: i + 1, found };
  }
  return undefined;
}

for (const it of CASES) {
  const what = it.found === undefined ? "does not hang" : `hangs at look ${it.found[0]}`;
  test(`HangWatch.look(): a thread that is ${it.name} ${what}`, () => {
    const got = watch(it);
    if (it.found === undefined) return assert.equal(got, undefined);
    const [at, how] = it.found;
    assert.deepEqual([got?.at, got?.found[0]], [at, 1]);
    assert.match(got!.found[1], how);
  });
}

test("HangWatch.look(): what spins or sleeps is found within 2 s, be a look or two late", () => {
  const prompt = CASES.filter(({ name }) => /^(spinning|asleep in a call)$/.test(name));
  assert.equal(prompt.length, 2);
  for (const it of prompt) assert.ok(it.found![0] <= IN_TIME - 2, it.name);
});
