import { clockOf, now, setClock } from "./times.js";
import { UNITS } from "./units.js";

/**
 * @typedef {import("./rows.js").HistoryDocument} HistoryDocument
 * @typedef {import("./rows.js").SnapshotEvent} SnapshotEvent
 *
 * @typedef {object} Listener
 * @property {(history: HistoryDocument) => void} history
 * @property {(event: SnapshotEvent) => void} snapshot
 * @property {() => Promise<boolean>} ask in vain: false
 */

/** Seconds without an event after which numbers are old. */
const PATIENCE = 3;
/** Between two attempts, when the browser makes none by itself. */
const RETRY = 3_000;
const LONGEST_RETRY = 15_000;

/**
 * Follows the daemon for as long as the page is open, and says how old the numbers are.
 *
 * @param {Listener} listener
 */
export function follow(listener) {
  /** @type {number | undefined} */
  let last;
  let heard = performance.now();
  let retry = RETRY;
  const connect = () => {
    const source = new EventSource(`events?since=${last ?? 0}`);
    source.addEventListener("history", ({ data }) => {
      listener.history(JSON.parse(data));
    });
    source.addEventListener("snapshot", ({ data }) => {
      const event = /** @type {SnapshotEvent} */ (JSON.parse(data));
      last = event.time;
      heard = performance.now();
      retry = RETRY;
      setClock(event.time);
      listener.snapshot(event);
      say(`Live, ${clockOf(event.time)}`, false);
    });
    source.addEventListener("error", () => {
      // Of a broken connection the browser makes another; of an answer that is none it does not: the
      // daemon starts, or as many look on as may.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, retry);
      retry = Math.min(2 * retry, LONGEST_RETRY);
      listener.ask().then((isThere) => {
        if (!isThere) return;
        heard = performance.now();
        say(`As of ${clockOf(now())}: too many look on to be told each second`, false);
      });
    });
  };
  connect();
  setInterval(() => {
    const age = (performance.now() - heard) / 1000;
    const limit = retry > RETRY ? LONGEST_RETRY / 1000 + PATIENCE : PATIENCE;
    if (age > limit) say(`Numbers are ${UNITS.duration(age)} old: connecting again`, true);
  }, 1_000);
}

/**
 * @param {string} text of how fresh the numbers are
 * @param {boolean} isStale
 */
function say(text, isStale) {
  const place = document.getElementById("freshness");
  if (place === null) return;
  document.body.classList.toggle("stale", isStale);
  place.classList.toggle("stale", isStale);
  place.textContent = text;
}
