import type { AddressRules } from "#src/probe/contract.ts";
import { explain, formatEndpoint } from "#src/probe/outcome.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Observations, ServerSeen } from "./contract.ts";
import type { LifetimeVerdict, Verdict } from "./verdict.ts";
import {
  ASSIGNMENT,
  FILTERING,
  HAIRPIN,
  MAPPING,
  NAT,
  NESTED,
  POOLING,
  PRESERVATION,
  reachLines,
  UDP,
} from "./words.ts";

const NAME_WIDTH = 18;
const MAX_LISTED = 6;

/**
 * The verdict on one page, for people.
 *
 * @param problems why somebody was not asked
 */
export function writePage(
  seen: Observations,
  verdict: Verdict,
  problems: readonly string[] = [],
): string {
  return [
    headline(seen, verdict),
    "",
    ...facts(seen, verdict),
    "",
    "Servers",
    ...seen.servers.flatMap((server) => serverLines(server, seen.rules)),
    ...(problems.length === 0 ? [] : ["", "Not asked", ...indented(listed(problems))]),
    ...(verdict.reaches === undefined
      ? []
      : ["", "Peers, by their NATs (RFC 6081 Figure 1)", ...indented(reachLines(verdict.reaches))]),
    ...strayLines(seen, verdict),
    "",
  ].join("\n");
}

function headline({ servers }: Observations, verdict: Verdict): string {
  const qualified = servers.filter(({ home }) => home !== undefined).length;
  const count = `${qualified} of ${servers.length} ${servers.length === 1 ? "server" : "servers"}`;
  if (qualified === 0) return "Teredo does not work here: no server gives an address";
  const isPinged = servers.some(({ native }) => native !== undefined);
  if (!verdict.reachable) {
    return `Teredo gives an address by ${count}, and no IPv6: the native host did not answer`;
  }
  return isPinged
    ? `Teredo works here, by ${count}: a native IPv6 host answered`
    : `Teredo gives an address here, by ${count}; whether native IPv6 hosts answer was not asked ` +
      "(--ping HOST)";
}

function facts(seen: Observations, verdict: Verdict): string[] {
  const { local, stun } = seen;
  const rows: (readonly [name: string, text: string | undefined])[] = [
    ["UDP", UDP[verdict.udp]],
    ["Local address", local && formatEndpoint(local)],
    ["Mapped address", verdict.mapped && formatEndpoint(verdict.mapped)],
    ["NAT", NAT[verdict.nat]],
    ["Mapping", MAPPING[verdict.mapping]],
    ["Pooling", verdict.pooling === "unknown" ? undefined : POOLING[verdict.pooling]],
    ["Filtering", FILTERING[verdict.filtering]],
    ["Port preservation", PRESERVATION[verdict.preservation] + ASSIGNMENT[verdict.assignment]],
    ["Hairpinning", HAIRPIN[verdict.hairpin]],
    ["Mapping lifetime", lifetimeWords(verdict.lifetime)],
    ["Nested NAT", nestedWords(seen, verdict)],
    ["STUN server", stun && stunWords(stun)],
  ];
  const isAnswered = verdict.mapped !== undefined;
  return rows
    // Of a network that let nothing through only this much is known.
    .filter(([name]) => isAnswered || name === "UDP" || name === "STUN server")
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(NAME_WIDTH)} ${text}`);
}

function lifetimeWords(lifetime: LifetimeVerdict | undefined): string {
  if (lifetime === undefined) return "not known";
  const { atLeast, below } = lifetime;
  if (below === undefined) return `at least ${seconds(atLeast)}; a longer --time= tells more`;
  return `more than ${seconds(atLeast)}, less than ${seconds(below)}`;
}

function nestedWords({ hops }: Observations, { nested }: Verdict): string {
  const known = (hops ?? []).map((hop) => hop === undefined ? "?" : formatIpv4(hop));
  const way = known.length === 0 ? "" : ` (by way of ${known.join(", ")})`;
  return NESTED[nested] + way;
}

function stunWords({ name, first, canChange }: NonNullable<Observations["stun"]>): string {
  if (first === undefined) return `${name} did not answer`;
  const seen = `${name} sees ${formatEndpoint(first.mapped)}`;
  return canChange ? seen : `${seen}; it answers from one address and port alone`;
}

function serverLines(server: ServerSeen, rules: AddressRules): string[] {
  const { name, primary, secondary, primaryView, secondaryView, home } = server;
  const address = formatIpv4(primary);
  const title = name === address ? address : `${name} (${address})`;
  const other = secondaryView === undefined ? "silent" : milliseconds(secondaryView.rtt);
  if (home === undefined || primaryView === undefined) {
    return indented([`${title}: ${problemOf(server, rules)}`]);
  }
  return indented([
    `${title}: ${milliseconds(primaryView.rtt)}, secondary ${formatIpv4(secondary)} ${other}, ` +
    `MTU ${home.mtu}`,
    ...indented([formatIpv6(home.address), ...nativeLine(server, rules)]),
  ]);
}

function nativeLine({ native, failure, primary }: ServerSeen, rules: AddressRules): string[] {
  if (native === undefined) return [];
  const target = formatIpv6(native.target);
  if (native.answer !== undefined) {
    const { rtt, relay } = native.answer;
    return [`${target} answers in ${milliseconds(rtt)} by way of relay ${formatEndpoint(relay)}`];
  }
  if (failure === undefined) return [`${target} did not answer`];
  const { problem, mend } = explain(failure, { server: formatIpv4(primary), target }, rules);
  return [`${target} did not answer: ${problem}; ${mend}`];
}

function problemOf({ failure, refusal, primary }: ServerSeen, rules: AddressRules): string {
  if (refusal === "refused") return "refused: the host is there, and runs no Teredo server";
  if (refusal === "filtered_here") return "this host's own packet filter lets nothing out to it";
  if (refusal === "unreachable") return "unreachable: there is no way to it";
  const server = formatIpv4(primary);
  const { problem, mend } = explain(failure ?? "server-silent", { server }, rules);
  return `${problem}; ${mend}`;
}

/** What else came, where it may say why a server counts for nothing. */
function strayLines({ strays, servers }: Observations, _verdict: Verdict): string[] {
  if (strays.length === 0 || servers.every(({ home }) => home !== undefined)) return [];
  const lines = strays.map(({ from, reason, times }) =>
    `${formatEndpoint(from)}: ${reason}${times === 1 ? "" : ` (${times} times)`}`
  );
  return ["", "Passed over", ...indented(listed(lines))];
}

function listed(lines: readonly string[]): string[] {
  const rest = lines.length - MAX_LISTED;
  return rest > 0 ? [...lines.slice(0, MAX_LISTED), `and ${rest} more`] : [...lines];
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
const milliseconds = (time: number): string => `${time.toFixed(1)} ms`;
const seconds = (time: number): string => `${Math.round(time / 100) / 10} s`;
