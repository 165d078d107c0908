import type { SeriesName } from "#src/status/history_document.ts";
import { type DatedCheck, isReady, type Snapshot } from "#src/status/snapshot.ts";
import { bits, decimal } from "#src/status/units.ts";
import { SERVING } from "./readiness.ts";

const SOLICITATIONS: readonly SeriesName[] = [
  "solicitations_cone",
  "solicitations_restricted",
  "solicitations_secondary",
];

/** What passes in a second; undefined: nobody has looked long enough. */
export type Rates = (name: SeriesName) => number | undefined;

type Told = Omit<Snapshot, "sentence">;

interface State {
  readonly word: string;
  readonly since: Date | undefined;
  readonly why: string;
}

/**
 * How the daemon is, in one sentence, as pages and the service manager show it:
 *
 *     Ready for 3 days: 312 peers, 41 Mbit/s up, 3 Mbit/s down
 *     Not ready for 2 minutes, route: 2001::/32 leads to eth0 (and 1 more): 7 peers
 */
export function sentenceOf(snapshot: Told, rates: Rates, now: Date): string {
  const { word, since = now, why } = stateOf(snapshot);
  const seconds = (now.getTime() - since.getTime()) / 1_000;
  const time = seconds < 1 ? "" : ` for ${span(seconds)}`;
  const traffic = trafficOf(snapshot, rates).join(", ");
  return `${word}${time}${why}${traffic === "" ? "" : `: ${traffic}`}`;
}

/** What of the sentence is another one when the daemon is, not with time and traffic. */
export function stateText(snapshot: Told): string {
  const { word, why } = stateOf(snapshot);
  return word + why;
}

/** Ready since the last check passes, and not ready since the first one fails. */
function stateOf({ checks, draining }: Told): State {
  const serving = checks.find(({ name }) => name === SERVING);
  if (draining) return { word: "Draining", since: serving?.since, why: "" };
  if (isReady({ checks })) return { word: "Ready", since: at(Math.max, checks), why: "" };
  const failing = checks.filter(({ ok }) => !ok);
  const [first, ...others] = failing;
  if (first === undefined) return { word: "Not ready", since: undefined, why: "" };
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const why = `, ${first.name}: ${first.detail}${more}`;
  return { word: "Not ready", since: at(Math.min, failing), why };
}

const SPANS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;

/** Rounded down, in the largest unit that it has one of. @param seconds at least 1 */
function span(seconds: number): string {
  const [name, length] = SPANS.find(([, length]) => seconds >= length)!;
  const count = Math.floor(seconds / length);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

function at(choose: (...times: number[]) => number, checks: readonly DatedCheck[]): Date {
  return new Date(choose(...checks.map(({ since }) => since.getTime())));
}

/** How much passes: of the relay in bits, of the server, which carries little, in messages. */
function trafficOf({ role, gauges }: Told, rates: Rates): string[] {
  const { peers } = gauges;
  const rate = (names: readonly SeriesName[], words: (rate: number) => string) => {
    const found = names.map(rates).filter((it) => it !== undefined);
    return found.length < names.length ? [] : [words(found.reduce((sum, it) => sum + it, 0))];
  };
  if (role === "server") {
    return [
      ...rate(SOLICITATIONS, (it) => `${decimal(it)} solicitations/s`),
      ...rate(["bubbles_forwarded"], (it) => `${decimal(it)} bubbles/s`),
    ];
  }
  return [
    `${peers} peer${peers === 1 ? "" : "s"}`,
    ...rate(["bits_up"], (it) => `${bits(it)} up`),
    ...rate(["bits_down"], (it) => `${bits(it)} down`),
  ];
}
