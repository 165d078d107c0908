import type { StatusDocument } from "#src/status/document.ts";
import type { Context } from "../context.ts";
import { EXIT, messageOf, UsageError } from "../exit.ts";
import { DEFAULT_URLS, fetchStatus } from "../status/client.ts";
import { formatStatus } from "../status/table.ts";

export interface StatusFlags {
  readonly url?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

const INTERVAL = 1_000;
const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** `teredo status`: of the daemon at --url, or of every one that answers at a default place. */
export default async function runStatus(this: Context, flags: StatusFlags): Promise<void> {
  let before: readonly StatusDocument[] = [];
  // Ctrl-C is how watching ends, so no failure.
  if (flags.watch) process.on("SIGINT", () => process.exit(EXIT.Ok));
  const { stdout } = this.process;
  do {
    const now = await ask(this, flags.url);
    if (flags.watch && stdout.isTerminal) stdout.write(CLEAR_SCREEN);
    show(this, flags, now, before);
    this.status = now.length > 0 ? EXIT.Ok : EXIT.Failed;
    before = now;
    if (flags.watch) await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  } while (flags.watch);
}

async function ask(context: Context, url: string | undefined): Promise<StatusDocument[]> {
  const urls = url === undefined ? DEFAULT_URLS : [url];
  const answers = await Promise.allSettled(urls.map(fetchStatus));
  const found = answers.flatMap((it) => it.status === "fulfilled" ? [it.value] : []);
  if (found.length > 0) return found;
  for (const [i, answer] of answers.entries()) {
    if (answer.status === "fulfilled") continue;
    if (answer.reason instanceof UsageError) throw answer.reason;
    context.process.stderr.write(`teredo: no answer from ${urls[i]}: ${reasonOf(answer.reason)}\n`);
  }
  return [];
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ECONNREFUSED" || code === "ConnectionRefused") return "nothing listens there";
  if (code === "ENOENT" || code === "FailedToOpenSocket") return "there is no such socket";
  return messageOf(error);
}

function show(
  { process: { stdout } }: Context,
  { json }: StatusFlags,
  now: readonly StatusDocument[],
  before: readonly StatusDocument[],
): void {
  for (const status of now) {
    if (json) stdout.write(`${JSON.stringify(status)}\n`);
    else {stdout.write(formatStatus(
        stdout,
        status,
        before.find((it) => it.process.pid === status.process.pid),
      ));}
  }
}
