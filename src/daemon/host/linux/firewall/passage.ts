import { NF_CT_STATE_INVALID_BIT, NF_CT_STATE_UNTRACKED_BIT } from "#ffi/linux/mod.ts";
import type { SamplePacket, Tracked, Traffic } from "../../traffic.ts";
import type { Hook } from "./hook.ts";

/** What is asked of the machine while rules are applied. */
export interface Surroundings {
  /** Index of an interface; 0: there is none of this name. */
  indexOf(name: string): number;
  /** The interface by which a packet to this address, of 4 or 16 bytes, would leave. */
  leavesBy(address: Uint8Array): string | undefined;
}

const STATE_BITS: Readonly<Record<Tracked, number>> = {
  invalid: NF_CT_STATE_INVALID_BIT,
  established: 2,
  related: 4,
  new: 8,
};

/** Chains of a lower priority come before connection tracking. NF_IP_PRI_CONNTRACK */
const TRACKING_PRIORITY = -200;

/** Whether a chain comes after connection tracking. */
export function seesConnections(hook: Hook, priority: number): boolean {
  const isFirst = hook === "prerouting" || hook === "output";
  return hook !== "ingress" && hook !== "egress" && !(isFirst && priority < TRACKING_PRIORITY);
}

/** A packet on its way from hook to hook, with what rules may have made of it. */
export class Passage {
  readonly packet: SamplePacket;
  readonly version: 4 | 6;
  readonly around: Surroundings;
  /** Where it is. */
  hook: Hook = "ingress";
  /** Empty: none at this hook. */
  inName = "";
  outName = "";
  /** undefined: a rule that may have matched has set it. */
  mark: number | undefined = 0;
  ctMark: number | undefined = 0;
  untracked = false;
  #tracks = true;

  readonly #comesBack: boolean;

  constructor(packet: SamplePacket, traffic: Traffic, around: Surroundings) {
    this.packet = packet;
    this.version = traffic.version;
    this.around = around;
    this.#comesBack = traffic.comesBack ?? false;
  }

  /** Whether answers to its source leave by where it came in: what reverse-path filters ask. */
  get comesBack(): boolean {
    if (this.inName === "") return false;
    return this.#comesBack || this.around.leavesBy(this.source) === this.inName;
  }

  enter(hook: Hook, priority: number, inName: string, outName: string): void {
    this.hook = hook;
    this.inName = inName;
    this.outName = outName;
    this.#tracks = seesConnections(hook, priority);
  }

  /** Mask of one bit, as `ct state` has it. */
  get stateBits(): number {
    if (!this.#tracks) return NF_CT_STATE_INVALID_BIT;
    return this.untracked ? NF_CT_STATE_UNTRACKED_BIT : STATE_BITS[this.packet.tracked];
  }

  /** Whether an entry of the connection table belongs to it. */
  get isTracked(): boolean {
    return this.#tracks && !this.untracked && this.packet.tracked !== "invalid";
  }

  get addressLength(): number {
    return this.version === 4 ? 4 : 16;
  }

  get source(): Uint8Array {
    const at = this.version === 4 ? 12 : 8;
    return this.packet.bytes.subarray(at, at + this.addressLength);
  }

  get destination(): Uint8Array {
    const at = this.version === 4 ? 16 : 24;
    return this.packet.bytes.subarray(at, at + this.addressLength);
  }
}
