import type { CheckDocument, StatusDocument } from "#src/status/document.ts";
import { bold, coloured, type Output } from "../output.ts";
import { grouped } from "../words.ts";

/** One daemon for people. @param before an earlier snapshot, for rates */
export function formatStatus(output: Output, now: StatusDocument, before?: StatusDocument): string {
  return [
    `${bold(output, `teredo ${now.role} ${now.program_version}`)}  ${condition(output, now)}`,
    processLine(now),
    `  listening  UDP ${now.listening.join(", ")}`,
    ...(now.interface_name === undefined ? [] : [tunnel(now)]),
    `  workers    ${now.workers.count} (${now.workers.reason})`,
    ...(now.role === "relay" ? offloads(now) : []),
    ...now.checks.filter(({ ok }) => !ok).map((check) => failed(output, check)),
    ...(now.role === "relay" ? [peers(now)] : []),
    ...table("counted", now.counters, before, (it) => it.counters, now),
    ...table("dropped", now.drops, before, (it) => it.drops, now),
    ...failures(now),
    "",
  ].join("\n");
}

function failed(output: Output, { name, detail, mend }: CheckDocument): string {
  const how = mend === undefined ? "" : `; mend: ${mend}`;
  return `  ${coloured(output, 31, "FAIL")}       ${name}: ${detail}${how}`;
}

function processLine({ process }: StatusDocument): string {
  const { pid, uptime_seconds, resident_memory_bytes, cpu_seconds } = process;
  return `  process    ${pid}, up ${duration(uptime_seconds)}, ` +
    `${Math.round(resident_memory_bytes / 1e6)} MB, ${cpu_seconds.toFixed(1)} s of processor`;
}

function condition(output: Output, now: StatusDocument): string {
  if (!now.alive) return coloured(output, 31, "no sign of life");
  if (now.draining) return coloured(output, 33, "draining");
  return now.ready ? coloured(output, 32, "ready") : coloured(output, 31, "not ready");
}

function tunnel(now: StatusDocument): string {
  const { announced } = now;
  const more = announced === undefined ? "" : announced ? ", announced" : ", not announced";
  return `  interface  ${now.interface_name}, MTU ${now.mtu_bytes}, ${now.prefix}${more}`;
}

/** One line of what is on, then one for each that is off. */
function offloads({ offloads }: StatusDocument): string[] {
  const all = Object.entries(offloads);
  const on = all.filter(([, state]) => state.on).map(([name]) => name);
  return [
    `  offloads   ${on.length === 0 ? "none" : on.join(", ")}`,
    ...all.filter(([, state]) => !state.on).map(([name, { note }]) =>
      `             no ${name}: ${note}`
    ),
  ];
}

function peers({ gauges }: StatusDocument): string {
  const { peers, trusted_peers, peers_limit, held_packets, held_bytes } = gauges;
  return `  peers      ${grouped(peers)}, ${grouped(trusted_peers)} trusted, ` +
    `room for ${grouped(peers_limit)}; holding ${grouped(held_packets)} packets, ` +
    `${grouped(held_bytes)} bytes`;
}

/** What the kernel refused, in words. A daemon of an older version does not tell. */
function failures({ send_failures }: StatusDocument): string[] {
  return Object.entries(send_failures ?? {}).flatMap(([way, all]) =>
    Object.entries(all).map(([errno, { packets, meaning, mend }]) =>
      `  refused    ${grouped(packets)} to ${way}, ${errno}: ${meaning}; mend: ${mend}`
    )
  );
}

/** Rows of what is not 0, with the rate a second beside the total where there was an earlier look. */
function table(
  title: string,
  totals: Readonly<Record<string, number>>,
  before: StatusDocument | undefined,
  select: (status: StatusDocument) => Readonly<Record<string, number>>,
  now: StatusDocument,
): string[] {
  const rows = Object.entries(totals).filter(([, total]) => total > 0);
  if (rows.length === 0) return [`  ${title}    nothing`];
  const seconds = before === undefined
    ? 0
    : now.process.uptime_seconds - before.process.uptime_seconds;
  const rate = (name: string, total: number) =>
    seconds > 0
      ? grouped(Math.round((total - select(before!)[name]!) / seconds)).padStart(14) + "/s"
      : "";
  return [
    `  ${title}`,
    ...rows.map(([name, total]) =>
      `    ${name.padEnd(28)}${grouped(total).padStart(20)}${rate(name, total)}`
    ),
  ];
}

/** `1 d 2 h`, `3 min 4 s` */
export function duration(seconds: number): string {
  const units: readonly [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const at = Math.max(0, units.findIndex(([length]) => seconds >= length));
  if (seconds < 1) return "0 s";
  const shown = units.slice(at, at + 2).map(([length, name], i) => {
    const value = i === 0 ? seconds : seconds % units[at]![0];
    return [Math.floor(value / length), name] as const;
  });
  return shown.filter(([value], i) => i === 0 || value > 0).map((it) => it.join(" ")).join(" ");
}
