import assert from "node:assert/strict";
import test from "node:test";
import { NativePolicy, type WhenNative } from "#src/daemon/client/native.ts";
import { FakeClock } from "./fake_clock.ts";

/** `+` and `-`: native IPv6 comes and goes; a number: so many seconds pass. */
type Course = readonly ("+" | "-" | number | WhenNative)[];

interface Case {
  readonly name: string;
  readonly when?: WhenNative;
  readonly course: Course;
  readonly want: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "C-01: it leaves after 5 s, and is gone after another 60",
    course: ["+", 4, 1, 59, 1],
    want: [
      "5 leaving",
      "65 dormant",
    ],
  },
  { name: "less than 5 s are nothing", course: ["+", 4, "-", 100], want: [] },
  {
    name: "it returns when there has been none for 10 s",
    course: ["+", 100, "-", 9, 1, 100],
    want: [
      "5 leaving",
      "65 dormant",
      "110 carrying",
    ],
  },
  {
    name: "it returns from leaving, too",
    course: ["+", 10, "-", 100],
    want: [
      "5 leaving",
      "20 carrying",
    ],
  },
  {
    name: "what flaps counts as what it was",
    course: ["+", 100, "-", 9, "+", 9, "-", 9, "+", 200],
    want: ["5 leaving", "65 dormant"],
  },
  {
    name: "a way that flaps while it leaves makes it no younger than 60 s after the last time",
    course: ["+", 10, "-", 5, "+", 59, 1],
    want: ["5 leaving", "75 dormant"],
  },
  {
    name: "H-01: with relay it relays for its host in the end, and returns",
    when: "relay",
    course: ["+", 100, "-", 9, 1, 100],
    want: ["5 leaving", "65 relaying", "110 carrying"],
  },
  {
    name: "a reload has it relay, sleep and relay again at once",
    course: ["+", 100, "relay", 5, "stand_back", 5, "relay", 5, "keep"],
    want: [
      "5 leaving",
      "65 dormant",
      "100 relaying",
      "105 dormant",
      "110 relaying",
      "115 carrying",
    ],
  },
  {
    name: "a reload while it leaves gives flows their minute",
    course: ["+", 10, "relay", 60],
    want: ["5 leaving", "70 relaying"],
  },
  { name: "keep: nothing changes", when: "keep", course: ["+", 1_000, "-", 1_000], want: [] },
  {
    name: "a reload that says otherwise is heeded at once",
    when: "keep",
    course: ["+", 100, "stand_back", 60, "keep", 5],
    want: ["100 leaving", "160 dormant", "160 carrying"],
  },
];

for (const { name, when = "stand_back", course, want } of CASES) {
  test(`NativePolicy: ${name}`, async () => {
    const clock = new FakeClock();
    const got: string[] = [];
    const policy = new NativePolicy(clock, when, (it) => got.push(`${clock.now() / 1000} ${it}`));
    for (const step of course) {
      if (typeof step === "number") await clock.pass(1_000 * step);
      else if (step === "+" || step === "-") policy.look(step === "+");
      else policy.set(step);
    }
    assert.deepEqual(got, want);
    assert.equal(policy.standing, want.at(-1)?.split(" ")[1] ?? "carrying");
    policy.close();
  });
}
