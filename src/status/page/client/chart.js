import { drawMarks } from "./marks.js";
import { clockOf, dayOf, minuteOf } from "./times.js";
import { UNITS } from "./units.js";
import uPlot from "./uplot.js";

/**
 * @typedef {import("./rows.js").Column} Column
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./marks.js").Mark} Mark
 *
 * @typedef {object} Drawn what the page says of a chart
 * @property {import("../figures.ts").Unit} unit
 * @property {boolean} stacked
 * @property {readonly (readonly string[])[]} lines series of each
 */

/** Dashes of lines, so that not colour alone tells them apart; as in the style. */
const DASHES = [[], [6, 3], [2, 2]];
const HEIGHT = 176;
/** Peers and the like come whole. */
const WHOLE = [1, 2, 5].flatMap((it) => [0, 1, 2, 3, 4, 5, 6].map((power) => it * 10 ** power))
  .sort((a, b) => a - b);

/** @param {string} name of a property of the style */
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** A chart in place of the server's, which cannot go on. */
export class Chart {
  /** @type {HTMLElement} */
  #figure;
  #text = "";
  /** @type {Drawn} */
  #drawn = { unit: "count", stacked: false, lines: [] };
  /** @type {Column[]} one a line, not stacked */
  #columns = [];
  /** @type {import("uplot") | undefined} */
  #plot;
  /** @type {readonly Mark[]} */
  #marks = [];
  /** @type {(index: number | undefined) => void} */
  #onCursor;

  /**
   * @param {HTMLElement} figure
   * @param {(index: number | undefined) => void} onCursor told which row the pointer is at
   */
  constructor(figure, onCursor) {
    this.#figure = figure;
    this.#onCursor = onCursor;
    new ResizeObserver(() => this.#fit()).observe(this.#place);
  }

  get #place() {
    return /** @type {HTMLElement} */ (this.#figure.querySelector(".plot"));
  }

  /**
   * @param {Rows} rows
   * @param {readonly Mark[]} marks
   */
  draw(rows, marks) {
    this.#marks = marks;
    const text = this.#figure.dataset["chart"] ?? "{}";
    if (text !== this.#text) this.#prepare(text);
    this.#columns = this.#drawn.lines.map((names) => rows.sum(names));
    const shown = this.#drawn.stacked ? stacked(this.#columns).reverse() : this.#columns;
    /** @type {import("uplot").AlignedData} */
    const data = [rows.times, ...shown];
    if (this.#plot === undefined) this.#plot = this.#create(data);
    else this.#plot.setData(data);
    this.tell(this.#plot.cursor.idx ?? undefined);
  }

  /** @param {number | undefined} index row; undefined: the last */
  tell(index) {
    const say = UNITS[this.#drawn.unit];
    this.#figure.querySelectorAll(".legend b").forEach((place, i) => {
      const column = this.#columns[i] ?? [];
      const value = index === undefined ? column.findLast((it) => it !== null) : column[index];
      place.textContent = value === undefined || value === null ? "not known" : say(value);
    });
  }

  /** @param {number | undefined} time Unix; undefined: none */
  point(time) {
    const plot = this.#plot;
    if (plot === undefined) return;
    const left = time === undefined ? -10 : plot.valToPos(time, "x");
    plot.setCursor({ left, top: time === undefined ? -10 : 10 });
  }

  redraw() {
    this.#plot?.redraw(false, true);
  }

  /** @param {string} text */
  #prepare(text) {
    this.#text = text;
    this.#drawn = JSON.parse(text);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#place.replaceChildren();
  }

  #fit() {
    const width = this.#place.clientWidth;
    if (this.#plot !== undefined && this.#plot.width !== width) {
      this.#plot.setSize({ width, height: HEIGHT });
    }
  }

  /**
   * @param {import("uplot").AlignedData} data
   */
  #create(data) {
    const { unit, stacked: isStack, lines } = this.#drawn;
    this.#place.setAttribute("role", "img");
    this.#place.setAttribute("aria-labelledby", `${this.#figure.id}-summary`);
    const say = UNITS[unit];
    const ink = () => colourOf("--quiet");
    const grid = { stroke: () => colourOf("--grid"), width: 1 };
    const font = "12px system-ui, sans-serif";
    const series = lines.map((_, i) => ({
      points: { show: false },
      ...(isStack
        ? { fill: () => colourOf(`--series${i}`), width: 0 }
        : { stroke: () => colourOf(`--series${i}`), width: 1.75, dash: DASHES[i] ?? [] }),
    }));
    return new uPlot(
      {
        width: this.#place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: false, y: false },
          points: { show: !isStack },
          sync: { key: "teredo" },
        },
        scales: { y: { range: (_, __, high) => [0, high > 0 ? 1.08 * high : 1] } },
        axes: [
          { stroke: ink, grid, ticks: grid, font, size: 28, space: 64, values: axisTimes },
          {
            stroke: ink,
            grid,
            ticks: { show: false },
            font,
            size: 72,
            gap: 4,
            space: 32,
            values: (_, splits) => splits.map((it) => say(it)),
            ...(unit === "count" ? { incrs: WHOLE } : {}),
          },
        ],
        series: [{}, ...(isStack ? series.toReversed() : series)],
        hooks: {
          draw: [(plot) => drawMarks(plot, this.#marks, colourOf)],
          setCursor: [(plot) => {
            const index = plot.cursor.idx ?? undefined;
            this.tell(index);
            this.#onCursor(index);
          }],
        },
      },
      data,
      this.#place,
    );
  }
}

/**
 * @param {unknown} _
 * @param {number[]} splits
 * @param {number} __
 * @param {number} ___
 * @param {number} step seconds
 */
function axisTimes(_, splits, __, ___, step) {
  return splits.map((time) => {
    const date = new Date(1000 * time);
    if (step >= 86_400) return dayOf(date);
    return step < 60 ? clockOf(time) : minuteOf(date);
  });
}

/**
 * Each column with those before it added.
 *
 * @param {readonly Column[]} columns
 */
function stacked(columns) {
  /** @type {Column[]} */
  const sums = [];
  for (const column of columns) {
    const below = sums.at(-1);
    sums.push(column.map((it, row) => it === null ? null : it + (below?.[row] ?? 0)));
  }
  return sums;
}
