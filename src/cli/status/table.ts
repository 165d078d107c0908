import type { ServerDocument } from "#src/status/client_document.ts";
import {
  CLIENT_STATE_TEXT,
  leavingText,
  nativeText,
  outsideTexts,
  reachedText,
  serverName,
  serverText,
} from "#src/status/client_text.ts";
import type { CheckDocument, StatusDocument } from "#src/status/document.ts";
import { fastPathText } from "#src/status/fast_path_text.ts";
import { sandboxTexts } from "#src/status/sandbox_text.ts";
import { count, duration } from "#src/status/units.ts";
import { bold, coloured, type Output } from "../output.ts";
import { reloadFacts } from "./reload.ts";

/** One daemon for people. */
export function formatStatus(output: Output, now: StatusDocument): string {
  const { text, colour } = conditionOf(now);
  const facts = ([name, fact]: Fact) => `  ${name.padEnd(11)}${fact}`;
  return [
    `${bold(output, `teredo ${now.role} ${now.program_version}`)}  ${
      coloured(output, colour, text)
    }`,
    ...factsOf(now).map(facts),
    ...reloadFacts(now).map(facts),
    ...now.checks.filter(({ ok }) => !ok).map((check) => failed(output, check)),
    ...peersOf(now).map(facts),
    ...table("counted", now.counters),
    ...table("dropped", now.drops),
    ...failuresOf(now).map((failure) => `  refused    ${failure}`),
    "",
  ].join("\n");
}

function failed(output: Output, { name, detail, mend }: CheckDocument): string {
  const how = mend === undefined ? "" : `; mend: ${mend}`;
  return `  ${coloured(output, 31, "FAIL")}       ${name}: ${detail}${how}`;
}

/** Whether it serves, with the colour of it. */
export function conditionOf(now: StatusDocument): { text: string; colour: 31 | 32 | 33 } {
  if (!now.alive) return { text: "no sign of life", colour: 31 };
  if (now.draining) return { text: "draining", colour: 33 };
  return now.ready ? { text: "ready", colour: 32 } : { text: "not ready", colour: 31 };
}

/** A name, empty where it is that of the line before, and what there is to say. */
export type Fact = readonly [name: string, fact: string];

/** What a daemon is and runs with. */
export function factsOf(now: StatusDocument): readonly Fact[] {
  return [
    ["process", processText(now)],
    ["listening", `UDP ${now.listening.join(", ")}`],
    ...(now.interface_name === undefined ? [] : [["interface", tunnel(now)] as const]),
    ...clientFacts(now),
    ["workers", `${now.workers.count} (${now.workers.reason})`],
    ...(now.role === "server" ? [] : offloads(now)),
    ...fastPath(now),
    ...sandboxTexts(now).map((text, i) => [i === 0 ? "sandbox" : "", text] as const),
  ];
}

/** What a client was told by its servers. */
function clientFacts({ client }: StatusDocument): readonly Fact[] {
  if (client === undefined) return [];
  const { state, leaving, address, deprecated, server, standbys, unresolved } = client;
  const { refresh, last_change, peers } = client;
  const reached = peers.map(reachedText);
  const outside = outsideTexts(client);
  return [
    ["state", CLIENT_STATE_TEXT[state]],
    ...(leaving === undefined ? [] : [["leaving", leavingText(leaving)] as const]),
    ["address", address ?? "none"],
    ...deprecated.map((it) => ["", `${it}, deprecated`] as const),
    ...(server === undefined ? [] : [["server", serverLine(server)] as const]),
    ...standbys.map((it, i) => [i === 0 ? "standbys" : "", serverLine(it)] as const),
    ...unresolved.map(({ name, why }) => ["no server", `${name}: ${why}`] as const),
    ...(outside.length === 0 ? [] : [["NAT", outside.join("; ")] as const]),
    ["native", nativeText(client)],
    ["refresh", `every ${duration(refresh.interval_seconds)}`],
    ...(reached.length === 0 ? [] : [["reached", reached.join(", ")] as const]),
    ...(last_change === undefined
      ? []
      : [["changed", `${last_change.at}: ${last_change.reason}`] as const]),
  ];
}

const serverLine = (server: ServerDocument) => `${serverName(server)}: ${serverText(server)}`;

function processText({ process }: StatusDocument): string {
  const { pid, uptime_seconds, resident_memory_bytes, cpu_seconds } = process;
  return `${pid}, up ${duration(uptime_seconds)}, ` +
    `${Math.round(resident_memory_bytes / 1e6)} MB, ${cpu_seconds.toFixed(1)} s of processor`;
}

function tunnel(now: StatusDocument): string {
  const { announced, interface_kept: kept } = now;
  const more = announced === undefined ? "" : announced ? ", announced" : ", not announced";
  const loss = kept === false ? ", kept by nobody" : "";
  return `${now.interface_name}, MTU ${now.mtu_bytes}, ${now.prefix}${more}${loss}`;
}

/** One line of what is on, then one for each that is off. */
function offloads({ offloads }: StatusDocument): Fact[] {
  const all = Object.entries(offloads);
  const on = all.filter(([, state]) => state.on).map(([name]) => name);
  return [
    ["offloads", on.length === 0 ? "none" : on.join(", ")],
    ...all.filter(([, state]) => !state.on).map(([name, { note }]) =>
      ["", `no ${name}: ${note}`] as const
    ),
  ];
}

/** A daemon of an older version has none. */
function fastPath(now: StatusDocument): Fact[] {
  const text = fastPathText(now);
  return text === undefined ? [] : [["fast path", text]];
}

/** A server has none. */
export function peersOf({ role, gauges }: StatusDocument): readonly Fact[] {
  if (role === "server") return [];
  const { peers, trusted_peers, peers_limit, held_packets, held_bytes } = gauges;
  return [[
    "peers",
    `${count(peers)}, ${count(trusted_peers)} trusted, room for ${count(peers_limit)}; ` +
    `holding ${count(held_packets)} packets, ${count(held_bytes)} bytes`,
  ]];
}

/** What the kernel refused, in words. A daemon of an older version does not tell. */
export function failuresOf({ send_failures }: StatusDocument): string[] {
  return Object.entries(send_failures ?? {}).flatMap(([way, all]) =>
    Object.entries(all).map(([errno, { packets, meaning, mend }]) =>
      `${count(packets)} to ${way}, ${errno}: ${meaning}; mend: ${mend}`
    )
  );
}

/** Rows of what is not 0. */
function table(title: string, totals: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(totals).filter(([, total]) => total > 0);
  if (rows.length === 0) return [`  ${title}    nothing`];
  return [
    `  ${title}`,
    ...rows.map(([name, total]) => `    ${name.padEnd(28)}${count(total).padStart(20)}`),
  ];
}
