/** @jsxImportSource hono/jsx */
import type { ChangeDocument, ChangeKind } from "../history_document.ts";

interface MarkLook {
  /** Around the origin. */
  readonly path: string;
  /** Of the style. */
  readonly colour: "fail" | "ok" | "pause" | "quiet";
  readonly kinds: readonly ChangeKind[];
  readonly text: string;
}

const OTHER: MarkLook = {
  path: "M0-5 5 0 0 5-5 0Z",
  colour: "quiet",
  kinds: [],
  text: "reloaded, restored and other",
};

/** How what happened is marked in charts. A script reads it from the page. */
const LOOKS: readonly MarkLook[] = [
  { path: "M-5-4H5L0 5Z", colour: "fail", kinds: ["not_ready", "failed"], text: "not ready" },
  { path: "M-5 4H5L0-5Z", colour: "ok", kinds: ["ready", "started"], text: "ready, started" },
  { path: "M-4-4H4V4H-4Z", colour: "pause", kinds: ["drained", "ending"], text: "drained, ending" },
  OTHER,
];

const lookOf = (kind: ChangeKind) => LOOKS.find(({ kinds }) => kinds.includes(kind)) ?? OTHER;

/** What the marks mean. */
export function MarksLegend() {
  return (
    <ul class="marks-legend" aria-label="Marks in the charts">
      {LOOKS.map(({ path, colour, kinds, text }) => (
        <li data-kinds={kinds.join(" ")} data-colour={`--${colour}`} data-path={path}>
          <svg class={`mark ${colour}`} viewBox="-6 -6 12 12" aria-hidden="true">
            <path d={path} />
          </svg>
          {text}
        </li>
      ))}
    </ul>
  );
}

/** The marks of a chart as high as whatever it lies upon. @param props Unix times of its ends */
export function Marks({ changes, from, to }: {
  readonly changes: readonly ChangeDocument[];
  readonly from: number;
  readonly to: number;
}) {
  return (
    <svg class="marks" aria-hidden="true">
      {changes.map(({ time, kind }) => {
        const share = (Date.parse(time) / 1000 - from) / (to - from);
        if (!(share >= 0 && share <= 1)) return null;
        const { path, colour } = lookOf(kind);
        const x = `${(100 * share).toFixed(2)}%`;
        return (
          <svg class={`mark ${colour}`} x={x} overflow="visible">
            <line y1="0" y2="100%" />
            <path d={path} />
          </svg>
        );
      })}
    </svg>
  );
}
