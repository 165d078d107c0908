import { parseArgs } from "node:util";
import { chooseCorpus } from "./commands/corpus.ts";
import { replay } from "./commands/replay.ts";
import { run, table } from "./commands/run.ts";
import { work } from "./commands/work.ts";
import { TARGETS } from "./targets/mod.ts";

/** `scripts/fuzz`: see its head. */
const { values, positionals } = orComplain(() =>
  parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string" },
      executions: { type: "string" },
      seed: { type: "string", default: `${Math.floor(Math.random() * 2 ** 32)}` },
      cores: { type: "string", default: `${navigator.hardwareConcurrency}` },
      datagrams: { type: "string", default: "10000000" },
    },
  })
);

function orComplain<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(
      `scripts/fuzz: ${(error as Error).message}; scripts/fuzz --help says what there is`,
    );
    process.exit(2);
  }
}

function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text.replaceAll("_", ""));
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${text} is not a whole number`);
}

async function main(): Promise<number> {
  const [what, ...rest] = positionals;
  const plan = orComplain(() => {
    const executions = whole(values.executions, Infinity);
    return {
      executions,
      seconds: whole(values.seconds, executions === Infinity ? 60 : Infinity),
      seed: whole(values.seed, 0),
      cores: Math.max(1, whole(values.cores, 1)),
    };
  });
  switch (what) {
    case "replay":
      return await replay(rest);
    case "corpus":
      return await chooseCorpus(rest);
    case "table":
      return table();
    case "work":
      return await work(rest[0]!, plan);
    case "sockets": {
      const { fuzzSockets } = await import("./sockets/mod.ts");
      return await fuzzSockets(orComplain(() => whole(values.datagrams, 0)), plan.seed);
    }
  }
  const unknown = positionals.find((name) => !(name in TARGETS));
  if (unknown !== undefined) {
    console.error(`no target ${unknown}: there are ${Object.keys(TARGETS).join(", ")}`);
    return 2;
  }
  return await run(positionals, plan);
}

process.exit(await main());
