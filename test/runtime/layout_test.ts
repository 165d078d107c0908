import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { cmsgNext, cmsgSpace, errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import * as linux from "#ffi/linux/mod.ts";
import { expressionOf, HEADERS, NEWER } from "./layout_table.ts";

const constants = Object.entries(linux)
  .filter((entry): entry is [string, number] => typeof entry[1] === "number");
const errnos = constants.filter(([name]) => /^E[A-Z0-9]+$/.test(name));

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(
    status,
    0,
    `${command} failed, and a C compiler is needed here: ${error?.message ?? stderr}`,
  );
  return stdout;
}

/** Compiles and runs a C program of `statements`; its output, one `key value` a line. */
function compiled(statements: readonly string[]): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-layout-"));
  try {
    const source = join(folder, "layout.c");
    const program = join(folder, "layout");
    const includes = HEADERS.map((header) => `#include <${header}>`);
    const main = ["int main(void) {", ...statements, "return 0; }", ""];
    writeFileSync(source, ["#define _GNU_SOURCE", ...includes, ...main].join("\n"));
    run("gcc", ["-w", "-o", program, source]);
    const lines = run(program, []).trimEnd().split("\n");
    return new Map(
      lines.map((line) => [line.split(" ", 1)[0]!, line.slice(line.indexOf(" ") + 1)]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const print = (key: string, expression: string) =>
  `printf("%s %llu\\n", "${key}", (unsigned long long) (${expression}));`;

function printConstant(name: string): string {
  const statement = print(name, expressionOf(name));
  return NEWER.includes(name) ? `#ifdef ${name}\n${statement}\n#endif` : statement;
}

test("every constant of ffi/linux and ffi/posix.ts is what the C compiler says", {
  timeout: 600_000,
}, () => {
  const inC = compiled(constants.map(([name]) => printConstant(name)));
  for (const [name, value] of constants) {
    const expected = inC.get(name);
    if (expected === undefined && NEWER.includes(name)) continue;
    assert.equal(value, Number(expected), name);
  }
});

test(
  "the number of a system call without a function is this processor's",
  { timeout: 600_000 },
  () => {
    const inC = compiled([print("bpf", "SYS_bpf")]);
    assert.equal(linux.SYS_BPF[process.arch], Number(inC.get("bpf")));
  },
);

test(
  "CMSGHDR_DATA_AT, cmsgSpace() and cmsgNext() of Linux are C's macros",
  { timeout: 600_000 },
  () => {
    const lengths = Array.from({ length: 65 }, (_, length) => length);
    const inC = compiled(lengths.flatMap((length) => [
      print(`LEN${length}`, `CMSG_LEN(${length})`),
      print(`SPACE${length}`, `CMSG_SPACE(${length})`),
      print(`NEXT${length}`, `1024 + CMSG_ALIGN(CMSG_LEN(${length}))`),
    ]));
    for (const length of lengths) {
      assert.equal(linux.CMSGHDR_DATA_AT + length, Number(inC.get(`LEN${length}`)));
      assert.equal(cmsgSpace(LINUX, length), Number(inC.get(`SPACE${length}`)));
      const next = cmsgNext(LINUX, 1024, linux.CMSGHDR_DATA_AT + length);
      assert.equal(next, Number(inC.get(`NEXT${length}`)));
    }
  },
);

test("errnoName() has C's name and text of every number", { timeout: 600_000 }, () => {
  const inC = compiled(errnos.map(([name]) => `printf("${name} %s\\n", strerror(${name}));`));
  for (const [name, errno] of errnos) {
    assert.equal(errnoName(LINUX, errno), `${name} (${inC.get(name)})`);
  }
  assert.equal(errnoName(LINUX, 4095), "errno 4095");
});
