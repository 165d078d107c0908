import { UNITS } from "./units.js";

/** Seconds that this browser's clock is ahead of the daemon's. */
let ahead = 0;

/** @param {number} now Unix time of the daemon at this moment */
export function setClock(now) {
  ahead = Date.now() / 1000 - now;
}

/** Unix time by the daemon's clock. */
export const now = () => Date.now() / 1000 - ahead;

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/** @param {number} time Unix */
export function clockOf(time) {
  const date = new Date(1000 * time);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return isToday(date) ? clock : `${dayOf(date)} ${clock}`;
}

/** @param {Date} date */
export const dayOf = (date) =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

/** @param {Date} date */
export const minuteOf = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

/** @param {Date} date */
const isToday = (date) => date.toDateString() === new Date(1000 * now()).toDateString();

/**
 * Says times as this place has them, and from then on how long ago they are.
 */
export function keepTimes() {
  tellTimes(document);
  setInterval(() => tellTimes(document, "time[data-form=for]"), 1_000);
}

/**
 * @param {ParentNode} part
 * @param {string} [which]
 */
export function tellTimes(part, which = "time") {
  const elements = /** @type {NodeListOf<HTMLTimeElement>} */ (part.querySelectorAll(which));
  for (const element of elements) {
    const time = Date.parse(element.dateTime) / 1000;
    const text = element.dataset["form"] === "for" ? UNITS.duration(now() - time) : clockOf(time);
    if (element.textContent !== text) element.textContent = text;
  }
}
