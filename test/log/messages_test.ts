import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import test from "node:test";
import { MESSAGES } from "#src/log/messages.ts";
import { FIELD_NAMES, type Level, LEVELS } from "#src/log/record.ts";

/** The start of a call of a logger or of a limited log. */
const CALL = /\b(?:log|limited)\.(log|error|warn|info|debug)\(/g;
const LITERAL = /^"([^"]*)"$/;

interface Call {
  readonly message: string;
  /** Undefined: decided where it runs. */
  readonly level: string | undefined;
}

/** What stands in the source, but for the loggers themselves. @throws for what cannot be read */
function callsIn(file: string): Call[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(CALL)].map((found) => {
    const [, method] = found;
    const from = found.index + found[0].length;
    // Of `log(level, message)` and `log(key, level, message)` the first text that is no level.
    const words = text.slice(from, from + 200).split(/[,()]/).map((word) => word.trim());
    if (method !== "log") return { message: literal(words[0]!, file), level: method };
    const at = words.findIndex((word) => LITERAL.test(word) && /^"[A-Z]/.test(word));
    const level = words.slice(0, at).map((word) => LITERAL.exec(word)?.[1])
      .find((word) => (LEVELS as readonly (string | undefined)[]).includes(word));
    return { message: literal(words[at] ?? "", file), level };
  });
}

function literal(word: string, file: string): string {
  const message = LITERAL.exec(word)?.[1];
  assert.ok(message !== undefined, `${file}: a message is not a constant text: ${word}`);
  return message;
}

const calls = globSync("src/{daemon,cli,datapath}/**/*.ts").flatMap(callsIn);

test("MESSAGES has every message of the source, and no other", () => {
  assert.ok(calls.length >= 30, "the calls are found");
  const said = new Set(calls.map(({ message }) => message));
  assert.deepEqual(Object.keys(MESSAGES).sort(), [...said].sort());
});

test("MESSAGES gives each message the levels that it is said at", () => {
  for (const [message, { levels }] of Object.entries(MESSAGES)) {
    const said = calls.filter((call) => call.message === message).map(({ level }) => level);
    for (const level of said) {
      if (level !== undefined) assert.ok(levels.includes(level as Level), message);
    }
    if (!said.includes(undefined)) assert.deepEqual([...new Set(said)].sort(), levels.toSorted());
  }
});

test("MESSAGES says of each message what it means, in fields that there are", () => {
  const names: readonly string[] = FIELD_NAMES;
  for (const [message, { levels, fields, meaning, mend }] of Object.entries(MESSAGES)) {
    assert.notEqual(meaning, "", message);
    for (const name of fields) assert.ok(names.includes(name), `${message}: ${name}`);
    if (levels.includes("error")) assert.notEqual(mend, undefined, message);
  }
});
