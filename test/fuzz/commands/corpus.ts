import { spawnSync } from "node:child_process";
import { foundFile, keptFile, readInputs, writeInputs } from "../engine/corpus.ts";
import { selection } from "../engine/fuzzer.ts";
import { instrument } from "../engine/instrument.ts";
import { COVERS, TARGETS } from "../targets/mod.ts";

/** Kept with the project, of each target: what takes most in few bytes. */
const MOST_BYTES = 12_000;

/** Chooses, of what runs have found, what is kept with the project: the inputs that take all there is. */
export async function chooseCorpus(names: readonly string[]): Promise<number> {
  const [name, ...others] = names.length === 0 ? Object.keys(TARGETS) : names;
  instrument(COVERS[name!]!);
  const { target } = await TARGETS[name!]!();
  const inputs = [
    ...target.seeds(),
    ...readInputs(keptFile(name!)),
    ...readInputs(foundFile(name!)),
  ];
  const chosen = await selection(target, inputs);
  let room = MOST_BYTES;
  const kept = chosen.filter(({ length }) => length <= room && (room -= length) >= 0);
  writeInputs(keptFile(name!), kept);
  console.error(`${name}: ${kept.length} of ${chosen.length} inputs, ${inputs.length} known`);
  if (others.length === 0) return 0;
  // Each has sources of its own to count in.
  const [program, ...rest] = process.argv as [string, ...string[]];
  return spawnSync(program, [rest[0]!, "corpus", ...others], { stdio: "inherit" }).status ?? 1;
}
