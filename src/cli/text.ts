import { type ApplicationText, ArgumentScannerError, text_en } from "@stricli/core";
import { printable } from "#src/config/printable.ts";
import { isJournal } from "#src/log/stderr.ts";
import { messageOf } from "./exit.ts";

/** Stricli's words, in this program's form: `teredo: problem`. */
export const TEXT: ApplicationText = {
  ...text_en,
  formatException: messageOf,
  noCommandRegisteredForInput(args) {
    const did = args.corrections.length === 0 || args.input === ""
      ? ""
      : `; did you mean ${args.corrections.join(", ")}?`;
    return `teredo: there is no command "${printable(args.input)}"${did}\nTry: teredo help`;
  },
  exceptionWhileParsingArguments(error, ansiColor) {
    const message = error instanceof ArgumentScannerError
      ? text_en.exceptionWhileParsingArguments.call(this, error, ansiColor)
      : messageOf(error);
    return `teredo: ${printable(message)}`;
  },
  exceptionWhileLoadingCommandFunction: (error) => `teredo: ${messageOf(error)}`,
  exceptionWhileLoadingCommandContext: (error) => `teredo: ${messageOf(error)}`,
  exceptionWhileRunningCommand: (error) => prefixed(messageOf(error)),
  commandErrorResult: (error) => prefixed(messageOf(error)),
};

/** Each line stands on its own in a journal, and there says that it is an error. */
function prefixed(message: string): string {
  const prefix = isJournal() ? "<3>teredo: " : "teredo: ";
  return message.split("\n").map((line) => prefix + printable(line)).join("\n");
}
