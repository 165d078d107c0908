import type { Config, Role } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import type {
  ClientView,
  DatedCheck,
  ReadinessCheck,
  SandboxState,
  Snapshot,
} from "#src/status/snapshot.ts";
import type { Errands } from "./client/errands/process.ts";
import type { Host } from "./host/contract.ts";
import type { Announcement } from "./announcement.ts";
import type { History } from "./history/mod.ts";
import { drained, Readiness } from "./readiness.ts";
import { datedOutcome, type Outcome } from "./reload/outcome.ts";
import { noRestorations, type Restorations } from "./restorations.ts";
import { takeSnapshot } from "./snapshot.ts";

/** Of a client, whose servers tell it. RFC 4380 §5.2.1 */
const MIN_MTU = 1280;

/** How a client is at this moment. */
interface ClientLook {
  readonly view: ClientView;
  /** Undefined: there are none to be done. */
  readonly errands?: Pick<Errands, "gone"> | undefined;
}

/** A daemon as the status pages see it: first starting, then serving, then draining. */
export class DaemonState {
  readonly #role: Role;
  readonly #version: string;
  #config: Config;
  readonly #host: Host;
  readonly #readiness: Readiness;
  readonly #logLinesDropped: () => number;
  readonly history: History;
  readonly restorations: Restorations = noRestorations();
  /** Whoever reloads keeps it. */
  reload: Outcome;
  /** Whoever enters it sets it. */
  sandbox: SandboxState = { mode: "off", layers: [], violations: 0 };
  /** See `Upholding.isKept`; whoever has the interface kept sets it. */
  isKept: () => boolean | undefined = () => undefined;
  #serving: { open: OpenRole; datapath: Datapath } | undefined;
  #checks: readonly DatedCheck[] = [];
  /** Since when traffic is turned away, on the clock of `performance.now()`; undefined: it is not. */
  #drainingSince: Millis | undefined;
  #announcement: Announcement | undefined;
  #client: ClientLook | undefined;

  constructor(
    role: Role,
    version: string,
    config: Config,
    host: Host,
    logLinesDropped: () => number,
    history: History,
  ) {
    this.#role = role;
    this.#version = version;
    this.#config = config;
    this.#host = host;
    this.#readiness = new Readiness(host);
    // From here on the kernel is listened to; later there may be no right to begin.
    host.revision();
    this.#logLinesDropped = logLinesDropped;
    this.history = history;
    const succeededAt = history.time.now();
    this.reload = { ok: true, succeededAt, problems: [], needsRestart: [] };
  }

  /** From here on the announcement follows readiness. */
  announceBy(announcement: Announcement): void {
    this.#announcement = announcement;
  }

  /** From here on a client tells how it is. */
  clientBy(client: ClientLook): void {
    this.#client = client;
  }

  /** What the daemon goes by. */
  get config(): Config {
    return this.#config;
  }

  /** From here on the daemon goes by another configuration, and the next look at it judges by that. */
  adopt(config: Config): void {
    this.#config = config;
  }

  serve(open: OpenRole, datapath: Datapath): void {
    this.#serving = { open, datapath };
    this.refresh();
  }

  /** Whether traffic is turned away. */
  get draining(): boolean {
    return this.#drainingSince !== undefined;
  }

  /** How long it has been turned away; 0: it is not. */
  get drainedFor(): Millis {
    return this.#drainingSince === undefined ? 0 : performance.now() - this.#drainingSince;
  }

  /**
   * @param wanted whether traffic is to be turned away
   * @throws Error of what {@link refresh} could not see; it is as wanted all the same
   */
  drain(wanted: boolean): void {
    if (wanted !== this.draining) this.#drainingSince = wanted ? performance.now() : undefined;
    if (this.#serving !== undefined) this.#judge(drained(this.#checks, wanted));
    this.refresh();
  }

  /** Looks at what readiness depends on; in between, the last outcome stands. */
  refresh(): void {
    if (this.#serving === undefined) return;
    const { relay, server, client } = this.#config;
    const served = {
      role: this.#role,
      relay,
      server,
      client,
      draining: this.draining,
      view: this.#client?.view,
      errands: this.#client?.errands,
      ...this.#serving,
    };
    this.#judge(this.#readiness.look(served));
  }

  #judge(checks: readonly ReadinessCheck[]): void {
    this.#checks = this.history.judge(checks);
    this.#announcement?.follow(this.#checks, performance.now());
  }

  /** @throws Error before {@link serve} */
  readonly read = (): Snapshot => {
    if (this.#serving === undefined) throw new Error("The daemon is starting");
    const own = this.#config[this.#role];
    const client = this.#client?.view;
    return takeSnapshot({
      ...this.#serving,
      role: this.#role,
      version: this.#version,
      mtu: "interfaceMtu" in own ? own.interfaceMtu : client?.mtu ?? MIN_MTU,
      prefix: formatIpv6Prefix(servicePrefixOf(own.prefix)),
      peersLimit: "maxPeers" in own ? own.maxPeers : 0,
      draining: this.draining,
      checks: this.#checks,
      history: this.history,
      use: this.#host.processUse(),
      restored: this.restorations,
      reload: datedOutcome(this.reload, this.history.time),
      sandbox: this.sandbox,
      logLinesDropped: this.#logLinesDropped(),
      announced: this.#announcement?.isOn,
      kept: this.isKept(),
      client,
    });
  };
}
