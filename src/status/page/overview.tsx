/** @jsxImportSource hono/jsx */
import type { StatusDocument } from "../document.ts";
import type { HistoryDocument, Step } from "../history_document.ts";
import type { RecordingDocument } from "../recordings_document.ts";
import { Changes, Warnings } from "./changes.tsx";
import { CHARTS } from "./charts.ts";
import { ClientPart } from "./client_part.tsx";
import { ChartFigure } from "./figure.tsx";
import { Frame } from "./frame.tsx";
import { MarksLegend, marksOf } from "./marks.tsx";
import { Recordings } from "./recordings.tsx";
import type { Refusal } from "./refusal.ts";
import { Checks, conditionOf, State } from "./state.tsx";
import { Totals } from "./totals.tsx";

export interface OverviewProps {
  readonly status: StatusDocument;
  readonly history: HistoryDocument;
  /** The latest first, or why there are none. */
  readonly recordings: readonly RecordingDocument[] | Refusal;
  /** Unix time. */
  readonly now: number;
  /** Whether a browser without a script asks again by itself. */
  readonly refreshes: boolean;
}

const REFRESH_SECONDS = 10;

/** `GET /` */
export function Overview({ status, history, recordings, now, refreshes }: OverviewProps) {
  const refresh = refreshes ? REFRESH_SECONDS : undefined;
  return (
    <Frame
      title={`${conditionOf(status).word} · teredo ${status.role}`}
      status={status}
      now={now}
      scripts={["overview"]}
      refresh={refresh}
    >
      <State status={status} now={now} />
      <p id="announcement" class="unseen" role="status"></p>
      <noscript>
        <Refreshing step={history.step} refresh={refresh} />
      </noscript>
      <div class="columns">
        <Checks status={status} now={now} />
        <div>
          <Changes changes={status.changes} now={now} />
          <Warnings warnings={status.warnings} now={now} />
        </div>
      </div>
      <ClientPart status={status} now={now} />
      <Charts status={status} history={history} recordings={recordings} />
      <Recordings recordings={recordings} now={now} />
      <Totals status={status} />
    </Frame>
  );
}

function Refreshing({ step, refresh }: {
  readonly step: Step;
  readonly refresh: number | undefined;
}) {
  if (refresh === undefined) {
    return (
      <p class="hint">
        This page stays as it is. <a href={`./?step=${step}`}>Refresh by itself</a>
      </p>
    );
  }
  return (
    <p class="hint">
      This page refreshes every {refresh} s. <a href={`./?step=${step}&refresh=no`}>Stop that</a>
    </p>
  );
}

const SPANS: readonly { readonly step: Step; readonly text: string }[] = [
  { step: 1, text: "15 minutes" },
  { step: 60, text: "24 hours" },
];

function Charts(
  { status, history, recordings }: Pick<OverviewProps, "status" | "history" | "recordings">,
) {
  const marks = marksOf(history.changes, "error" in recordings ? [] : recordings);
  return (
    <section id="charts" aria-labelledby="charts-title" data-step={history.step}>
      <div class="bar">
        <h2 id="charts-title">History</h2>
        <nav class="switch" aria-label="Time that the charts show">
          {SPANS.map(({ step, text }) => (
            <a
              href={`./?step=${step}#charts`}
              {...(step === history.step ? { "aria-current": "true" } : {})}
            >
              {text}
            </a>
          ))}
        </nav>
        <div class="moment" hidden>
          <label for="moment">Moment</label>
          <input id="moment" type="range" min="0" max="0" value="0" step="1" />
          <span class="chosen">now</span>
        </div>
      </div>
      <MarksLegend />
      <div class="charts">
        {CHARTS[status.role].map((chart) => (
          <ChartFigure chart={chart} history={history} marks={marks} />
        ))}
      </div>
    </section>
  );
}
