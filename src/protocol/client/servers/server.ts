import type { ClientOptions, Native, ServerAddresses, ServerStatus } from "../contract.ts";
import { Inquiry } from "./inquiry.ts";
import type { Nonces } from "../nonces.ts";
import type { Millis } from "../../time.ts";

/** A server that is not used is asked so often, or up to a quarter sooner. */
const STANDBY_CHECK: Millis = 300_000;
/** By way of which no native host was reached gets another chance after so long. */
const HOPELESS_FOR: Millis = 3_600_000;
/** Part of a new round trip in the one that is told. */
const WEIGHT = 1 / 4;

const NATIVE_RANK: Readonly<Record<Native, number>> = { ok: 2, unknown: 1, unreachable: 0 };

/** A server, as far as we know it. */
export class Server implements ServerAddresses {
  readonly primary: number;
  readonly secondary: number;
  /** Of its primary address: the mapping. */
  readonly inquiry: Inquiry;
  /** Of its secondary address: whether that sees the same. RFC 4380 §5.2.1 */
  readonly comparison: Inquiry;
  /** The last valid advertisement of its primary address, and what it said. */
  heardAt: Millis = -Infinity;
  mappedAddress = 0;
  mappedPort = 0;
  mtu = 0;
  isLive = false;
  isKeyRefused = false;
  native: Native = "unknown";
  #nativeAt: Millis = -Infinity;
  rtt: Millis = 0;
  /** When it is to be asked though it is not the one we use. */
  checkAt: Millis = Infinity;

  constructor({ primary, secondary }: ServerAddresses, identity: ClientOptions["identity"]) {
    this.primary = primary;
    this.secondary = secondary;
    this.inquiry = new Inquiry(identity);
    this.comparison = new Inquiry(identity);
  }

  planCheck(now: Millis, nonces: Nonces): void {
    this.checkAt = now + nonces.between(0.75, 1) * STANDBY_CHECK;
  }

  /** Its primary address has answered. @returns whether with another MTU than before */
  hear(mappedAddress: number, mappedPort: number, mtu: number, now: Millis): boolean {
    const isAnother = mtu !== this.mtu;
    const rtt = this.inquiry.roundTrip(now);
    if (rtt > 0) this.rtt = this.rtt === 0 ? rtt : this.rtt + (rtt - this.rtt) * WEIGHT;
    this.inquiry.close();
    this.heardAt = now;
    this.mappedAddress = mappedAddress;
    this.mappedPort = mappedPort;
    this.mtu = mtu;
    this.isLive = true;
    this.isKeyRefused = false;
    return isAnother;
  }

  /** As echo tests by way of it show. */
  noteNative(native: Native, now: Millis): void {
    this.native = native;
    this.#nativeAt = now;
  }

  /** Whether going from `other` to this one would cost native hosts, as was found out not long ago. */
  isHopeless(other: Server, now: Millis): boolean {
    return this.native === "unreachable" && other.native !== "unreachable" &&
      now - this.#nativeAt < HOPELESS_FOR;
  }

  /** Whether native hosts are likelier reached by way of this one. */
  isMoreUsefulThan(other: Server): boolean {
    return NATIVE_RANK[this.native] > NATIVE_RANK[other.native];
  }

  nextAt(): Millis {
    return Math.min(this.inquiry.nextAt, this.comparison.nextAt, this.checkAt);
  }

  status(): ServerStatus {
    const { primary, secondary, isLive: live, rtt, native, isKeyRefused: keyRefused } = this;
    return { primary, secondary, live, rtt, native, keyRefused };
  }
}
