import type { Millis } from "#src/protocol/time.ts";
import { isReady, type Snapshot } from "#src/status/snapshot.ts";
import { bits, decimal } from "#src/status/units.ts";
import type { Notifier } from "./notify.ts";

/** Rates are told again after this time, a change of state at the next look. */
const TELL_EVERY: Millis = 10_000;
/** Of a line that a person reads among others. */
const MAX_LENGTH = 250;

/** Keeps the line that a service manager shows of us: `STATUS=` of sd_notify(3). */
export class StatusTeller {
  readonly #notifier: Pick<Notifier, "send">;
  #before: Snapshot;
  #at: Millis;
  #state = "";

  constructor(notifier: Pick<Notifier, "send">, first: Snapshot, now: Millis) {
    this.#notifier = notifier;
    this.#before = first;
    this.#at = now;
  }

  look(snapshot: Snapshot, now: Millis): void {
    const state = stateOf(snapshot);
    const elapsed = now - this.#at;
    if (elapsed <= 0 || (state === this.#state && elapsed < TELL_EVERY)) return;
    const text = `${state}: ${detailOf(snapshot, this.#before, elapsed)}`;
    this.#notifier.send(`STATUS=${text.replace(/\s+/g, " ").slice(0, MAX_LENGTH)}`);
    this.#state = state;
    this.#before = snapshot;
    this.#at = now;
  }
}

function stateOf(snapshot: Snapshot): string {
  if (snapshot.draining) return "Draining";
  if (isReady(snapshot)) return "Ready";
  const [first, ...others] = snapshot.checks.filter(({ ok }) => !ok);
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `Not ready, ${first?.name}: ${first?.detail}${more}`;
}

/** How much passes: of the relay in bits, of the server, which carries little, in messages. */
function detailOf(snapshot: Snapshot, before: Snapshot, elapsed: Millis): string {
  const { role, gauges, counters } = snapshot;
  const rate = (name: keyof Snapshot["counters"]) =>
    Math.max(0, counters[name] - before.counters[name]) * 1000 / elapsed;
  if (role === "server") {
    const solicitations = decimal(rate("solicitations_received"));
    return `${solicitations} solicitations/s, ${decimal(rate("bubbles_forwarded"))} bubbles/s`;
  }
  const from = bits(8 * rate("ipv6_sent_bytes"));
  const to = bits(8 * rate("udp_sent_bytes"));
  const peers = `${gauges.peers} peer${gauges.peers === 1 ? "" : "s"}`;
  return `${peers}, ${from} from clients, ${to} to clients`;
}
