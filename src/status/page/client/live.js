import { clockOf, setClock } from "./times.js";
import { UNITS } from "./units.js";

/**
 * @typedef {import("./rows.js").HistoryDocument} HistoryDocument
 * @typedef {import("./rows.js").SnapshotEvent} SnapshotEvent
 *
 * @typedef {object} Listener
 * @property {(history: HistoryDocument) => void} history
 * @property {(event: SnapshotEvent) => void} snapshot
 */

/** Seconds without an event after which numbers are old. */
const PATIENCE = 3;
/** Between two attempts, when the browser makes none by itself. */
const RETRY = 2_000;

/**
 * Follows the daemon for as long as the page is open, and says how old the numbers are.
 *
 * @param {Listener} listener
 */
export function follow(listener) {
  /** @type {number | undefined} */
  let last;
  let heard = performance.now();
  const hear = () => {
    heard = performance.now();
    tellAge(0, last);
  };
  const connect = () => {
    const source = new EventSource(`events?since=${last ?? 0}`);
    source.addEventListener("history", ({ data }) => {
      listener.history(JSON.parse(data));
    });
    source.addEventListener("snapshot", ({ data }) => {
      const event = /** @type {SnapshotEvent} */ (JSON.parse(data));
      last = event.time;
      setClock(event.time);
      hear();
      listener.snapshot(event);
    });
    source.addEventListener("error", () => {
      // Of a broken connection the browser makes another; of an answer that is none it does not.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, RETRY);
      void askForLogin();
    });
  };
  connect();
  setInterval(() => tellAge((performance.now() - heard) / 1000, last), 1_000);
}

async function askForLogin() {
  const answer = await fetch("status", { method: "HEAD" }).catch(() => undefined);
  if (answer?.status === 401) location.reload();
}

/**
 * @param {number} age seconds
 * @param {number | undefined} time of the numbers
 */
function tellAge(age, time) {
  const place = document.getElementById("freshness");
  if (place === null) return;
  const isStale = age > PATIENCE;
  document.body.classList.toggle("stale", isStale);
  place.classList.toggle("stale", isStale);
  if (isStale) place.textContent = `Numbers are ${UNITS.duration(age)} old: connecting again`;
  else if (time !== undefined) place.textContent = `Live, ${clockOf(time)}`;
}
