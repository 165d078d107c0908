import { Charts } from "./charts.js";
import { follow } from "./live.js";
import { swap } from "./swap.js";
import { keepTimes, setClock } from "./times.js";

/**
 * The first view, live: numbers and charts by events, what takes words by asking the server for the
 * page again.
 *
 * @typedef {import("./rows.js").SnapshotEvent} SnapshotEvent
 */

/** Milliseconds between two askings while nothing changes. */
const EVERY = 15_000;
const PARTS = [
  "#checks",
  "#changes",
  "#warnings",
  "#client",
  "#recordings",
  "#totals",
  ".chart .words",
];

setClock(Number(document.getElementById("main")?.dataset["now"]));
keepTimes();

const charts = new Charts();
let step = Number(document.getElementById("charts")?.dataset["step"]);
let asked = performance.now();

/** @param {readonly string[]} [more] parts besides those that are always told again */
async function refresh(more = []) {
  asked = performance.now();
  const page = await swap([...more, ...PARTS], `./?step=${step}`);
  if (page === undefined) return false;
  // A reason to discard packets may have come: then its chart has another line.
  for (
    const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".chart"))
  ) {
    const fresh = page.getElementById(figure.id);
    if (fresh === null || fresh.dataset["chart"] === figure.dataset["chart"]) continue;
    figure.dataset["chart"] = fresh.dataset["chart"];
    const legend = fresh.querySelector(".legend");
    if (legend !== null) figure.querySelector(".legend")?.replaceWith(document.adoptNode(legend));
  }
  return true;
}

/** @param {SnapshotEvent["state"]} state */
function wordOf({ alive, draining, ready }) {
  if (!alive) return "no sign of life";
  if (draining) return "draining";
  return ready ? "ready" : "not ready";
}

/** What is to be told again: neither times nor numbers. @param {SnapshotEvent} event */
const outlineOf = ({ state }) =>
  wordOf(state) + state.checks.map(({ name, ok, detail }) => `${name} ${ok} ${detail}`).join();

let outline = "";
let word = document.getElementById("state")?.dataset["word"];

/** @param {SnapshotEvent} event */
function tell(event) {
  const { state, changes } = event;
  const sentence = document.querySelector("#state h1");
  if (sentence !== null) sentence.textContent = state.sentence;
  const isOtherWord = word !== wordOf(state);
  if (isOtherWord) {
    word = wordOf(state);
    const announcement = document.getElementById("announcement");
    if (announcement !== null) announcement.textContent = state.sentence;
  }
  const isOther = outline !== "" && outline !== outlineOf(event);
  outline = outlineOf(event);
  const isDue = performance.now() - asked > EVERY && !document.hidden;
  if (isOther || isOtherWord || changes.length > 0 || isDue) {
    void refresh(isOtherWord ? ["#state"] : []);
  }
}

follow({
  history(history) {
    charts.take(history);
    // Something may have happened meanwhile.
    if (outline !== "") void refresh();
  },
  async ask() {
    await charts.ask();
    return await refresh(["#state"]);
  },
  snapshot(event) {
    charts.add(event);
    tell(event);
  },
});

for (
  const link
    of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".switch a"))
) {
  link.addEventListener("click", (click) => {
    if (click.ctrlKey || click.metaKey || click.shiftKey) return;
    click.preventDefault();
    document.querySelector(".switch [aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    step = Number(new URL(link.href).searchParams.get("step"));
    history.replaceState(null, "", `./?step=${step}`);
    void charts.show(step);
    void refresh();
  });
}

void charts.show(step);
