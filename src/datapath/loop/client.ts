import type { Millis } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { Multicast } from "../client/multicast.ts";
import type { ClientNews } from "../client/news.ts";
import { ClientPorts, type PortOptions } from "../client/ports.ts";
import type { Kernel } from "../kernel.ts";
import type { SharedState } from "../threads/shared.ts";
import { type HostHashes, type HostOptions, HostRules } from "./host_rules.ts";
import type { TunnelParts, TunnelRole } from "./role.ts";

export interface ClientRoleOptions {
  readonly client: HostOptions;
  /** What others have come in their place since this was last asked; undefined: none. */
  readonly takeRules: () => HostOptions | undefined;
  readonly ports: PortOptions;
  readonly news: ClientNews;
  readonly hashes: HostHashes;
  readonly seed: number;
  /** The time of the day, in ms. */
  readonly wall: () => Millis;
}

/** Between two tellings of what only round trips and times have changed in. */
const TELL_EVERY: Millis = 1_000;

/** A client's: its other sockets, and what it tells of itself. */
export class ClientRole implements TunnelRole {
  readonly rules: HostRules;
  readonly nextAt = Infinity;
  readonly #options: ClientRoleOptions;
  readonly #shared: SharedState;
  readonly #ports: ClientPorts;
  readonly #multicast: Multicast | undefined;
  #broadcastsVersion = 0;
  #toldVersion = -1;
  #toldAt: Millis = -Infinity;
  #now: Millis = 0;

  constructor(kernel: Kernel, parts: TunnelParts, options: ClientRoleOptions) {
    const { libc, arena, shared } = parts;
    const { client, ports, hashes, seed } = options;
    this.#options = options;
    this.#shared = shared;
    this.#ports = new ClientPorts(kernel, parts, ports);
    this.rules = new HostRules(client, shared.counters, hashes, seed, this.#ports);
    if (ports.discovery === undefined) return;
    this.#multicast = new Multicast(libc, arena, ports.service, ports.discovery);
  }

  begin(now: Millis, sink: TunnelSink): void {
    const { client } = this.#options;
    this.#settleOn(client);
    this.rules.start(client, now, sink);
  }

  adopt(_isWatched: boolean, now: Millis, sink: TunnelSink): void {
    this.#now = now;
    const { broadcastsVersion } = this.#shared;
    if (broadcastsVersion !== this.#broadcastsVersion) {
      this.#broadcastsVersion = broadcastsVersion;
      this.rules.setBroadcasts(this.#shared.broadcasts());
    }
    const fresh = this.#options.takeRules();
    if (fresh === undefined) return;
    this.#settleOn(fresh);
    this.rules.set(fresh, now, sink);
  }

  #settleOn({ localDiscovery, localAddress }: HostOptions): void {
    this.#multicast?.moveTo(localDiscovery ? localAddress : 0);
  }

  receive(now: Millis, sink: TunnelSink): void {
    this.#ports.receive(now, sink);
  }

  sentDatagram(): void {}

  sentIpv6(): void {}

  settle(): void {}

  takeIn(): void {}

  publish(): void {
    const { version } = this.rules;
    const isNew = version !== this.#toldVersion;
    if (!isNew && this.#now - this.#toldAt < TELL_EVERY) return;
    this.#toldVersion = version;
    this.#toldAt = this.#now;
    const status = this.rules.status();
    const { randomPorts, ways } = this.rules.gauges;
    const offset = this.#options.wall() - this.#now;
    const { refreshAt } = status;
    const times = {
      refreshAt: refreshAt === undefined ? undefined : refreshAt + offset,
      changedAt: status.changedAt + offset,
    };
    this.#options.news.tell({ ...status, ...times, randomPorts, ways: [...ways] }, isNew);
  }

  finish(): void {}

  close(): void {
    this.#ports.close();
  }
}
