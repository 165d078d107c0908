import { nearest } from "#src/config/suggest.ts";
import { MESSAGES } from "#src/log/messages.ts";
import { FAILURE_NAMES, type FailureName, type WayOut, WAYS_OUT } from "#src/protocol/failures.ts";
import { CLIENT_STATE_HELP } from "#src/status/client_state_help.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";
import { failureHelp } from "#src/status/failure_help.ts";
import { METRIC_HELP, type MetricName } from "#src/status/metric_help.ts";
import type { ClientStateName, DropReason } from "#src/status/snapshot.ts";

/** One of the names that the daemons say, in words. */
export interface Explanation {
  readonly name: string;
  readonly kind: "metric" | "drop_reason" | "log_message" | "errno" | "client_state";
  /** Where it is seen. */
  readonly where: string;
  readonly meaning: string;
  /** Of a drop reason or a state: what brings it about. */
  readonly cause?: string;
  /** Of a metric: which values to look into, and how. */
  readonly look?: string;
  /** Left out: nothing has to be done. */
  readonly mend?: string;
}

/** Every name that can be explained. */
export const EXPLAINED: readonly string[] = [
  ...Object.keys(METRIC_HELP),
  ...Object.keys(DROP_HELP),
  ...Object.keys(MESSAGES),
  ...Object.keys(CLIENT_STATE_HELP),
  ...FAILURE_NAMES.filter((name) => name !== "other"),
];

const KNOWN = new Map(EXPLAINED.map((name) => [plain(name), name]));

/**
 * What `asked` means. A metric may stand with labels, and a counter without `teredo_` and `_total`, as
 * JSON has it; case counts for nothing. An errno has an explanation for each way that a packet can go.
 *
 * @returns nothing for an unknown name
 */
export function explain(asked: string): Explanation[] {
  const bare = plain(asked);
  const name = [bare, `teredo_${bare}`, `teredo_${bare}_total`].map((it) => KNOWN.get(it))
    .find((it) => it !== undefined);
  if (name === undefined) return [];
  if (Object.hasOwn(METRIC_HELP, name)) return [metric(name as MetricName)];
  if (Object.hasOwn(DROP_HELP, name)) return [drop(name as DropReason)];
  if (Object.hasOwn(MESSAGES, name)) return [message(name)];
  if (Object.hasOwn(CLIENT_STATE_HELP, name)) return [state(name as ClientStateName)];
  return WAYS_OUT.map((way) => failure(way, name as FailureName));
}

/** The name that was probably meant. */
export function nearestExplained(asked: string): string | undefined {
  return nearest(asked, EXPLAINED);
}

function plain(text: string): string {
  return text.trim().replace(/\{.*\}$/s, "").replace(/^"(.*)"$/s, "$1").toLowerCase();
}

function metric(name: MetricName): Explanation {
  const { type, unit, help, look } = METRIC_HELP[name];
  const where = `${type} of GET /metrics, unit: ${unit}`;
  return { name, kind: "metric", where, meaning: help, ...(look === undefined ? {} : { look }) };
}

function drop(name: DropReason): Explanation {
  const { because, cause, mend } = DROP_HELP[name];
  return {
    name,
    kind: "drop_reason",
    where: `teredo_drops_total{reason="${name}"}`,
    meaning: `The packet was discarded because ${because}.`,
    cause,
    ...mended(mend),
  };
}

function message(name: string): Explanation {
  const { levels, fields, meaning, mend } = MESSAGES[name]!;
  const beside = fields.length === 0 ? "" : `, with ${fields.join(", ")}`;
  const where = `msg of the log, level ${levels.join(" or ")}${beside}`;
  return {
    name,
    kind: "log_message",
    where,
    meaning: `${capital(withoutLinks(meaning))}.`,
    ...mended(mend),
  };
}

function state(name: ClientStateName): Explanation {
  const { meaning, cause, mend } = CLIENT_STATE_HELP[name];
  return {
    name,
    kind: "client_state",
    where: `teredo_client_state{state="${name}"}`,
    meaning: `${meaning}.`,
    cause,
    ...mended(mend),
  };
}

const TO: Readonly<Record<WayOut, string>> = {
  udp: "A datagram to an IPv4 address",
  ipv6: "A packet to the IPv6 Internet",
  tun: "A packet to the tunnel interface",
};

function failure(way: WayOut, name: FailureName): Explanation {
  const { meaning, mend } = failureHelp(way, name);
  return {
    name,
    kind: "errno",
    where: `teredo_send_failures_total{to="${way}",errno="${name}"}`,
    meaning: `${TO[way]} was refused: ${meaning}.`,
    mend,
  };
}

const mended = (mend: string | undefined) => mend === undefined ? {} : { mend: withoutLinks(mend) };

/** `[metrics.md](metrics.md)` is read in a terminal as well. */
function withoutLinks(text: string): string {
  return text.replace(/\[[^\]]+\]\(([^)#]+)[^)]*\)/g, "docs/$1");
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
