import assert from "node:assert/strict";
import test from "node:test";
import type { HomeWish } from "#src/datapath/homes.ts";
import { KEPT, type Kept, type Rival, type Upheld } from "#src/datapath/keep/contract.ts";
import { FREE_ATTEMPTS } from "#src/datapath/keep/patience.ts";
import { Reconciler } from "#src/datapath/keep/reconciler.ts";
import { StartError } from "#src/errors.ts";

/** An interface of nothing but names. */
class Paper implements Upheld {
  readonly wrong = new Set<Kept>();
  /** What follows once something was put right. */
  readonly then = new Map<Kept, Kept>();
  readonly errors = new Map<Kept, Error>();
  /** Parts that somebody changes again at once. */
  readonly contested = new Set<Kept>();
  looks = 0;
  announced = false;
  wished: HomeWish | undefined;
  changed = false;

  hasChanged(): boolean {
    const changed = this.changed;
    this.changed = false;
    return changed;
  }

  differences(): Kept[] {
    this.looks += 1;
    return KEPT.filter((it) => this.wrong.has(it));
  }

  putRight(what: Kept): void {
    const error = this.errors.get(what);
    if (error !== undefined) throw error;
    if (this.contested.has(what)) return;
    this.wrong.delete(what);
    const next = this.then.get(what);
    if (next !== undefined) this.wrong.add(next);
  }

  announce(wanted: boolean): void {
    if (wanted !== this.announced) this.wrong.add("announcement");
    this.announced = wanted;
  }

  setHome(wish: HomeWish): void {
    this.wished = wish;
    this.wrong.add("home");
  }

  rivals(): Rival[] {
    return [{ name: "rival", mend: "stop it" }];
  }

  close(): void {}
}

function spoil(paper: Paper, ...parts: Kept[]): void {
  for (const what of parts) paper.wrong.add(what);
  paper.changed = true;
}

for (const isSignalled of [false, true]) {
  const often = isSignalled ? "some seconds where the kernel signals changes" : "second";
  test(`Reconciler looks when it was told of a change, and once every ${often}`, () => {
    const paper = new Paper();
    const heard: boolean[] = [];
    const upheld = isSignalled
      ? Object.assign(paper, { signal: (wanted: boolean) => void heard.push(wanted) })
      : paper;
    const keeper = new Reconciler(upheld, 0);
    assert.equal(keeper.signal === undefined, !isSignalled);
    for (let now = 0; now < 10_000; now += 1_000) assert.deepEqual(keeper.look(now), []);
    assert.equal(paper.looks, isSignalled ? 2 : 10);
    paper.changed = true;
    keeper.look(9_050);
    assert.equal(paper.looks, isSignalled ? 3 : 11);
    keeper.signal?.(true);
    assert.deepEqual(heard, isSignalled ? [true] : []);
  });
}

const told: readonly [what: string, isTold: boolean, lookedAt: number, away: number][] = [
  ["by a signal, since that", true, 1_000, 0],
  ["by a signal after a stop, since the last look", true, 5_000, 5_000],
  ["by a look, since the last one", false, 1_000, 1_000],
];

for (const [what, isTold, lookedAt, away] of told) {
  test(`Reconciler takes a change to be there, when told ${what}`, () => {
    const paper = new Paper();
    const keeper = new Reconciler(paper, 0);
    keeper.look(0);
    spoil(paper, "mtu");
    assert.deepEqual(keeper.look(lookedAt, isTold), [{ event: "restored", what: "mtu", away }]);
  });
}

test("Reconciler puts right what differs and what follows from it, and tells how long at most", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  keeper.look(0);
  keeper.look(100);
  paper.then.set("mtu", "up").set("up", "route");
  spoil(paper, "mtu");
  const events = keeper.look(200);
  assert.deepEqual(events.map((it) => [it.event, it.what]), [
    ["restored", "mtu"],
    ["restored", "up"],
    ["restored", "route"],
  ]);
  assert.ok(events.every((it) => it.event === "restored" && it.away === 100));
  assert.deepEqual(keeper.look(300), []);
});

test("Reconciler tells once what cannot be put right, and that it is right again", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  paper.errors.set("route", new StartError("it leads elsewhere", "stop the other"));
  spoil(paper, "route");
  const refused = { event: "refused", what: "route", problem: "it leads elsewhere" };
  assert.deepEqual(keeper.look(0), [{ ...refused, mend: "stop the other" }]);
  assert.deepEqual(keeper.look(1_000), []);
  paper.errors.set("route", new Error("another reason"));
  assert.deepEqual(keeper.look(2_000), [{ ...refused, problem: "another reason" }]);
  paper.wrong.clear();
  assert.deepEqual(keeper.look(3_000), [{ event: "restored", what: "route", away: 3_000 }]);
});

test("Reconciler: of two parts one that is fought for does not keep the other one waiting", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  const told: string[] = [];
  for (let now = 0; now < 10_000; now += 100) {
    spoil(paper, "route");
    told.push(...keeper.look(now).filter((it) => it.event === "fought").map((it) => it.what));
  }
  assert.deepEqual(told, ["route"]);
  spoil(paper, "route", "address");
  const [first] = keeper.look(10_010);
  assert.deepEqual([first?.event, first?.what], ["restored", "address"]);
});

test("Reconciler: a part that is changed in the same moment is told of, and given time", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  paper.contested.add("up");
  spoil(paper, "up");
  const [first] = keeper.look(0);
  assert.deepEqual([first?.event, first?.what], ["refused", "up"]);
  for (let i = 1; i <= FREE_ATTEMPTS; i++) keeper.look(1_000 * i);
  paper.contested.clear();
  assert.deepEqual(keeper.look(100_000).map((it) => [it.event, it.what]), [["restored", "up"]]);
});

test("Reconciler tells how long a part was away, whatever else cannot be put right meanwhile", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  paper.errors.set("route", new Error("another route wins"));
  spoil(paper, "route");
  for (let now = 0; now <= 100_000; now += 1_000) keeper.look(now);
  spoil(paper, "home");
  const restored = keeper.look(100_300).filter(({ event }) => event === "restored");
  assert.deepEqual(restored, [{ event: "restored", what: "home", away: 300 }]);
});

test("Reconciler announces and withdraws at once, and tells of neither", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  for (const wanted of [true, false]) {
    keeper.announce(wanted);
    assert.equal(paper.wrong.has("announcement"), false);
    assert.deepEqual(keeper.look(0), []);
  }
});

test("Reconciler: an announcement that cannot be set, or taken away, is told of and tried again", () => {
  const paper = new Paper();
  const keeper = new Reconciler(paper, 0);
  for (const [i, wanted] of [true, false].entries()) {
    const now = 10_000 * i;
    paper.errors.set("announcement", new Error("EPERM"));
    keeper.announce(wanted);
    const refused = { event: "refused", what: "announcement", problem: "EPERM" };
    assert.deepEqual(keeper.look(now), [refused]);
    assert.deepEqual(keeper.look(now + 1_000), []);
    paper.errors.clear();
    assert.deepEqual(keeper.look(now + 2_000).map((it) => it.event), ["restored"]);
  }
});
