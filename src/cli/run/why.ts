import type { StepDocument, WhyDocument } from "#src/status/peers_document.ts";
import type { Context } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { writeJson } from "../json.ts";
import { bold, coloured, type Output } from "../output.ts";
import { PeerPages } from "../peers/ask.ts";
import { toldBy } from "../peers/words.ts";

export interface WhyFlags {
  readonly url?: string;
  readonly config?: string;
  readonly "token-file"?: string;
  readonly json?: boolean;
}

/** `teredo why [ROLE] ADDRESS`: the words are the daemon's. */
export default async function runWhy(
  this: Context,
  flags: WhyFlags,
  first: string,
  second?: string,
): Promise<void> {
  const { role, word: address } = toldBy(first, second);
  if (address === undefined) throw new UsageError(`whose packets? teredo why ${role} ADDRESS`);
  const { stdout } = this.process;
  const parameters = new URLSearchParams({ address });
  const found = await new PeerPages({ ...flags, role }).ask<WhyDocument>(`/why?${parameters}`);
  if (flags.json) writeJson(stdout, found);
  else stdout.write(format(stdout, found));
  this.status = found.ok ? EXIT.Ok : EXIT.Failed;
}

function format(output: Output, { steps, conclusion, mend }: WhyDocument): string {
  return [
    ...steps.map((step) => `${label(output, step)} ${step.name}: ${step.detail}`),
    bold(output, conclusion),
    ...(mend === undefined ? [] : [`mend: ${mend}`]),
    "",
  ].join("\n");
}

const COLOURS = { ok: 32, note: undefined, warn: 33, fail: 31 } as const;

function label(output: Output, { verdict }: StepDocument): string {
  const text = (verdict === "fail" ? "FAIL" : verdict).padEnd(4);
  const colour = COLOURS[verdict];
  return colour === undefined ? text : coloured(output, colour, text);
}
