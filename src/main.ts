import process from "node:process";
import { runCommandLine } from "#src/cli/run.ts";

process.exit(await runCommandLine(process.argv.slice(2)));
