import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { DESTINATION_AT, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { Downlink } from "../downlink.ts";
import { Direction, type Lending } from "../lending.ts";
import { Level, type SharedState } from "../threads/shared.ts";
import { Blocked } from "../udp/blocked.ts";
import type { Uplink } from "../uplink.ts";

/** What a relay's loop does so that peers are lent to the kernel: one call in each of its steps. */
export class LoopLending {
  readonly #lending: Lending;
  readonly #shared: SharedState;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  readonly #clock: () => Millis;
  #isOn = false;
  #waysVersion: number;

  constructor(
    lending: Lending,
    shared: SharedState,
    uplink: Uplink,
    downlink: Downlink,
    clock: () => Millis,
  ) {
    this.#clock = clock;
    this.#lending = lending;
    this.#shared = shared;
    this.#uplink = uplink;
    this.#downlink = downlink;
    this.#waysVersion = shared.waysVersion;
  }

  get nextAt(): Millis {
    return this.#lending.nextAt;
  }

  /** What the main thread has changed. @param isWatched whether somebody is to see every packet */
  heed(isWatched: boolean): void {
    const { lending, waysVersion } = this.#shared;
    if (waysVersion !== this.#waysVersion) {
      this.#waysVersion = waysVersion;
      this.end();
    }
    const isOn = lending && !isWatched;
    if (isOn === this.#isOn) return;
    this.#isOn = isOn;
    if (isOn) this.#lending.resume();
    else this.#lending.suspend(this.#clock());
  }

  /** Somebody asks about peers. */
  takeIn(): void {
    this.#lending.takeIn(this.#clock());
  }

  /** The rules go on by other options. */
  end(): void {
    this.#lending.end(this.#clock());
  }

  sentIpv6(b: Uint8Array, at: number, now: Millis): void {
    this.#lending.passed(Direction.Up, b, at + SOURCE_AT, this.#uplink.isInRun, now);
  }

  sentDatagram({ bytes, at }: UdpDatagram, now: Millis): void {
    const { isInSuper } = this.#downlink;
    this.#lending.passed(Direction.Down, bytes, at + DESTINATION_AT, isInSuper, now);
  }

  /** Behind a turn: lends those whose packets just passed, if none wait that would be overtaken. */
  settle(now: Millis, sink: TunnelSink): void {
    const lending = this.#lending;
    if (now >= lending.nextAt) lending.tick(now);
    const up = lending.wants(Direction.Up);
    const down = lending.wants(Direction.Down);
    if (up) {
      lending.prepare(Direction.Up, now);
      lending.settle(Direction.Up, this.#isUpEmpty(now, sink), now);
    }
    if (down) {
      lending.prepare(Direction.Down, now);
      lending.settle(Direction.Down, this.#isDownEmpty(now, sink), now);
    }
    if (up || down) this.#downlink.flush();
  }

  /** What was read last may have filled a batch, and something may have come since. */
  #isUpEmpty(now: Millis, sink: TunnelSink): boolean {
    return !this.#uplink.hasMore && this.#uplink.receive(now, sink) === 0;
  }

  #isDownEmpty(now: Millis, sink: TunnelSink): boolean {
    const downlink = this.#downlink;
    return downlink.blocked === Blocked.No && !downlink.isLost && downlink.receive(now, sink) === 0;
  }

  /** From here on the rules see every packet, and know of all that passed. */
  finish(): void {
    this.#isOn = false;
    this.#lending.suspend(this.#clock());
  }

  close(): void {
    this.#lending.close();
  }

  publish(): void {
    const { levels } = this.#shared;
    levels[Level.Leases] = this.#lending.leases;
    levels[Level.LeasesRefused] = this.#lending.refused;
    levels[Level.PassedUp] = this.#lending.passedUp;
    levels[Level.PassedDown] = this.#lending.passedDown;
  }
}
