/**
 * A parser of the Prometheus text format 0.0.4 that refuses whatever the format does not say.
 *
 * It is stricter than Prometheus: HELP and TYPE come exactly once, in this order, right before the
 * samples of their metric, and no sample comes twice.
 */
export interface ParsedMetric {
  readonly help: string;
  readonly type: string;
  /** By the labels as written, `{reason="truncated"}` or empty. */
  readonly samples: Map<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (\\S+)$`);
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

export function parseExposition(text: string): Map<string, ParsedMetric> {
  if (!text.endsWith("\n")) throw new Error("The last line does not end in a line feed");
  const metrics = new Map<string, ParsedMetric>();
  const lines = text.slice(0, -1).split("\n");
  let at = 0;
  while (at < lines.length) {
    const [, name, help] = HELP.exec(lines[at]!) ?? fail(lines[at]!, "HELP expected");
    const [, typed, type] = TYPE.exec(lines[at + 1] ?? "") ?? fail(name!, "TYPE expected");
    if (typed !== name || metrics.has(name!)) fail(name!, "twice, or TYPE of another metric");
    at += 2;
    const samples = new Map<string, number>();
    for (; at < lines.length && !lines[at]!.startsWith("#"); at++) {
      const [, sampled, labels = "", value] = SAMPLE.exec(lines[at]!) ?? fail(lines[at]!, "bad");
      if (sampled !== name || samples.has(labels)) fail(lines[at]!, "stray or repeated sample");
      samples.set(labels, parseValue(value!));
    }
    metrics.set(name!, { help: help!, type: type!, samples });
  }
  return metrics;
}

function parseValue(text: string): number {
  if (!VALUE.test(text)) fail(text, "not a value");
  return Number(text.replace("Inf", "Infinity"));
}

function fail(what: string, why: string): never {
  throw new Error(`${why}: ${what}`);
}
