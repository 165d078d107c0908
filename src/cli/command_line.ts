import { proposeCompletions, run } from "@stricli/core";
import { APART } from "#src/daemon/client/apart/words.ts";
import { ERRANDS } from "#src/daemon/client/errands/words.ts";
import { UPKEEP } from "#src/daemon/upkeep/words.ts";
import { buildApp } from "./app.ts";
import { COMPLETE, proposalLine, typedWords } from "./completion.ts";
import type { Context } from "./context.ts";
import { withoutSynonyms } from "./daemon_flags.ts";
import { EXIT, statusOfParser, UsageError } from "./exit.ts";
import { openOutput, type Output } from "./output.ts";
import { preparedWords } from "./words.ts";
import { version } from "./version.ts";

/**
 * Runs one command line.
 *
 * @param argv without the program's name
 * @param open standard output, 1, and standard error, 2
 * @returns the exit status
 */
export async function runCommandLine(
  argv: readonly string[],
  open: (fd: 1 | 2) => Output = openOutput,
): Promise<number> {
  const app = buildApp(version());
  // What stands behind `--` names no command.
  const named = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const incomplete = isGroup(app, named);
  // Help that nobody asked for is a complaint.
  const process = {
    stdout: open(incomplete ? 2 : 1),
    stderr: open(2),
    env: globalThis.process.env,
  };
  const context: Context = { process, status: EXIT.Ok };
  if (argv[0] === UPKEEP) return await (await import("./run/upkeep.ts")).default();
  if (argv[0] === ERRANDS) return await (await import("./run/errands.ts")).default();
  if (argv[0] === APART) return await (await import("./run/apart.ts")).default();
  if (argv[0] === COMPLETE) return await complete(app, argv.slice(1), context);
  try {
    const prepared = preparedWords(withoutSynonyms(argv));
    const words = incomplete ? [...named, "--help"] : withoutHelpCommand(prepared);
    await run(app, words, context);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`teredo: ${error.message}\n`);
    return EXIT.Usage;
  }
  const status = statusOfParser(context.process.exitCode);
  if (status !== EXIT.Ok) return status;
  return incomplete ? EXIT.Usage : context.status;
}

/** `teredo` and `teredo check` alone only name commands to choose from. */
function isGroup(app: ReturnType<typeof buildApp>, argv: readonly string[]): boolean {
  if (argv.length === 0) return true;
  const isMap = "getRoutingTargetForInput" in app.root;
  const target = isMap ? app.root.getRoutingTargetForInput(argv[0]!) : undefined;
  return argv.length === 1 && target !== undefined && "getAllEntries" in target;
}

/** `teredo help a b` is `teredo a b --help`. */
function withoutHelpCommand(argv: readonly string[]): readonly string[] {
  return argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
}

/** One proposal a line. */
async function complete(
  app: ReturnType<typeof buildApp>,
  words: readonly string[],
  context: Context,
): Promise<number> {
  const typed = typedWords(words);
  const partial = typed.words.at(-1) ?? "";
  const parsed = typed.words[0] === "help" ? typed.words.slice(1) : withoutSynonyms(typed.words);
  const proposals = (await proposeCompletions(app, parsed, context))
    .filter(({ completion }) => completion !== "--");
  // Flags come to whoever types a dash, unless there is nothing else.
  const others = proposals.filter(({ completion }) => !completion.startsWith("-"));
  const shown = partial === "" && others.length > 0 ? others : proposals;
  for (const { completion, brief } of shown) {
    context.process.stdout.write(proposalLine(`${typed.prefix}${completion}`, brief));
  }
  return EXIT.Ok;
}
