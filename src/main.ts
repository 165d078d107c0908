import process from "node:process";
import { runCommandLine } from "#src/cli/command_line.ts";

process.exit(await runCommandLine(process.argv.slice(2)));
