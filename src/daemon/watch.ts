import type { Role } from "#src/config/config.ts";
import type { Datapath } from "#src/datapath/datapath.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import { OWN_DROPS } from "#src/status/drop_help.ts";
import { failureHelp } from "#src/status/failure_help.ts";
import {
  isAlive,
  OFFLOAD_NAMES,
  type OffloadName,
  type ReadinessCheck,
  type Snapshot,
} from "#src/status/snapshot.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Host } from "./host/contract.ts";
import type { Notifier } from "./notify.ts";
import { followOwnAddresses } from "./own_addresses.ts";
import { attachedBroadcasts, BROADCASTS_REFRESH } from "./broadcasts.ts";
import { SERVED_REFRESH } from "./served.ts";
import { everySecond } from "./pulse.ts";
import { SERVING } from "./readiness.ts";
import type { DaemonState } from "./state.ts";
import { StatusTeller } from "./status_text.ts";

/** Of these somebody should hear without looking at the metrics. */
const LOGGED = OWN_DROPS.filter((reason) =>
  // What the kernel refused is told apart by what it said.
  reason !== "send_failed" && reason !== "tun_write_failed"
);

export interface Watched {
  readonly role: Role;
  readonly host: Host;
  readonly log: Logger;
  readonly state: DaemonState;
  readonly datapath: Datapath;
  readonly notifier: Notifier;
  /** Told of each look, and how far forward the wall clock was set since the last one. */
  readonly onLook: (snapshot: Snapshot, clockSet: Millis) => void;
}

/** Looks at a serving daemon again and again. @returns a function that ends it */
export function watchOver(watched: Watched): () => void {
  const { role, log, state, notifier, onLook } = watched;
  const now = () => performance.now();
  const limited = new LimitedLog(log, { ...DEFAULT_LIMITS, now });
  const first = state.read();
  const watch = new Watch(log, limited, first);
  const teller = new StatusTeller(notifier);
  const look = () => {
    const snapshot = state.read();
    watch.look(snapshot);
    const set = state.history.look(snapshot);
    if (set !== 0) log.info("Clock set", { seconds: Math.round(set) / 1000 });
    teller.look(snapshot, now());
    onLook(snapshot, set);
  };
  // What cannot be seen for a while must not end what works.
  const guarded = (step: () => void) => () => {
    try {
      step();
    } catch (error) {
      limited.log("look", "error", "Cannot look at the daemon", { error: String(error) });
    }
  };
  const refresh = guarded(() => state.refresh());
  const lookAgain = guarded(look);
  const end = everySecond(() => {
    refresh();
    lookAgain();
  });
  const timers: ReturnType<typeof setInterval>[] = [];
  const follow = guarded(followBroadcasts(watched));
  follow();
  timers.push(setInterval(follow, BROADCASTS_REFRESH));
  if (role === "relay") {
    const { host, datapath: { setRules } } = watched;
    const config = () => state.config.relay;
    const follow = guarded(followOwnAddresses({ host, log, config, setRules }));
    follow();
    timers.push(setInterval(follow, SERVED_REFRESH));
  }
  if (notifier.watchdog !== undefined) {
    const ping = () => void (isAlive(state.read()) && notifier.send("WATCHDOG=1"));
    timers.push(setInterval(guarded(ping), notifier.watchdog));
  }
  return () => {
    end();
    timers.forEach((timer) => clearInterval(timer));
  };
}

/** No peer has a broadcast address of a subnet that this host is attached to now. RFC 4380 §5.2.4 */
function followBroadcasts({ datapath }: Watched): () => void {
  let known = "";
  return () => {
    const addresses = attachedBroadcasts();
    const text = addresses.join();
    if (text === known) return;
    known = text;
    datapath.setBroadcasts(addresses);
  };
}

/** Logs what changes for better or worse between two looks at the daemon. */
export class Watch {
  readonly #log: Logger;
  readonly #limited: LimitedLog;
  readonly #checks = new Map<string, ReadinessCheck>();
  #drops: Snapshot["drops"];
  #failures: Snapshot["failures"];
  #offloads: Snapshot["offloads"];

  /** @param first what the daemon was like when it began to serve */
  constructor(log: Logger, limited: LimitedLog, first: Snapshot) {
    this.#log = log;
    this.#limited = limited;
    this.#drops = first.drops;
    this.#failures = first.failures;
    this.#offloads = first.offloads;
  }

  look(snapshot: Snapshot): void {
    // What was asked for is no trouble.
    const troubles = snapshot.checks.filter((check) => check.name !== SERVING);
    for (const check of troubles) this.#turned(check);
    this.#dropped(this.#drops, snapshot.drops);
    this.#drops = snapshot.drops;
    this.#failed(this.#failures, snapshot.failures);
    this.#failures = snapshot.failures;
    this.#offloaded(this.#offloads, snapshot.offloads);
    this.#offloads = snapshot.offloads;
    this.#limited.flush();
  }

  #turned(check: ReadinessCheck): void {
    const { name, ok, detail, mend } = check;
    const before = this.#checks.get(name);
    this.#checks.set(name, check);
    if ((before?.ok ?? true) === ok) {
      if (before?.detail !== detail) this.#log.debug("Readiness", { check: name, detail, mend });
      return;
    }
    if (ok) this.#log.info("Ready again", { check: name, detail });
    else this.#log.warn("Not ready", { check: name, detail, mend });
  }

  /** One that was found at start can be refused later, for a device or a route, and accepted again. */
  #offloaded(before: Snapshot["offloads"], now: Snapshot["offloads"]): void {
    for (const name of Object.keys(now) as OffloadName[]) {
      const { on, note } = now[name];
      const offload = OFFLOAD_NAMES[name];
      if (before[name].on === on) continue;
      if (on) this.#limited.log(`${name} on`, "info", "Offload in use again", { offload });
      else this.#limited.log(name, "info", "Offload given up", { offload, reason: note });
    }
  }

  #failed(before: Snapshot["failures"], now: Snapshot["failures"]): void {
    for (const to of WAYS_OUT) {
      for (const errno of FAILURE_NAMES) {
        const count = now[to][errno] - before[to][errno];
        if (count === 0) continue;
        const reason = to === "tun" ? "tun_write_failed" : "send_failed";
        const { meaning: detail, mend } = failureHelp(to, errno);
        const fields = { reason, way: `to_${to}`, errno, count, detail, mend };
        this.#limited.log(`${to} ${errno}`, "warn", "Packets dropped", fields);
      }
    }
  }

  #dropped(before: Snapshot["drops"], now: Snapshot["drops"]): void {
    for (const reason of LOGGED) {
      const count = now[reason] - before[reason];
      if (count > 0) this.#limited.log(reason, "warn", "Packets dropped", { reason, count });
    }
  }
}
