import type { ClientDocument } from "../client_document.ts";
import {
  CLIENT_STATE_TEXT,
  leavingText,
  nativeText,
  outsideTexts,
  serverName,
  serverText,
} from "../client_text.ts";
import type { CheckDocument, StatusDocument } from "../document.ts";
import type { ChangeDocument, HistoryDocument, WarningDocument } from "../history_document.ts";
import type { RecordingDocument } from "../recordings_document.ts";
import { bytes, count, duration } from "../units.ts";
import { CHARTS } from "./charts.ts";
import { figureOf, summaryOf } from "./figures.ts";
import type { Refusal } from "./refusal.ts";
import { clockOf } from "./time.tsx";

/** The first view as plain text, as curl gets it. @param now Unix time */
export function overviewText(
  status: StatusDocument,
  history: HistoryDocument,
  recordings: readonly RecordingDocument[] | Refusal,
  now: number,
): string {
  const { role, program_version, sentence, checks, changes, warnings, process } = status;
  const span = history.step === 1 ? "15 minutes" : "24 hours";
  return [
    sentence,
    `teredo ${role} ${program_version}, at ${clockOf(now, now)}`,
    ...part("Checks", checks.flatMap((it) => checkLines(it, now))),
    ...(status.client === undefined ? [] : part("Client", clientLines(status.client))),
    ...part("What happened", changes.toReversed().map((it) => changeLine(it, now))),
    ...part(
      "Warnings of the last hour",
      warnings.toReversed().flatMap((it) => warningLines(it, now)),
    ),
    ...part(`The last ${span}`, figureLines(role, history)),
    ...part("Recordings of packets", recordingLines(recordings, now)),
    ...part("Packets discarded since the start", dropLines(status.drops)),
    ...part("Process", [
      `${process.pid}, for ${duration(process.uptime_seconds)}, ` +
      `${bytes(process.resident_memory_bytes)}, UDP ${status.listening.join(", ")}`,
    ]),
    "",
  ].join("\n");
}

function part(title: string, lines: readonly string[]): string[] {
  return ["", title, ...(lines.length === 0 ? ["none"] : lines).map((it) => `  ${it}`)];
}

const mendLine = (mend: string | undefined) => mend === undefined ? [] : [`      mend: ${mend}`];

function checkLines({ name, ok, detail, since, mend }: CheckDocument, now: number): string[] {
  const time = since === undefined ? "" : ` (for ${duration(now - Date.parse(since) / 1000)})`;
  return [`${ok ? "ok    " : "FAILS "}${name}: ${detail}${time}`, ...mendLine(mend)];
}

function clientLines(client: ClientDocument): string[] {
  const { state, leaving, address, deprecated, server, standbys, unresolved } = client;
  const outside = outsideTexts(client);
  return [
    `${CLIENT_STATE_TEXT[state]}: ${address ?? "no address"}`,
    ...(leaving === undefined ? [] : [leavingText(leaving)]),
    ...deprecated.map((it) => `deprecated: ${it}`),
    ...(outside.length === 0 ? [] : [outside.join("; ")]),
    nativeText(client),
    ...(server === undefined ? [] : [`server ${serverName(server)}: ${serverText(server)}`]),
    ...standbys.map((it) => `standby ${serverName(it)}: ${serverText(it)}`),
    ...unresolved.map(({ name, why }) => `no address of ${name}: ${why}`),
  ];
}

function changeLine(
  { time, text }: Pick<ChangeDocument, "time" | "text">,
  now: number,
): string {
  return `${clockOf(Date.parse(time) / 1000, now)}  ${text}`;
}

function warningLines(warning: WarningDocument, now: number): string[] {
  const times = warning.count === 1 ? "" : ` (${count(warning.count)} times)`;
  return [`${changeLine(warning, now)}${times}`, ...mendLine(warning.mend)];
}

function figureLines(role: StatusDocument["role"], history: HistoryDocument): string[] {
  return CHARTS[role].map((chart) => {
    const figure = figureOf(chart, history);
    return `${figure.title}: ${summaryOf(figure)}`;
  });
}

function recordingLines(
  recordings: readonly RecordingDocument[] | Refusal,
  now: number,
): string[] {
  if ("error" in recordings) return [recordings.error];
  return recordings.map(({ id, time, why, packets }) =>
    `${changeLine({ time, text: why }, now)}, ${count(packets)} packets: recordings/${id}.pcapng`
  );
}

function dropLines(drops: StatusDocument["drops"]): string[] {
  return Object.entries(drops).filter(([, packets]) => packets > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, packets]) => `${reason}: ${count(packets)}`);
}
