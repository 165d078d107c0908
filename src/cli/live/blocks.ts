import { SERVING } from "#src/daemon/readiness.ts";
import type { CheckDocument, StatusDocument } from "#src/status/document.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";
import type { DropReason } from "#src/status/snapshot.ts";
import { count, duration, rate } from "#src/status/units.ts";
import { conditionOf, factsOf, failuresOf, peersOf } from "../status/table.ts";
import type { Block, Item, Size } from "./arrange.ts";
import { chartLines } from "./chart_lines.ts";
import { clockOf, dateOf } from "./clock.ts";
import { cut, type Line, narrow, type Piece, type Tone, wrapped } from "./line.ts";
import type { Look } from "./look.ts";
import type { Seen, View } from "./seen.ts";

/** Columns before a text that goes on below itself: behind a word of alarm, and behind all else. */
const ALARM_INDENT = 5;
const INDENT = 12;
/** Between the name of a daemon and its state, and for the clock behind. */
const GAP = 2;
const CLOCK = 10;
/** A text takes at most a fifth of the lines, one that is not of this moment less. */
const SHARE = 5;
const PAST_SHARE = 12;
/** Columns from which there is room for why packets are dropped. */
const WITH_REASON = 100;
const TONES = { 31: "red", 32: "green", 33: "yellow" } as const satisfies Record<number, Tone>;

/** Everything there is to say of a daemon, in its order on the screen. */
export function blocksOf(seen: Seen, view: View, size: Size, look: Look): Block[] {
  const { status } = seen;
  const spoken: Spoken = (label, text, rank, share = SHARE) => {
    const most = Math.max(2, Math.floor(size.rows / share));
    return { rank, lines: said(label, narrow(text, look), size.columns, most) };
  };
  const blocks: Block[] = [
    {
      items: [
        header(seen, size, look),
        ...silent(seen, spoken),
        ...failing(status).flatMap((it, i) => check(it, i, view, spoken)),
      ],
    },
    { items: chartLines(seen, size, look) },
    drops(seen, size, look),
    changes(seen, view, spoken),
    warnings(seen, view, spoken),
    {
      head: title("refused by the kernel"),
      items: failuresOf(status).map((it, i) => spoken({ text: "", tone: "dim" }, it, 28 + i)),
    },
    {
      items: [...factsOf(status), ...peersOf(status)].map(([name, fact], i) =>
        spoken({ text: name, tone: "dim" }, fact, 40 + i)
      ),
    },
    counted(seen, size, look),
  ];
  return blocks.filter(({ items }) => items.length > 0);
}

/** @param share of a low terminal's lines, 1 by this, that it may take */
type Spoken = (label: Piece, text: string, rank: number, share?: number) => Item;

/** A text beside its label, in at most so many lines. */
function said(label: Piece, text: string, columns: number, most: number): Line[] {
  const { length } = label.text;
  const indent = length > 0 && length < ALARM_INDENT ? ALARM_INDENT : INDENT;
  const [first = "", ...rest] = wrapped(text, columns - indent, most);
  return [
    [label, " ".repeat(indent - length), first],
    ...rest.map((line): Line => [" ".repeat(indent), line]),
  ];
}

const title = (text: string): Line => [{ text, tone: "dim" }];

function header({ status, silence, age }: Seen, { columns }: Size, look: Look): Item {
  const name = narrow(`teredo ${status.role} ${status.program_version}`, look);
  const { text, colour } = conditionOf(status);
  // `Ready for 3 days`: what passes is told below. A daemon of an older version has no sentence.
  const since =
    /^.*?(?=[:,]| behind | with no NAT|$)/.exec(narrow(status.sentence ?? "", look))![0];
  const isRoom = name.length + GAP + since.length <= columns - CLOCK;
  const state = silence !== undefined
    ? { text: `no answer for ${duration(age)}`, tone: "red" as const }
    : { text: status.alive && since !== "" && isRoom ? since : text, tone: TONES[colour] };
  return { rank: 0, lines: [[{ text: name, tone: "bold" }, " ".repeat(GAP), state]] };
}

function silent({ silence, age }: Seen, spoken: Spoken): Item[] {
  if (silence === undefined) return [];
  const text = `${silence}; what is shown is ${duration(age)} old`;
  return [spoken({ text: "OLD", tone: "red" }, text, 1)];
}

/** Without the one that fails because somebody wants it so, which the header says. */
function failing({ checks, draining }: StatusDocument): CheckDocument[] {
  return checks.filter(({ name, ok }) => !ok && !(draining && name === SERVING));
}

/** The first of those that fail may take more room. */
function check(
  { name, since, detail, mend }: CheckDocument,
  i: number,
  { time }: View,
  spoken: Spoken,
): Item[] {
  const share = i === 0 ? 3 : SHARE;
  // A daemon of an older version does not tell since when.
  const seconds = (time.getTime() - Date.parse(since)) / 1000;
  const span = Number.isNaN(seconds) ? "" : ` for ${duration(seconds)}`;
  const what = spoken({ text: "FAIL", tone: "red" }, `${name}${span}: ${detail}`, 3 + i, share);
  if (mend === undefined) return [what];
  return [what, spoken({ text: "mend", tone: "bold" }, mend, 3 + i, share)];
}

/** What is dropped at this moment first, then what was dropped most. */
function drops({ status, rates }: Seen, { columns }: Size, look: Look): Block {
  const rateOf = (reason: string) =>
    rates === undefined ? undefined : rates[`drops_${reason as DropReason}`] ?? 0;
  const reasons = Object.entries(status.drops).filter(([, total]) => total > 0)
    .sort(([a, m], [b, n]) => (rateOf(b) ?? 0) - (rateOf(a) ?? 0) || n - m);
  return {
    head: title(tableLine("dropped, by reason", "in all", "now", columns)),
    items: reasons.map(([reason, total], i) => {
      const help = Object.hasOwn(DROP_HELP, reason) ? DROP_HELP[reason as DropReason] : undefined;
      const name = narrow(reason, look);
      const text = tableLine(name, count(total), shown(rateOf(reason)), columns);
      const isOurs = help?.isOurs === true && (rateOf(reason) ?? 0) > 0;
      const because = columns < WITH_REASON || help === undefined
        ? ""
        : `   ${cut(help.because, columns - text.length - 3)}`;
      const line: Line = [
        isOurs ? { text: name, tone: "yellow" } : name,
        text.slice(name.length),
        { text: because, tone: "dim" },
      ];
      return { rank: 16 + 4 * i, lines: [line] };
    }),
  };
}

/** The newest first; a daemon of an older version tells none. */
function changes({ status: { changes = [] } }: Seen, { time: now }: View, spoken: Spoken): Block {
  return {
    head: title("last changes"),
    items: changes.toReversed().map(({ time, text }, i) =>
      spoken({ text: momentOf(new Date(time), now), tone: "dim" }, text, 17 + 4 * i, PAST_SHARE)
    ),
  };
}

/** Likewise. */
function warnings({ status: { warnings = [] } }: Seen, { time: now }: View, spoken: Spoken): Block {
  return {
    head: title("warnings of the last hour"),
    items: warnings.toReversed().map(({ time, level, text, mend, count }, i) => {
      const tone = level === "error" ? "red" : "yellow";
      const often = count > 1 ? `, ${count} times` : "";
      const how = mend === undefined ? "" : `; mend: ${mend}`;
      const moment = momentOf(new Date(time), now);
      return spoken({ text: moment, tone }, `${text}${often}${how}`, 25 + 4 * i, PAST_SHARE);
    }),
  };
}

/** The time of day, or the day where that was another one. */
function momentOf(time: Date, now: Date): string {
  return dateOf(time) === dateOf(now) ? clockOf(time) : dateOf(time);
}

/** All other counters, for whoever has a high terminal. */
function counted({ status, before }: Seen, { columns }: Size, look: Look): Block {
  const rates = ratesOf(status, before);
  const counters = Object.entries(status.counters).filter(([, total]) => total > 0);
  return {
    head: title(tableLine("counted", "in all", "now", columns)),
    items: counters.map(([name, total], i) => ({
      rank: 60 + i,
      lines: [[tableLine(narrow(name, look), count(total), shown(rates?.[name]), columns)]],
    })),
  };
}

const shown = (value: number | undefined) => value === undefined ? "" : rate(value);

/** How fast counters grow; undefined: there was no earlier look. */
function ratesOf(now: StatusDocument, before: StatusDocument | undefined) {
  const seconds = now.process.uptime_seconds - (before?.process.uptime_seconds ?? Infinity);
  if (before === undefined || seconds <= 0) return undefined;
  const earlier: Readonly<Record<string, number>> = before.counters;
  const rates = Object.entries(now.counters)
    .map(([name, total]) => [name, (total - (earlier[name] ?? 0)) / seconds] as const);
  return Object.fromEntries(rates);
}

/** A name and its numbers; of what does not fit the present rate goes last. */
function tableLine(name: string, total: string, now: string, columns: number): string {
  const whole = `${name.padEnd(26)}${total.padStart(14)}${now.padStart(12)}`;
  if (whole.length <= columns) return whole;
  const rest = [`${total.padStart(11)}${now.padStart(11)}`, now]
    .find((it) => name.length + it.length < columns);
  return rest === undefined ? name : name + rest.padStart(columns - name.length);
}
