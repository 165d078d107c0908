import type { Config, Role } from "#src/config/config.ts";
import type { OpenRole } from "#src/datapath/datapath.ts";
import type { FastPathReport, KernelPath } from "#src/datapath/fast_path.ts";
import { DEFAULT_LIMITS, LimitedLog } from "#src/log/limited.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import { filtersOf } from "../checks/firewall.ts";
import { Due } from "../due.ts";
import type { Host } from "../host/contract.ts";
import { lookOnChange } from "../on_change.ts";
import { everySecond } from "../pulse.ts";
import { type Permission, permissionOf, serverPermissionOf } from "./decide.ts";

/** Between two looks at a host that changes. */
const REST: Millis = 200;

export interface Attended {
  readonly role: Role;
  readonly host: Host;
  readonly log: Logger;
  /** As it is at each moment. */
  readonly config: () => Config;
  readonly open: Pick<OpenRole, "listening" | "interfaceName" | "fastPath">;
}

/** Keeps a fast path to what is there and what the filters allow. @returns what ends it */
export function attendFastPath(attended: Attended): () => void {
  const { fastPath } = attended.open;
  if (fastPath === undefined) return () => {};
  const attendant = new Attendant(fastPath, attended);
  attendant.judge();
  // Of one that there is none of nothing changes.
  if (fastPath.isNone === true) return () => {};
  const ends = [
    lookOnChange(fastPath, REST, () => attendant.look()),
    everySecond(() => attendant.judge()),
  ];
  return () => ends.forEach((end) => end());
}

export class Attendant {
  readonly #fastPath: KernelPath;
  readonly #attended: Attended;
  readonly #teller: Teller;
  readonly #due: Due;

  constructor(fastPath: KernelPath, attended: Attended) {
    this.#fastPath = fastPath;
    this.#attended = attended;
    this.#due = new Due(attended.host);
    const isForced = () => {
      const own = attended.config()[attended.role];
      return "fastPath" in own && own.fastPath === "on";
    };
    this.#teller = new Teller(attended.log, isForced);
  }

  /** Has it follow this host's interfaces, addresses and routes. */
  look(): void {
    this.#guarded(() => this.#fastPath.look());
  }

  /** Lets packets pass by the filters, or no more, and tells what comes of it. */
  judge(): void {
    this.#guarded(() => {
      if (!this.#due.isDue(this.#attended.config())) return;
      const { refusal, note } = this.#permission();
      this.#fastPath.permit(refusal, note);
    });
    this.#teller.tell(() => this.#fastPath.report());
  }

  #permission(): Permission {
    const { role, host, config, open } = this.#attended;
    const { relay, server, client } = config();
    const report = filtersOf(host, { role, relay, server, client, open });
    return role === "relay"
      ? permissionOf(relay.fastPath, report)
      : serverPermissionOf(server.fastPath, report);
  }

  /** Where nothing can be seen nothing may pass. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fastPath.permit(`this host cannot be looked at: ${error}`);
    }
  }
}

/** Logs how the fast path is, and what becomes of it. */
class Teller {
  readonly #limited: LimitedLog;
  readonly #isForced: () => boolean;
  #last: Pick<FastPathReport, "on" | "note"> | undefined;

  /** @param isForced whether somebody wants it, whatever it misses */
  constructor(log: Logger, isForced: () => boolean) {
    this.#limited = new LimitedLog(log, { ...DEFAULT_LIMITS, now: () => performance.now() });
    this.#isForced = isForced;
  }

  tell(report: () => FastPathReport): void {
    this.#limited.flush();
    try {
      this.#tell(report());
    } catch (error) {
      // What cannot be seen for a while must not end what works.
      const fields = { error: String(error) };
      this.#limited.log("look", "error", "Cannot look at the daemon", fields);
    }
  }

  #tell({ on, note: reason }: FastPathReport): void {
    const last = this.#last;
    if (last?.on === on && last.note === reason) return;
    this.#last = { on, note: reason };
    if (on) this.#limited.log("on", "info", "Fast path on", { reason });
    else this.#limited.log("off", this.#isForced() ? "warn" : "info", "Fast path off", { reason });
  }
}
