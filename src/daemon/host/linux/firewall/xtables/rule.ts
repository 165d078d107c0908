import { IPT_F_GOTO, IPT_IP_IFACE_AT } from "#ffi/linux/mod.ts";
import { viewOf } from "#src/datapath/linux/netlink/message.ts";
import { COUNTS, targetDeed } from "../deeds.ts";
import { nameBytes } from "../loads.ts";
import type { Answer, Effect, Rule, Verdict } from "../outcome.ts";
import type { Passage } from "../passage.ts";
import { matchOf } from "./matches.ts";
import { targetOf } from "./targets.ts";

export interface LegacyMatch {
  readonly name: string;
  readonly revision: number;
  readonly info: Uint8Array;
}

export interface LegacyParts {
  readonly matches: readonly LegacyMatch[];
  /** Where struct ipt_ip or ip6t_ip6 has its protocol. */
  readonly protocolAt: number;
  readonly target: string;
  readonly targetInfo: Uint8Array;
  /** Of the standard target. */
  readonly verdict: Verdict | undefined;
}

// Inversions. <linux/netfilter_ipv4/ip_tables.h>; those for IPv6 have the same numbers
const INVERT_IN = 0x01;
const INVERT_OUT = 0x02;
const INVERT_SOURCE = 0x08;
const INVERT_DESTINATION = 0x10;
const INVERT_FRAGMENT = 0x20;
const INVERT_PROTOCOL = 0x40;
const FRAGMENT = 1;
const IP6T_F_GOTO = 4;

/** A rule of iptables-legacy: struct ipt_ip or ip6t_ip6, matches and a target. */
export class LegacyRule implements Rule {
  readonly #version: 4 | 6;
  readonly #entry: Uint8Array;
  readonly #parts: LegacyParts;

  constructor(version: 4 | 6, entry: Uint8Array, parts: LegacyParts) {
    this.#version = version;
    this.#entry = entry;
    this.#parts = parts;
  }

  apply(passage: Passage): Effect {
    let doubt: string | undefined;
    if (!this.#matchesHeader(passage)) return { answer: "no", verdict: { kind: "continue" } };
    for (const { name, revision, info } of this.#parts.matches) {
      const answer: Answer = matchOf(name, revision)(info, passage);
      if (answer === "no") return { answer, verdict: { kind: "continue" } };
      if (answer === "maybe") doubt ??= name;
    }
    const verdict = this.#verdict(passage, doubt === undefined);
    if (verdict.kind === "unknown") doubt ??= this.#parts.target;
    return { answer: doubt === undefined ? "yes" : "maybe", verdict, doubt, does: this.#deeds };
  }

  /** Every rule counts; of one that does nothing else somebody reads the counter. */
  get #deeds(): readonly string[] {
    const { target, verdict } = this.#parts;
    const deed = verdict?.kind === "continue" ? COUNTS : targetDeed(target);
    return deed === undefined ? [] : [deed];
  }

  #verdict(passage: Passage, certain: boolean): Verdict {
    const { verdict, target, targetInfo } = this.#parts;
    if (verdict === undefined) return targetOf(target, targetInfo, passage, certain);
    const goes = this.#flags & (this.#version === 4 ? IPT_F_GOTO : IP6T_F_GOTO);
    return verdict.kind === "jump" && goes !== 0 ? { kind: "goto", chain: verdict.chain } : verdict;
  }

  /** Behind the protocol: flags and inversions; for IPv6 a class of traffic before them. */
  get #flags(): number {
    return this.#entry[this.#parts.protocolAt + (this.#version === 4 ? 2 : 3)]!;
  }

  get #inverted(): number {
    return this.#entry[this.#parts.protocolAt + (this.#version === 4 ? 3 : 4)]!;
  }

  #matchesHeader(passage: Passage): boolean {
    const inverted = this.#inverted;
    const length = passage.addressLength;
    const isSource = this.#masked(passage.source, 0, 2 * length);
    if (isSource === ((inverted & INVERT_SOURCE) !== 0)) return false;
    const isDestination = this.#masked(passage.destination, length, 3 * length);
    if (isDestination === ((inverted & INVERT_DESTINATION) !== 0)) return false;

    const names = this.#version === 4 ? IPT_IP_IFACE_AT : 4 * length;
    const comesIn = this.#masked(nameBytes(passage.inName), names, names + 32);
    if (comesIn === ((inverted & INVERT_IN) !== 0)) return false;
    const goesOut = this.#masked(nameBytes(passage.outName), names + 16, names + 48);
    if (goesOut === ((inverted & INVERT_OUT) !== 0)) return false;

    // No sample packet is a fragment but the first one.
    const wantsFragment = this.#version === 4 && (this.#flags & FRAGMENT) !== 0;
    if (wantsFragment && (inverted & INVERT_FRAGMENT) === 0) return false;
    const protocol = viewOf(this.#entry).getUint16(this.#parts.protocolAt, true);
    if (protocol === 0) return true;
    return (protocol === passage.packet.protocol) !== ((inverted & INVERT_PROTOCOL) !== 0);
  }

  #masked(actual: Uint8Array, wantedAt: number, maskAt: number): boolean {
    return actual.every((byte, i) =>
      (byte & this.#entry[maskAt + i]!) === this.#entry[wantedAt + i]!
    );
  }
}
