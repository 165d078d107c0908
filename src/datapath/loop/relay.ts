import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { FastPathShare } from "../fast_path.ts";
import type { Kernel } from "../kernel.ts";
import type { Legacy } from "../legacy.ts";
import type { SharedValue } from "../threads/shared_value.ts";
import { workerOf } from "../threads/share_out.ts";
import type { SharedState } from "../threads/shared.ts";
import { LoopLending } from "./lending.ts";
import type { TunnelParts, TunnelRole } from "./role.ts";

export interface RelayRoleOptions {
  readonly relay: RelayOptions;
  /** Where others come from. */
  readonly rules: SharedValue<RelayOptions>;
  /** Of the UDP socket; 0: every one, so that replies must name the address they leave from. */
  readonly boundAddress: number;
  /** By which peers are lent to the kernel; undefined: they are not. */
  readonly fastPath?: FastPathShare | undefined;
  readonly hash: KeyedHash;
  readonly seed: number;
  readonly clock: () => Millis;
  /** Which worker this is, from 0, and of how many. */
  readonly share: readonly [worker: number, workers: number];
  /** What to take over this worker's peers from; undefined: there is nothing. */
  readonly legacy?: Legacy | undefined;
}

/** A relay's: peers that are lent to the kernel, and what one relay leaves to the next. */
export class RelayRole implements TunnelRole {
  readonly rules: Relay;
  readonly #options: RelayRoleOptions;
  readonly #shared: SharedState;
  readonly #lending: LoopLending | undefined;
  /** See `Kernel.bootTime`. */
  readonly #bootTime: (() => Millis) | undefined;
  #broadcastsVersion = 0;

  constructor(kernel: Kernel, parts: TunnelParts, options: RelayRoleOptions) {
    const { libc, shared, uplink, downlink } = parts;
    const { relay, hash, seed, clock, fastPath, boundAddress } = options;
    this.#options = options;
    this.#shared = shared;
    this.rules = new Relay(relay, shared.counters, hash, seed);
    const lending = fastPath &&
      kernel.lend?.(libc, fastPath, this.rules.leases, shared.counters, boundAddress, clock);
    this.#lending = lending && new LoopLending(lending, shared, uplink, downlink, clock);
    const { bootTime } = kernel;
    this.#bootTime = bootTime && (() => bootTime(libc));
  }

  get nextAt(): Millis {
    return this.#lending?.nextAt ?? Infinity;
  }

  begin(now: Millis): void {
    const { legacy, share: [worker, workers] } = this.#options;
    if (this.#bootTime === undefined || legacy === undefined) return;
    const written = now - (this.#bootTime() - legacy.writtenAt);
    const isOurs = (b: Uint8Array, at: number) => workerOf(b, at, workers) === worker;
    for (const some of legacy.rows) this.rules.takeOver(some, written, now, isOurs);
  }

  /** What is left to a successor, once the loop has ended; undefined where time goes unmeasured. */
  legacy(): Legacy<ArrayBuffer> | undefined {
    if (this.#bootTime === undefined) return undefined;
    const rows = this.rules.legacy(this.#options.clock());
    return { rows: [rows], writtenAt: this.#bootTime() };
  }

  adopt(isWatched: boolean, now: Millis): void {
    const rules = this.#options.rules.take();
    if (rules !== undefined) {
      this.rules.set(rules, now);
      this.#lending?.end();
    }
    const { broadcastsVersion } = this.#shared;
    if (broadcastsVersion !== this.#broadcastsVersion) {
      this.#broadcastsVersion = broadcastsVersion;
      this.rules.setBroadcasts(this.#shared.broadcasts());
      this.#lending?.end();
    }
    this.#lending?.heed(isWatched);
  }

  /** It has one port. */
  receive(): void {}

  sentDatagram(datagram: UdpDatagram, now: Millis): void {
    this.#lending?.sentDatagram(datagram, now);
  }

  sentIpv6(b: Uint8Array, at: number, now: Millis): void {
    this.#lending?.sentIpv6(b, at, now);
  }

  settle(now: Millis, sink: TunnelSink): void {
    this.#lending?.settle(now, sink);
  }

  takeIn(): void {
    this.#lending?.takeIn();
  }

  publish(): void {
    this.#lending?.publish();
  }

  finish(): void {
    this.#lending?.finish();
  }

  close(): void {
    this.#lending?.close();
  }
}
