/** @jsxImportSource hono/jsx */
import type { HistoryDocument } from "../history_document.ts";
import { type Chart, type Figure, figureOf, latest, rowsOf, summaryOf } from "./figures.ts";
import type { Mark } from "./marks.tsx";
import { Sparkline } from "./sparkline.tsx";
import { isoOf, Time } from "./time.tsx";
import { UNITS } from "../units.ts";

/** A chart, with what it says in words and as a table. A script draws it larger, and goes on. */
export function ChartFigure({ chart, history, marks }: {
  readonly chart: Chart;
  readonly history: HistoryDocument;
  readonly marks: readonly Mark[];
}) {
  const figure = figureOf(chart, history);
  const { title, unit, lines, stacked = false } = figure;
  const id = `chart-${chart.id}`;
  const drawn = { unit, stacked, lines: lines.map(({ names }) => names) };
  return (
    <figure class="chart" id={id} data-chart={JSON.stringify(drawn)}>
      <figcaption>
        <h3>{title}</h3>
        <ul class="legend">
          {lines.map(({ label, values }, i) => (
            <li>
              <Key i={i} isArea={stacked} />
              {label} <b>{sayNow(latest(values), UNITS[unit])}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot">
        <Sparkline figure={figure} history={history} marks={marks} labelledBy={`${id}-summary`} />
      </div>
      <div class="words">
        <p class="summary" id={`${id}-summary`}>{summaryOf(figure)}</p>
        {lines.length > 0 && (
          <details>
            <summary>
              Table<span class="unseen">: {title}</span>
            </summary>
            <FigureTable figure={figure} history={history} />
          </details>
        )}
      </div>
    </figure>
  );
}

function sayNow(value: number | undefined, say: (value: number) => string): string {
  return value === undefined ? "not known" : say(value);
}

/** A line as it is drawn: they differ in more than colour. */
function Key({ i, isArea }: { readonly i: number; readonly isArea: boolean }) {
  return (
    <svg class="key" viewBox="0 0 24 10" aria-hidden="true">
      {isArea
        ? <path class={`area series${i}`} d="M2 0H22V10H2Z" />
        : <path class={`line series${i}`} d="M0 5H24" />}
    </svg>
  );
}

function FigureTable({ figure, history }: {
  readonly figure: Figure;
  readonly history: HistoryDocument;
}) {
  const { from, count, step } = history;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={`Table: ${figure.title}`}>
      <table>
        <caption>Means of {step === 1 ? "a minute" : "an hour"} each</caption>
        <thead>
          <tr>
            <th scope="col">from</th>
            {figure.lines.map(({ label }) => <th scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {rowsOf(figure, history).map(({ time, cells }) => (
            <tr>
              <th scope="row">
                <Time at={isoOf(time)} now={from + count * step} />
              </th>
              {cells.map((cell) => <td>{cell}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
