/** @jsxImportSource hono/jsx */
import type { StatusDocument } from "../document.ts";
import type {
  RecordedRow,
  RecordingDocument,
  RecordingKind,
  RecordingRowsDocument,
} from "../recordings_document.ts";
import { count } from "../units.ts";
import { Frame } from "./frame.tsx";
import { MARKS } from "./marks.tsx";
import { Prose } from "./prose.tsx";
import type { Refusal } from "./refusal.ts";
import { Shape, type ShapeName } from "./shapes.tsx";
import { Time } from "./time.tsx";

const SHAPES: Readonly<Record<RecordingKind, ShapeName>> = {
  not_ready: "fail",
  drops: "warn",
  peer_failed: "note",
};

/** What was set aside of the last packets, beside the charts that show when. */
export function Recordings({ recordings, now }: {
  readonly recordings: readonly RecordingDocument[] | Refusal;
  readonly now: number;
}) {
  return (
    <section id="recordings" aria-labelledby="recordings-title">
      <h2 id="recordings-title">Recordings of packets</h2>
      {"error" in recordings
        ? (
          <p class="none">
            <Prose text={`${recordings.error}.`} />
          </p>
        )
        : (
          <>
            <p class="hint">
              Headers of the last packets, set aside when something went wrong and marked in the
              charts. As of now: <a href="recording.pcapng?last=60" download>the last minute</a>.
            </p>
            {recordings.length === 0 && <p class="none">Nothing went wrong that was recorded.</p>}
            <ol class="events">
              {recordings.map((it) => <Listed recording={it} now={now} />)}
            </ol>
          </>
        )}
    </section>
  );
}

function Listed({ recording, now }: {
  readonly recording: RecordingDocument;
  readonly now: number;
}) {
  const { id, time, kind, why, packets } = recording;
  return (
    <li data-time={Date.parse(time) / 1000} data-kind={MARKS.recording} data-text={why}>
      <Time at={time} now={now} />
      <Shape name={SHAPES[kind]} />
      <span>
        <a href={`recording?id=${encodeURIComponent(id)}`}>{why}</a>, {count(packets)} packets,{" "}
        <File id={id} />
      </span>
    </li>
  );
}

function File({ id }: { readonly id: string }) {
  return <a href={`recordings/${encodeURIComponent(id)}.pcapng`} download>pcapng</a>;
}

export interface RecordingProps {
  readonly status: StatusDocument;
  readonly now: number;
  readonly recording: RecordingRowsDocument | Refusal;
}

/** `GET /recording` */
export function RecordingPage({ status, now, recording }: RecordingProps) {
  const isThere = !("error" in recording);
  const title = isThere ? recording.why : "No recording";
  return (
    <Frame
      title={`${title} · teredo ${status.role}`}
      status={status}
      now={now}
      scripts={["peer"]}
    >
      <section class="peers" aria-labelledby="recording-title">
        <h1 id="recording-title">{title}</h1>
        {isThere
          ? <Recorded recording={recording} now={now} />
          : <p class="problem" role="alert">{recording.error}</p>}
      </section>
    </Frame>
  );
}

function Recorded({ recording, now }: {
  readonly recording: RecordingRowsDocument;
  readonly now: number;
}) {
  const { id, time, packets, rows } = recording;
  const shown = rows.length === packets ? "" : `, of which here are the last ${count(rows.length)}`;
  return (
    <>
      <p class="hint">
        <Time at={time} now={now} />, {count(packets)} packets{shown}. All of them, for Wireshark:
        {" "}
        <File id={id} />
      </p>
      <div class="scroll" tabindex={0} role="region" aria-label="Table of packets">
        <table class="packets">
          <caption class="unseen">Packets, the latest first</caption>
          <thead>
            <tr>
              <th scope="col">seconds before</th>
              <th scope="col" class="text">way</th>
              <th scope="col" class="text">packet</th>
              <th scope="col">bytes</th>
              <th scope="col" class="text">what became of it</th>
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map((row) => <Packet row={row} end={Date.parse(time)} />)}
          </tbody>
        </table>
      </div>
    </>
  );
}

const WAYS: Readonly<Record<RecordedRow["way"], string>> = {
  from_udp: "from UDP",
  from_ipv6: "from IPv6",
  to_udp: "to UDP",
  to_ipv6: "to IPv6",
  from_hold: "was held",
};

function Packet({ row, end }: { readonly row: RecordedRow; readonly end: number }) {
  const { time, way, peer, packet, what, source, destination, bytes } = row;
  const { packets, all_bytes, did, to, reason, detail } = row;
  return (
    <tr class={reason === undefined ? "" : "dropped"}>
      <th scope="row">{((end - Date.parse(time)) / 1000).toFixed(3)}</th>
      <td class="text">{WAYS[way]} {peer}</td>
      <td class="text">
        {packet !== undefined && <>{packet} {source} &gt; {destination} {what}</>}
      </td>
      <td>{packets === undefined ? bytes : `${packets} × ${bytes}, ${all_bytes} in all`}</td>
      <td class="text">
        {reason === undefined ? [did, to].filter(Boolean).join(" to ") : `${detail} (${reason})`}
      </td>
    </tr>
  );
}
