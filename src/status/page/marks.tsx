/** @jsxImportSource hono/jsx */
import type { ChangeDocument, ChangeKind } from "../history_document.ts";
import type { RecordingDocument } from "../recordings_document.ts";

/** What kinds of marks are called besides those of changes. */
export const MARKS = { recording: "recording" } as const;

export interface Mark {
  /** Unix. */
  readonly time: number;
  readonly kind: ChangeKind | typeof MARKS.recording;
}

/** What charts mark. */
export function marksOf(
  changes: readonly ChangeDocument[],
  recordings: readonly RecordingDocument[],
): Mark[] {
  const unix = (time: string) => Date.parse(time) / 1000;
  return [
    ...changes.map(({ time, kind }) => ({ time: unix(time), kind })),
    ...recordings.map(({ time }) => ({ time: unix(time), kind: MARKS.recording })),
  ];
}

interface MarkLook {
  /** Around the origin. */
  readonly path: string;
  /** Of the style. */
  readonly colour: "fail" | "ok" | "pause" | "warn" | "quiet";
  readonly kinds: readonly Mark["kind"][];
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
  {
    path: "M-4 0a4 4 0 1 0 8 0 4 4 0 1 0-8 0Z",
    colour: "warn",
    kinds: [MARKS.recording],
    text: "packets recorded",
  },
  OTHER,
];

const lookOf = (kind: Mark["kind"]) => LOOKS.find(({ kinds }) => kinds.includes(kind)) ?? OTHER;

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
export function Marks({ marks, from, to }: {
  readonly marks: readonly Mark[];
  readonly from: number;
  readonly to: number;
}) {
  return (
    <svg class="marks" aria-hidden="true">
      {marks.map(({ time, kind }) => {
        const share = (time - from) / (to - from);
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
