import type { SeriesName } from "#src/status/history_document.ts";
import { type ClientView, type DatedCheck, isReady, type Snapshot } from "#src/status/snapshot.ts";
import { clientDocument } from "#src/status/client_document.ts";
import { CLIENT_STATE_TEXT, nativeText, natText } from "#src/status/client_text.ts";
import { bits, decimal } from "#src/status/units.ts";
import { QUALIFIED } from "./checks/client/serving.ts";
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
  /** Of a client: behind the time. */
  readonly where?: string;
}

/**
 * How the daemon is, in one sentence, as pages and the service manager show it:
 *
 *     Ready for 3 days: 312 peers, 41 Mbit/s up, 3 Mbit/s down
 *     Not ready for 2 minutes, route: 2001::/32 leads to eth0 (and 1 more): 7 peers
 *     Qualified for 3 hours behind a cone or restricted NAT: 2001:0:..., 12 peers, native hosts answer
 */
export function sentenceOf(snapshot: Told, rates: Rates, now: Date): string {
  const { word, since = now, why, where = "" } = stateOf(snapshot);
  const seconds = (now.getTime() - since.getTime()) / 1_000;
  const time = seconds < 1 ? "" : ` for ${span(seconds)}`;
  const traffic = trafficOf(snapshot, rates).join(", ");
  return `${word}${time}${where}${why}${traffic === "" ? "" : `: ${traffic}`}`;
}

/** What of the sentence is another one when the daemon is, not with time and traffic. */
export function stateText(snapshot: Told): string {
  const { word, why } = stateOf(snapshot);
  return word + why;
}

/** Ready since the last check passes, and not ready since the first one fails. */
function stateOf({ checks, draining, client }: Told): State {
  const serving = checks.find(({ name }) => name === SERVING);
  if (draining) return { word: "Draining", since: serving?.since, why: "" };
  const isQuiet = checks.every(({ name, ok }) => ok || name === QUALIFIED);
  if (client !== undefined && checks.length > 0 && isQuiet) {
    return clientState(client);
  }
  if (isReady({ checks })) return { word: "Ready", since: at(Math.max, checks), why: "" };
  const failing = checks.filter(({ ok }) => !ok);
  const [first, ...others] = failing;
  if (first === undefined) return { word: "Not ready", since: undefined, why: "" };
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const why = `, ${first.name}: ${first.detail}${more}`;
  return { word: "Not ready", since: at(Math.min, failing), why };
}

const isCarrying = ({ state }: ClientView) => state === "qualified" || state === "failing";

/** All that could be wrong with it is what its servers make of it. */
function clientState(client: ClientView): State {
  const { state, since, nat } = client;
  const where = isCarrying(client) && nat !== "unknown"
    ? ` ${nat === "none" ? "with" : "behind"} ${natText(clientDocument(client))}`
    : "";
  return { word: CLIENT_STATE_TEXT[state], since, why: "", where };
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
function trafficOf({ role, gauges, client }: Told, rates: Rates): string[] {
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
  if (client !== undefined && !isCarrying(client) && client.state !== "relay") return [];
  const { address, native } = client ?? {};
  return [
    ...(address === undefined ? [] : [address]),
    `${peers} peer${peers === 1 ? "" : "s"}`,
    ...(native === undefined || native === "unknown" ? [] : [nativeText({ native })]),
    ...rate(["bits_up"], (it) => `${bits(it)} up`),
    ...rate(["bits_down"], (it) => `${bits(it)} down`),
  ];
}
