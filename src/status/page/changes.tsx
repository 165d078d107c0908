/** @jsxImportSource hono/jsx */
import type { ChangeDocument, ChangeKind, WarningDocument } from "../history_document.ts";
import { Mend, Prose } from "./prose.tsx";
import { Shape, type ShapeName } from "./shapes.tsx";
import { Time } from "./time.tsx";

const SHAPES: Readonly<Partial<Record<ChangeKind, ShapeName>>> = {
  ready: "ok",
  failed: "dead",
  not_ready: "fail",
  drained: "pause",
  ending: "pause",
  reload_refused: "warn",
  offload_lost: "warn",
  withdrawn: "warn",
};

/** What has happened, the newest first. */
export function Changes({ changes, now }: {
  readonly changes: readonly ChangeDocument[];
  readonly now: number;
}) {
  return (
    <section id="changes" aria-labelledby="changes-title">
      <h2 id="changes-title">What happened</h2>
      {changes.length === 0 && <p class="none">Nothing since the start.</p>}
      <ol class="events" tabindex={0} aria-labelledby="changes-title">
        {changes.toReversed().map(({ time, kind, text }) => (
          <li>
            <Time at={time} now={now} />
            <Shape name={SHAPES[kind] ?? "note"} />
            <span>
              <Prose text={text} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Warnings of the last hour, the newest first. */
export function Warnings({ warnings, now }: {
  readonly warnings: readonly WarningDocument[];
  readonly now: number;
}) {
  return (
    <section id="warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title">Warnings of the last hour</h2>
      {warnings.length === 0 && <p class="none">None.</p>}
      <ol class="events">
        {warnings.toReversed().map(({ time, level, text, mend, count }) => (
          <li>
            <Time at={time} now={now} />
            <Shape name={level === "error" ? "fail" : "warn"} />
            <span>
              <b>{level === "error" ? "Error" : "Warning"}</b>
              {count > 1 ? `, ${count} times` : ""}: <Prose text={text} />
              {mend !== undefined && <Mend text={mend} />}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
