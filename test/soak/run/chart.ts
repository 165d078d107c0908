/** One line of a panel: seconds and values, in order. */
export interface Line {
  readonly name: string;
  readonly kind: "first" | "second";
  readonly points: readonly (readonly [at: number, value: number])[];
}

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const WIDTH = 980;
const LEFT = 60;
const RIGHT = 20;
const PLOT: number = WIDTH - LEFT - RIGHT;
const TOP = 66;
const HEIGHT = 96;
const PITCH = 136;
/** As many points of a line as can be told apart. */
const POINTS = 800;

/**
 * Series over time, one panel below the other: an SVG without dependencies that is readable on light
 * and on dark pages.
 *
 * @param marks what happened when
 */
export function chart(
  caption: string,
  seconds: number,
  panels: readonly Panel[],
  marks: readonly (readonly [at: number, what: string])[],
): string {
  const height = TOP + panels.length * PITCH + 16;
  const x = (at: number) => (LEFT + PLOT * at / Math.max(1, seconds)).toFixed(1);
  const bottom = TOP + (panels.length - 1) * PITCH + HEIGHT;
  const lines = marks.map(([at, what]) =>
    `<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="${TOP - 8}" y2="${bottom}">` +
    `<title>${escape(what)}, ${Math.round(at)} s</title></line>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>A relay and a server under load, over time</title>
<style>
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .quiet { fill: #59636e; font-size: 11px; }
  .grid { stroke: #d1d9e0; }
  .mark { stroke: #bc4c00; stroke-opacity: 0.35; stroke-dasharray: 2 3; }
  .first, .second { fill: none; stroke: #0969da; stroke-width: 1.5; }
  .second { stroke: #8250df; }
  .firstText { fill: #0969da; } .secondText { fill: #8250df; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .mark { stroke: #db6d28; }
    .first { stroke: #4493f8; } .second { stroke: #ab7df8; }
    .firstText { fill: #4493f8; } .secondText { fill: #ab7df8; }
  }
</style>
<text class="title" x="8" y="20">Under load for ${Math.round(seconds / 60)} minutes</text>
<text class="quiet" x="8" y="37">${escape(caption)}</text>
${lines.join("\n")}
${panels.map((panel, i) => drawPanel(panel, TOP + i * PITCH, x)).join("\n")}
</svg>
`;
}

function drawPanel({ title, lines }: Panel, top: number, x: (at: number) => string): string {
  const most = ceiling(Math.max(1, ...lines.flatMap((it) => it.points.map(([, value]) => value))));
  const y = (value: number) => (top + HEIGHT - HEIGHT * Math.min(value, most) / most).toFixed(1);
  const grid = [0, most / 2, most].map((value) =>
    `<line class="grid" x1="${LEFT}" x2="${LEFT + PLOT}" y1="${y(value)}" y2="${y(value)}"/>` +
    `<text class="quiet" text-anchor="end" x="${LEFT - 6}" y="${
      Number(y(value)) + 4
    }">${value}</text>`
  );
  const drawn = lines.map(({ kind, points }) => {
    const every = Math.ceil(points.length / POINTS);
    const some = points.filter((_, i) => i % every === 0);
    return `<polyline class="${kind}" points="${
      some.map(([at, value]) => `${x(at)},${y(value)}`).join(" ")
    }"/>`;
  });
  const names = lines.map(({ name, kind }) => `<tspan class="${kind}Text">${escape(name)}</tspan>`);
  const head = `<text x="${LEFT}" y="${top - 8}">${escape(title)}: ${names.join(", ")}</text>`;
  return `<g>${head}${grid.join("")}${drawn.join("")}</g>`;
}

/** The next number of one digit and zeros, or half of it, that is even. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 6, 8, 10].map((digit) => digit * power).find((it) => it >= value)!;
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
