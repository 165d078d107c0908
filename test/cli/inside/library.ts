import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after } from "node:test";

const SOURCE = fileURLToPath(new URL("./inside.c", import.meta.url));

/** Path of the library that gives a daemon a thread of somebody else's; see `inside.c`. */
export function insideLibrary(): string {
  const folder = mkdtempSync(join(tmpdir(), "teredo-inside-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, "inside.so");
  const args = ["-w", "-shared", "-fPIC", "-pthread", "-o", library, SOURCE];
  const { status, stderr, error } = spawnSync("gcc", args, { encoding: "utf8" });
  assert.equal(status, 0, `a C compiler is needed here: ${error?.message ?? stderr}`);
  return library;
}

/**
 * For a script of `onMachine`: `within NAME ARGS...` is `daemon` with that thread, `ask WORDS` prints
 * what it answers, and `ruin WORDS` asks for what ends the daemon, and prints how, and what it said.
 */
export const insideScript = (library: string): string =>
  String.raw`
mkfifo $work/ask $work/told
exec 8<> $work/ask 9<> $work/told
within() {
  inside=$1
  export INSIDE_ASK=$work/ask INSIDE_TOLD=$work/told LD_PRELOAD=${library}
  daemon "$@"
  unset LD_PRELOAD INSIDE_ASK INSIDE_TOLD
}
ask() {
  echo "$*" >&8
  read -r answer <&9
  echo "$*: $answer"
}
ruin() {
  echo "$*" >&8
  wait $pid
  echo "$*: exit status $?, $(grep -o 'level=error.*' $work/$inside.log)"
}
`;
