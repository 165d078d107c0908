import { clockOf } from "./times.js";

/**
 * Shows what becomes of one peer's packets for as long as the daemon tells of it.
 *
 * @typedef {import("../../trace_document.ts").TracedPacket} TracedPacket
 */

/** @type {Readonly<Record<TracedPacket["way"], string>>} */
const WAYS = {
  from_udp: "by UDP",
  from_ipv6: "by IPv6",
  timer: "by a timer",
  from_hold: "out of the hold",
};

/** @param {HTMLElement} section */
export function offerTrace(section) {
  const button = /** @type {HTMLButtonElement} */ (section.querySelector("button"));
  const outcome = /** @type {HTMLElement} */ (section.querySelector(".outcome"));
  const counted = /** @type {HTMLElement} */ (section.querySelector(".count"));
  const place = /** @type {HTMLElement} */ (section.querySelector(".scroll"));
  const rows = /** @type {HTMLElement} */ (section.querySelector("tbody"));
  /** @type {AbortController | undefined} */
  let running;
  let count = 0;

  /** @param {string} text */
  const say = (text) => outcome.textContent = text;

  const listener = {
    begin: () => say("Waiting for packets"),
    /** @param {TracedPacket} packet */
    packet(packet) {
      place.hidden = false;
      rows.prepend(rowOf(packet));
      counted.textContent = `${++count} packets`;
    },
    /** @param {{ count: number }} told */
    left_out: ({ count }) => rows.prepend(noteOf(`${count} more than could be told`)),
    /** @param {{ reason: string }} told */
    end: ({ reason }) => say(reason),
  };

  const start = async () => {
    running = new AbortController();
    button.textContent = "Stop";
    rows.replaceChildren();
    count = 0;
    counted.textContent = "";
    say("");
    try {
      const url = `trace?peer=${encodeURIComponent(section.dataset["peer"] ?? "")}`;
      const answer = await fetch(url, { signal: running.signal });
      if (answer.ok) await read(answer, listener);
      else say((await answer.json()).error);
    } catch {
      say(running.signal.aborted ? "Stopped" : "The daemon does not answer");
    }
    running = undefined;
    button.textContent = "Start";
  };
  button.addEventListener("click", () => {
    if (running === undefined) void start();
    else running.abort();
  });
  button.hidden = false;
}

/**
 * Reads server-sent events to their end. An EventSource would ask again then, and not say why it is
 * refused.
 *
 * @param {Response} answer
 * @param {Readonly<Record<string, (data: any) => unknown>>} listener by the event
 */
async function read(answer, listener) {
  if (answer.body === null) return;
  let text = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (text + part.value).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event)?.[1] ?? "";
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) listener[name]?.(JSON.parse(data));
    }
  }
}

/** @param {TracedPacket} told */
function rowOf(told) {
  const { time, way, peer, packet, what, source, destination, bytes } = told;
  const { did, to, reason, detail } = told;
  const row = document.createElement("tr");
  const milliseconds = time.slice(time.indexOf("."), -1);
  const became = reason === undefined
    ? [did, to === undefined ? "" : `to ${to.join(", ")}`].filter(Boolean).join(" ")
    : `${detail} (${reason})`;
  if (reason !== undefined) row.className = "dropped";
  row.append(
    cell("th", clockOf(Date.parse(time) / 1000) + milliseconds),
    cell("td", peer === undefined ? WAYS[way] : `${WAYS[way]} from ${peer}`, "text"),
    cell("td", packet === undefined ? "" : `${what ?? packet} ${source} > ${destination}`, "text"),
    cell("td", String(bytes)),
    cell("td", became, "text"),
  );
  return row;
}

/** @param {string} text */
function noteOf(text) {
  const row = document.createElement("tr");
  const only = cell("td", text, "text");
  only.colSpan = 5;
  row.append(only);
  return row;
}

/**
 * @param {"td" | "th"} name
 * @param {string} text
 * @param {string} [kind]
 */
function cell(name, text, kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = kind;
  if (name === "th") element.scope = "row";
  return element;
}
