import assert from "node:assert/strict";
import test from "node:test";
import { movesCursor, showsBlocks } from "#src/cli/live/look.ts";

const UTF8 = { LANG: "de_DE.UTF-8", TERM: "xterm-256color" };

/** Environment, on a terminal, whether blocks show. */
const looks: readonly [Record<string, string>, boolean, boolean][] = [
  [UTF8, true, true],
  [{ ...UTF8, LANG: "C.utf8" }, true, true],
  [{ ...UTF8, LANG: "C" }, true, false],
  [{ ...UTF8, LC_ALL: "C" }, true, false],
  [{ ...UTF8, LC_CTYPE: "POSIX" }, true, false],
  [{ ...UTF8, LC_ALL: "", LC_CTYPE: "" }, true, true],
  [{ LANG: "C", LC_ALL: "en_US.UTF-8", TERM: "screen" }, true, true],
  [{ TERM: "xterm" }, true, false],
  [{ ...UTF8, TERM: "dumb" }, true, false],
  [{ ...UTF8, TERM: "linux" }, true, false],
  [{ ...UTF8, TERM: "vt100" }, true, false],
  [{ LANG: "C.UTF-8" }, true, false],
  [{ LANG: "C.UTF-8" }, false, true],
  [{}, false, false],
];

for (const [env, isTerminal, want] of looks) {
  test(`showsBlocks() of ${JSON.stringify(env)}, ${isTerminal ? "a terminal" : "a pipe"}`, () => {
    assert.equal(showsBlocks(env, isTerminal), want);
  });
}

const terminals: readonly [string | undefined, boolean][] = [
  ["xterm", true],
  ["tmux-256color", true],
  ["linux", true],
  ["dumb", false],
  ["unknown", false],
  ["", false],
  [undefined, false],
];

for (const [name, want] of terminals) {
  test(`movesCursor() of TERM ${name}`, () => assert.equal(movesCursor({ TERM: name }), want));
}
