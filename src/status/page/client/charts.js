import { Chart } from "./chart.js";
import { Rows } from "./rows.js";
import { clockOf, now } from "./times.js";

/**
 * @typedef {import("./marks.js").Mark} Mark
 * @typedef {import("../../history_document.ts").ChangeDocument} ChangeDocument
 * @typedef {import("./rows.js").SnapshotEvent} SnapshotEvent
 * @typedef {import("./rows.js").HistoryDocument} HistoryDocument
 */

const MINUTE = 60_000;
/** Seconds that a chart shows at most. */
const LONGEST = 86_400;

/** All charts of the page, with one moment that all of them point at. */
export class Charts {
  #seconds = new Rows();
  #minutes = new Rows();
  /** @type {Map<string, Mark>} */
  #marks = new Map();
  /** @type {Chart[]} */
  #charts;
  #moment = new Moment((time) => this.#point(time));
  #step = 1;
  /** Whether cursors are moved by us rather than by a pointer. */
  #moves = false;

  constructor() {
    const figures = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".chart"));
    this.#charts = [...figures].map((it) => new Chart(it, (row) => this.#follow(row)));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.#charts.forEach((it) => it.redraw()));
    setInterval(() => void this.#fetchMinutes(), MINUTE);
  }

  /** @param {number} step seconds a row */
  async show(step) {
    this.#step = step;
    if (step === 60) await this.#fetchMinutes();
    this.#draw();
  }

  /** @param {HistoryDocument} history of seconds */
  take(history) {
    this.#seconds.take(history);
    this.#mark(history.changes);
    if (this.#step === 1) this.#draw();
  }

  /** @param {SnapshotEvent} event */
  add(event) {
    this.#seconds.add(event);
    this.#mark(event.changes);
    if (this.#step === 1 && !document.hidden) this.#draw();
  }

  /** Rows of seconds, where no events bring them. */
  async ask() {
    const history = await fetchHistory(1);
    if (history !== undefined) this.take(history);
  }

  async #fetchMinutes() {
    if (this.#step !== 60 || document.hidden) return;
    const history = await fetchHistory(60);
    if (history === undefined) return;
    this.#minutes = new Rows();
    this.#minutes.take(history);
    this.#mark(history.changes);
    this.#draw();
  }

  #draw() {
    const rows = this.#step === 1 ? this.#seconds : this.#minutes;
    if (rows.times.length === 0) return;
    const marks = [...this.#marks.values(), ...recordings()];
    this.#moves = true;
    for (const chart of this.#charts) chart.draw(rows, marks);
    this.#moves = false;
    this.#moment.set(rows.times, marks);
  }

  /** @param {number | undefined} row that a pointer is at */
  #follow(row) {
    if (!this.#moves) this.#moment.follow(row);
  }

  /** @param {number | undefined} time */
  #point(time) {
    this.#moves = true;
    for (const chart of this.#charts) chart.point(time);
    this.#moves = false;
  }

  /** @param {readonly ChangeDocument[]} changes */
  #mark(changes) {
    for (const { time, kind, text } of changes) {
      this.#marks.set(`${time} ${kind} ${text}`, { time: Date.parse(time) / 1000, kind, text });
    }
    for (const [key, { time }] of this.#marks) {
      if (time < now() - LONGEST) this.#marks.delete(key);
    }
  }
}

/**
 * Those that the page lists.
 *
 * @returns {Mark[]}
 */
function recordings() {
  const items =
    /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#recordings li"));
  return [...items].map(({ dataset: { time, kind = "", text = "" } }) => ({
    time: Number(time),
    kind,
    text,
  }));
}

/**
 * @param {number} step
 * @returns {Promise<HistoryDocument | undefined>} nothing when the daemon does not answer
 */
async function fetchHistory(step) {
  const answer = await fetch(`history?step=${step}`).catch(() => undefined);
  return answer?.ok ? await answer.json() : undefined;
}

/** The slider that does for the keyboard what the pointer does in a chart. */
class Moment {
  #slider = /** @type {HTMLInputElement} */ (document.getElementById("moment"));
  #output = /** @type {HTMLElement} */ (document.querySelector(".moment .chosen"));
  /** @type {number[]} */
  #times = [];
  /** @type {readonly Mark[]} */
  #marks = [];
  /** @type {number | undefined} that was chosen; undefined: the last */
  #time;
  /** @type {(time: number | undefined) => void} */
  #point;

  /** @param {(time: number | undefined) => void} point shows a time in all charts */
  constructor(point) {
    this.#point = point;
    this.#slider.addEventListener("input", () => {
      const row = Number(this.#slider.value);
      this.#time = row === this.#times.length - 1 ? undefined : this.#times[row];
      this.#point(this.#time);
      this.#tell();
    });
    const place = this.#slider.parentElement;
    if (place !== null) place.hidden = false;
  }

  /**
   * @param {number[]} times of all rows
   * @param {readonly Mark[]} marks
   */
  set(times, marks) {
    this.#times = times;
    this.#marks = marks;
    this.#slider.max = String(times.length - 1);
    if (this.#time !== undefined && !times.includes(this.#time)) this.#time = undefined;
    if (this.#time !== undefined) this.#point(this.#time);
    this.#tell();
  }

  /** @param {number | undefined} row that the pointer is at */
  follow(row) {
    const time = row === undefined ? undefined : this.#times[row];
    if (time === this.#time) return;
    this.#time = time;
    this.#tell();
  }

  #tell() {
    const last = this.#times.length - 1;
    const row = this.#time === undefined ? last : this.#times.indexOf(this.#time);
    if (document.activeElement !== this.#slider || row === last) this.#slider.value = String(row);
    const text = this.#time === undefined
      ? "now"
      : `${clockOf(this.#time)}${this.#happened(this.#time)}`;
    this.#output.textContent = text;
    this.#slider.setAttribute("aria-valuetext", text);
  }

  /** @param {number} time */
  #happened(time) {
    const near = Math.max(1, ((this.#times.at(-1) ?? 0) - (this.#times[0] ?? 0)) / 150);
    const mark = this.#marks.find((it) => Math.abs(it.time - time) <= near);
    return mark === undefined ? "" : `: ${mark.text}`;
  }
}
