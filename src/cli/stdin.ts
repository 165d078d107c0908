import { fstatSync } from "node:fs";
import { isatty } from "node:tty";
import { MAX_FILE_LENGTH } from "#src/config/syntax/mod.ts";
import { messageOf, UsageError } from "./exit.ts";

const PATIENCE = 10_000;

/**
 * All of standard input, at most one byte more than a configuration may have, so that whoever reads
 * it sees that it is too long.
 *
 * @throws UsageError for a terminal, where nobody means to type a configuration, and for a writer
 * that is silent for 10 s
 */
export function readStandardInput(): Promise<Uint8Array> {
  if (isatty(0)) {
    throw new UsageError("standard input is a terminal; write `teredo config check - < FILE`");
  }
  const stdin = openStandardInput();
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const settle = (then: () => void) => {
      clearTimeout(timer);
      stdin.removeAllListeners();
      stdin.on("error", () => {});
      stdin.destroy();
      then();
    };
    const done = () => settle(() => resolve(Buffer.concat(chunks)));
    const fail = (problem: string) => settle(() => reject(new UsageError(problem)));
    const silent = () => fail(`nothing on standard input for ${PATIENCE / 1000} s; name a file`);
    let timer = setTimeout(silent, PATIENCE);
    stdin.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      length += chunk.length;
      clearTimeout(timer);
      timer = setTimeout(silent, PATIENCE);
      if (length > MAX_FILE_LENGTH) done();
    });
    stdin.on("end", done);
    stdin.on("error", (error: Error) => fail(unreadable(error)));
  });
}

function openStandardInput(): NodeJS.ReadStream {
  try {
    if (fstatSync(0).isDirectory()) throw new Error("a directory");
    return process.stdin;
  } catch (error) {
    throw new UsageError(unreadable(error));
  }
}

function unreadable(error: unknown): string {
  return `standard input cannot be read (${messageOf(error)}); name a file`;
}
