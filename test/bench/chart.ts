import { ratioOf, type Row, type Target, textOf } from "./results.ts";

const WIDTH = 980;
const LABELS = 410;
const PLOT: number = WIDTH - LABELS - 90;
const LINE = 22;
const TOP = 64;
const BAR = 13;

/** What the axis covers: times better than Miredo, on a logarithmic scale. */
const LEAST = 0.5;
const MOST = 32;
const TICKS = [0.5, 1, 2, 4, 8, 16, 32];

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly target: number;
  /** What plain forwarding reaches. */
  readonly kernel: number | undefined;
}

/**
 * A chart of what each row is worth, as times better than Miredo: an SVG without dependencies that
 * is readable on light and on dark pages. Rows without a number of both are left out.
 */
export function chart(rows: readonly Row[], caption: string): string {
  const bars = rows.flatMap(barsOf);
  const height = TOP + bars.length * LINE + 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>teredo compared with Miredo</title>
<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .quiet { fill: #59636e; font-size: 11px; }
  .grid { stroke: #d1d9e0; }
  .one { stroke: #59636e; stroke-width: 1.5; }
  .bar { fill: #0969da; }
  .worse { fill: #bc4c00; }
  .target { stroke: #1f2328; stroke-width: 2; }
  .kernel { fill: none; stroke: #8250df; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .one { stroke: #9198a1; }
    .bar { fill: #4493f8; }
    .worse { fill: #db6d28; }
    .target { stroke: #f0f6fc; }
    .kernel { stroke: #ab7df8; }
  }
</style>
<text class="title" x="8" y="20">Times better than Miredo, logarithmic</text>
<text class="quiet" x="8" y="37">${escape(caption)}</text>
<text class="quiet" x="8" y="52">| target   &#9671; the kernel's plain forwarding</text>
${TICKS.map((tick) => gridLine(tick, height)).join("\n")}
${bars.map(drawBar).join("\n")}
</svg>
`;
}

/** One for each target than Miredo, where there is a number of both. */
function barsOf(row: Row): Bar[] {
  return (row.targets ?? []).filter(({ than }) => than === "miredo")
    .map((target) => barOf(row, target)).filter((bar) => bar !== undefined);
}

function barOf(row: Row, { ours, ratio: target }: Target): Bar | undefined {
  const ratio = ratioOf(row, "miredo", ours);
  if (ratio === undefined) return undefined;
  const better = (value: number) => row.better === "more" ? value : 1 / value;
  const toKernel = ratioOf(row, "kernel", ours);
  const name = `${ours === "fast" ? "fast path: " : ""}${textOf(row)}`;
  return {
    label: row.part === "c" ? `processor time ${name}` : name,
    value: better(ratio),
    target: better(target),
    kernel: toKernel === undefined ? undefined : better(ratio / toKernel),
  };
}

function xOf(value: number): number {
  const clamped = Math.min(MOST, Math.max(LEAST, value));
  return LABELS + PLOT * Math.log(clamped / LEAST) / Math.log(MOST / LEAST);
}

function gridLine(tick: number, height: number): string {
  const x = xOf(tick).toFixed(1);
  const kind = tick === 1 ? "one" : "grid";
  return `<line class="${kind}" x1="${x}" x2="${x}" y1="${TOP}" y2="${height - 24}"/>` +
    `<text class="quiet" text-anchor="middle" x="${x}" y="${height - 10}">${tick} x</text>`;
}

function drawBar(bar: Bar, i: number): string {
  const top = TOP + i * LINE + 4;
  const middle = top + BAR / 2;
  const [one, end] = [xOf(1), xOf(bar.value)];
  const from = Math.min(one, end);
  const marks = [
    `<text text-anchor="end" x="${LABELS - 8}" y="${top + 11}">${escape(bar.label)}</text>`,
    `<rect class="${bar.value >= 1 ? "bar" : "worse"}" x="${from.toFixed(1)}" y="${top}" ` +
    `width="${Math.max(1, Math.abs(end - one)).toFixed(1)}" height="${BAR}" rx="2"/>`,
  ];
  const target = xOf(bar.target).toFixed(1);
  marks.push(
    `<line class="target" x1="${target}" x2="${target}" y1="${top - 2}" y2="${top + BAR + 2}"/>`,
  );
  if (bar.kernel !== undefined) {
    const x = xOf(bar.kernel);
    const points = [[x - 5, middle], [x, middle - 5], [x + 5, middle], [x, middle + 5]]
      .map(([a, b]) => `${a!.toFixed(1)},${b!.toFixed(1)}`).join(" ");
    marks.push(`<polygon class="kernel" points="${points}"/>`);
  }
  const value = `${bar.value < 10 ? bar.value.toFixed(2) : bar.value.toFixed(1)} x`;
  marks.push(`<text text-anchor="end" x="${WIDTH - 10}" y="${top + 11}">${value}</text>`);
  return `<g>${marks.join("")}</g>`;
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
