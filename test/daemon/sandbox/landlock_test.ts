import assert from "node:assert/strict";
import test from "node:test";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { makeRuleset, type Wanted } from "#src/daemon/sandbox/linux/landlock.ts";

/** What the kernel is asked for, by structures of <linux/landlock.h>. */
const real = await openLibc();
const BASE = 0x10_0000;
const RULESET = 77;
const FOLDER = 8;

interface Asked {
  readonly name: "ruleset" | "rule";
  readonly words: readonly bigint[];
}

/** A libc that makes no call, and reads what it is handed. Files that end with `gone` are not there. */
class PaperLibc {
  readonly asked: Asked[] = [];
  readonly opened: number[] = [];
  readonly closed: number[] = [];
  #memory = new Uint8Array(0);

  get libc(): Libc {
    const call = {
      ...real.call,
      open: (path: number) => this.#open(path - BASE),
      close: (fd: number) => this.closed.push(fd),
      syscall: (_: number, first: number, second: number, third: number) =>
        first >= BASE
          ? this.#ruleset(first - BASE, second)
          : this.#rule(first, second, third - BASE),
    };
    const addressOf = (bytes: Uint8Array<ArrayBuffer>) => {
      this.#memory = bytes;
      return BASE;
    };
    return { ...real, call: call as unknown as Libc["call"], addressOf };
  }

  #open(at: number): number {
    const end = this.#memory.indexOf(0, at);
    const path = new TextDecoder().decode(this.#memory.subarray(at, end));
    if (path.endsWith("gone")) return -1;
    this.opened.push(FOLDER + this.opened.length);
    return this.opened.at(-1)!;
  }

  #ruleset(at: number, size: number): number {
    this.asked.push({ name: "ruleset", words: this.#words(at, size / 8) });
    return RULESET;
  }

  #rule(ruleset: number, type: number, at: number): number {
    assert.deepEqual([ruleset, type], [RULESET, 1]);
    const fd = new DataView(this.#memory.buffer).getInt32(at + 8, true);
    this.asked.push({ name: "rule", words: [...this.#words(at, 1), BigInt(fd)] });
    return 0;
  }

  #words(at: number, count: number): bigint[] {
    const view = new DataView(this.#memory.buffer);
    return Array.from({ length: count }, (_, i) => view.getBigUint64(at + 8 * i, true));
  }
}

const NOTHING: Wanted = { grants: [], abstract: false, signals: false };

/** Rights to files, to TCP, and what is kept from reaching outside, as each version knows them. */
const VERSIONS:
  readonly (readonly [version: number, files: bigint, tcp: bigint, scoped: bigint])[] = [
    [1, 0x1fffn, 0n, 0n],
    [2, 0x3fffn, 0n, 0n],
    [3, 0x7fffn, 0n, 0n],
    [4, 0x7fffn, 3n, 0n],
    [5, 0xffffn, 3n, 0n],
    [6, 0xffffn, 3n, 1n],
    [7, 0xffffn, 3n, 3n],
    [8, 0xffffn, 3n, 3n],
  ];

for (const [version, files, tcp, scoped] of VERSIONS) {
  test(`makeRuleset() of version ${version} takes away all that this one knows`, () => {
    const paper = new PaperLibc();
    assert.equal(makeRuleset(paper.libc, version, NOTHING), RULESET);
    assert.deepEqual(paper.asked, [{ name: "ruleset", words: [files, tcp, scoped] }]);
  });
}

test("makeRuleset() leaves abstract sockets and signals where they are wanted", () => {
  const scopedBy = (wanted: Partial<Wanted>) => {
    const paper = new PaperLibc();
    makeRuleset(paper.libc, 7, { ...NOTHING, ...wanted });
    return paper.asked[0]!.words[2];
  };
  assert.equal(scopedBy({ abstract: true }), 2n);
  assert.equal(scopedBy({ signals: true }), 1n);
  assert.equal(scopedBy({ abstract: true, signals: true }), 0n);
});

test("makeRuleset() grants folders all that is wanted of them, files what files can have, and leaves out what is not there", () => {
  const paper = new PaperLibc();
  const access = 0xfffff;
  const grants = ["/", "/nowhere/gone", "/etc/passwd"].map((path) => ({ path, access }));
  makeRuleset(paper.libc, 7, { ...NOTHING, grants });
  assert.deepEqual(paper.asked.slice(1), [
    { name: "rule", words: [0xffffn, BigInt(FOLDER)] },
    // To execute, write, read, truncate, and ioctl(2) of a device.
    { name: "rule", words: [0xc007n, BigInt(FOLDER + 1)] },
  ]);
  assert.deepEqual(paper.closed, paper.opened, "nothing stays open but the ruleset");
});
