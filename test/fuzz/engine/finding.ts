import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { FOUND, toHex } from "./corpus.ts";
import type { Failure } from "./fuzzer.ts";

/** Keeps what failed, says it, and how to see it again. */
export function writeFinding(name: string, { error, input, alone }: Failure, seed: number): void {
  const hex = toHex(input);
  const digest = createHash("sha256").update(hex).digest("hex").slice(0, 8);
  const file = join(FOUND, `${name}-${digest}.txt`);
  const what = error instanceof Error ? error.stack ?? error.message : String(error);
  const comment = what.split("\n").map((line) => `# ${line}`).join("\n");
  mkdirSync(FOUND, { recursive: true });
  writeFileSync(file, `${comment}\n${hex}\n`);
  const place = relative(process.cwd(), file);
  console.error(`${name} FAILED, ${input.length} bytes: ${hex}\n${what}`);
  console.error(
    alone
      ? `again: scripts/fuzz replay ${place}`
      : `it fails only behind others: scripts/fuzz ${name} --seed ${seed} --cores 1`,
  );
}
