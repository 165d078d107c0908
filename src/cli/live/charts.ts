import type { SeriesName } from "#src/status/history_document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { bits, count, millis, rate, share } from "#src/status/units.ts";

/** A number that is shown with its past. */
export interface Chart {
  readonly label: string;
  /** What it is the sum of. */
  readonly series: readonly SeriesName[];
  readonly format: (value: number) => string;
  /** The lower the sooner it has its line. */
  readonly rank: number;
}

const chart = (
  label: string,
  rank: number,
  format: Chart["format"],
  ...series: readonly SeriesName[]
): Chart => ({ label, rank, format, series });

const DROPPED = chart("dropped", 13, rate, "drops");
const PROCESSOR = chart("processor", 27, share, "cpu");

/** In their order on the screen. */
export const CHARTS: Readonly<Record<Snapshot["role"], readonly Chart[]>> = {
  relay: [
    chart("to clients", 10, bits, "bits_down"),
    chart("from clients", 11, bits, "bits_up"),
    chart("packets to", 22, rate, "packets_down"),
    chart("packets from", 23, rate, "packets_up"),
    chart("peers", 12, count, "peers_trusted", "peers_resolving", "peers_failed"),
    chart("trusted", 21, count, "peers_trusted"),
    chart("new peers", 25, rate, "new_peers"),
    chart("bubbles sent", 24, rate, "bubbles_sent"),
    chart("answered", 26, rate, "bubbles_answered"),
    DROPPED,
    PROCESSOR,
  ],
  server: [
    chart(
      "solicitations",
      10,
      rate,
      "solicitations_cone",
      "solicitations_restricted",
      "solicitations_secondary",
    ),
    chart("advertisements", 11, rate, "advertisements"),
    chart("forwarded", 12, rate, "bubbles_forwarded", "icmpv6_forwarded", "native_forwarded"),
    chart("- cone", 29, rate, "solicitations_cone"),
    chart("- restricted", 30, rate, "solicitations_restricted"),
    chart("- secondary", 31, rate, "solicitations_secondary"),
    chart("received", 21, bits, "bits_up"),
    chart("sent", 22, bits, "bits_down"),
    DROPPED,
    PROCESSOR,
  ],
  client: [
    chart("down", 10, bits, "bits_down"),
    chart("up", 11, bits, "bits_up"),
    chart("packets down", 22, rate, "packets_down"),
    chart("packets up", 23, rate, "packets_up"),
    chart("server", 12, millis, "server_rtt"),
    chart("peers", 20, count, "peers_trusted", "peers_resolving", "peers_failed"),
    chart("trusted", 21, count, "peers_trusted"),
    chart("bubbles sent", 24, rate, "bubbles_sent"),
    chart("echo tests", 25, rate, "echo_tests"),
    DROPPED,
    PROCESSOR,
  ],
};

/** What the series of a history, or one row of it, are by their names. */
type Series = Readonly<Partial<Record<SeriesName, readonly (number | null)[]>>>;

/** What a chart showed in row `i`; NaN: it is not known. A series that is missing is 0. */
export function valueOf({ series }: Chart, rows: Series, i: number): number {
  const values = series.map((name) => rows[name] === undefined ? 0 : rows[name][i]);
  return values.reduce<number>((sum, it) => sum + (typeof it === "number" ? it : NaN), 0);
}
