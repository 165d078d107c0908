import { basename } from "node:path";
import { existsSync } from "node:fs";
import { readInputs } from "../engine/corpus.ts";
import { failureOf } from "../engine/fuzzer.ts";
import { TARGETS } from "../targets/mod.ts";

/** Tries the inputs of these files again, each in a world of its own. A file is named by its target. */
export async function replay(files: readonly string[]): Promise<number> {
  let failed = 0;
  for (const file of files) {
    const name = /^[a-z_]+/.exec(basename(file))?.[0].replace(/_$/, "") ?? "";
    const load = TARGETS[name];
    if (load === undefined || !existsSync(file)) {
      console.error(`${file}: ${load === undefined ? "no target has this name" : "no such file"}`);
      return 2;
    }
    const { target } = await load();
    for (const [i, input] of readInputs(file).entries()) {
      const failure = await failureOf(target, input);
      if (failure === undefined) continue;
      failed++;
      console.error(`${file}, input ${i + 1}:`, failure.error);
    }
    console.error(`${file}: ${readInputs(file).length} inputs, ${failed} failed`);
  }
  return failed === 0 ? 0 : 1;
}
