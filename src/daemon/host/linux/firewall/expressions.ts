import {
  NFT_CMP_EQ,
  NFT_CMP_GT,
  NFT_CMP_GTE,
  NFT_CMP_LT,
  NFT_CMP_LTE,
  NFT_CMP_NEQ,
  NFT_EXTHDR_F_PRESENT,
  NFT_EXTHDR_OP_IPV6,
  NFT_LOOKUP_F_INV,
  NFT_NAT_DNAT,
  NFT_OBJECT_CONNLIMIT,
  NFT_OBJECT_LIMIT,
  NFT_OBJECT_QUOTA,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_REG_VERDICT,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_OP,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_XOR,
  NFTA_BYTEORDER_DREG,
  NFTA_BYTEORDER_LEN,
  NFTA_BYTEORDER_SIZE,
  NFTA_BYTEORDER_SREG,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_DYNSET_EXPR,
  NFTA_DYNSET_EXPRESSIONS,
  NFTA_EXTHDR_DREG,
  NFTA_EXTHDR_FLAGS,
  NFTA_EXTHDR_OP,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_FLAGS,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_MATCH_INFO,
  NFTA_MATCH_NAME,
  NFTA_MATCH_REV,
  NFTA_NAT_TYPE,
  NFTA_OBJREF_IMM_TYPE,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_DREG,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_RANGE_FROM_DATA,
  NFTA_RANGE_OP,
  NFTA_RANGE_SREG,
  NFTA_RANGE_TO_DATA,
} from "#ffi/linux/mod.ts";
import type { Attributes } from "./attributes.ts";
import { COUNTS, deedOf } from "./deeds.ts";
import { type Finding, loadFib, loadMeta, loadTracking } from "./loads.ts";
import type { Effect, Rule, Verdict } from "./outcome.ts";
import type { Passage } from "./passage.ts";
import { compareBytes, Registers } from "./registers.ts";
import type { Sets } from "./sets.ts";
import { isTelling } from "./varying.ts";
import { matchOf } from "./xtables/matches.ts";
import { targetOf } from "./xtables/targets.ts";

/** One expression of a rule, as the kernel runs it. */
export interface Expression {
  readonly name: string;
  readonly data: Attributes;
}

/** A rule of nf_tables, run on registers as the kernel runs it, where what is read may be unknown. */
export class NftRule implements Rule {
  readonly handle: number;
  /** Whether xtables made part of it: iptables-nft. */
  readonly isXtables: boolean;
  readonly #expressions: readonly Expression[];
  readonly #sets: Sets;

  constructor(handle: number, expressions: readonly Expression[], sets: Sets) {
    this.handle = handle;
    this.isXtables = expressions.some(({ name }) => name === "match" || name === "target");
    this.#expressions = expressions;
    this.#sets = sets;
  }

  apply(passage: Passage): Effect {
    const run = new Run(passage, this.#sets);
    let loaded = "";
    const does: string[] = [];
    for (const { name, data } of this.#expressions) {
      const answer = run.step(name, data);
      if (answer === "no") return NO_MATCH;
      if (LOADS.has(name)) loaded = name;
      const deed = deedOf(name, data);
      if (deed !== undefined) does.push(deed);
      if (answer === "yes") continue;
      const what = name === "match" ? data.text(NFTA_MATCH_NAME) : name;
      // What is compared is not known, rather than how.
      run.doubt ??= COMPARES.has(name) ? loaded || name : what;
    }
    const answer = run.doubt === undefined ? "yes" : "maybe";
    const counts = this.#expressions.some(({ name }) => name === "counter");
    if (counts && does.length === 0 && run.verdict.kind === "continue") does.push(COUNTS);
    return { answer, verdict: run.verdict, doubt: run.doubt, does };
  }
}

const NO_MATCH: Effect = { answer: "no", verdict: { kind: "continue" } };

/** They read something. */
const LOADS = new Set(
  "payload exthdr meta ct fib rt socket osf numgen hash tunnel xfrm".split(" "),
);
const COMPARES = new Set(["cmp", "range", "lookup"]);

/** They neither match nor decide. */
const WITHOUT_EFFECT = new Set([
  "counter",
  "log",
  "last",
  "dup",
  "flow_offload",
  "secmark",
  "cttimeout",
]);

class Run {
  verdict: Verdict = { kind: "continue" };
  doubt: string | undefined;
  readonly #passage: Passage;
  readonly #sets: Sets;
  readonly #registers = new Registers();

  constructor(passage: Passage, sets: Sets) {
    this.#passage = passage;
    this.#sets = sets;
  }

  /** `maybe` also where something was read that cannot be known. */
  step(name: string, data: Attributes): Finding {
    if (WITHOUT_EFFECT.has(name)) return "yes";
    switch (name) {
      case "immediate":
        return this.#immediate(data);
      case "cmp":
        return this.#compare(data);
      case "range":
        return this.#range(data);
      case "bitwise":
        return this.#bitwise(data);
      case "byteorder":
        return this.#byteOrder(data);
      case "payload":
        return this.#payload(data);
      case "exthdr":
        return this.#extension(data);
      case "meta":
        return loadMeta(data, this.#registers, this.#passage, this.doubt === undefined);
      case "ct":
        return loadTracking(data, this.#registers, this.#passage);
      case "fib":
        return loadFib(data, this.#registers, this.#passage);
      case "lookup":
        return this.#lookUp(data);
      case "dynset": // with an expression it is one limit for each element
        return data.has(NFTA_DYNSET_EXPR) || data.has(NFTA_DYNSET_EXPRESSIONS) ? "maybe" : "yes";
      case "objref":
        return LIMITS.has(data.number(NFTA_OBJREF_IMM_TYPE)) ? "maybe" : "yes";
      case "notrack":
        if (this.doubt === undefined) this.#passage.untracked = true;
        return "yes";
      case "match":
        return matchOf(data.text(NFTA_MATCH_NAME), data.number(NFTA_MATCH_REV))(
          data.bytes(NFTA_MATCH_INFO),
          this.#passage,
        );
      case "reject":
        return this.#decide({ kind: "drop" });
      case "masq":
        return this.#decide({ kind: "accept" });
      case "nat":
        return this.#decide({
          kind: data.number(NFTA_NAT_TYPE) === NFT_NAT_DNAT ? "divert" : "accept",
        });
      case "redir":
      case "fwd":
        return this.#decide({ kind: "divert" });
      case "queue":
      case "synproxy":
      case "tproxy":
        this.#decide({ kind: "unknown" });
        return "maybe";
      case "target":
        return this.#target(data);
      default:
        this.#registers.clear();
        return "maybe";
    }
  }

  #decide(verdict: Verdict): Finding {
    this.verdict = verdict;
    return "yes";
  }

  #target(data: Attributes): Finding {
    const passage = this.#passage;
    const name = data.text(NFTA_MATCH_NAME);
    const verdict = targetOf(name, data.bytes(NFTA_MATCH_INFO), passage, this.doubt === undefined);
    this.#decide(verdict);
    return verdict.kind === "unknown" ? "maybe" : "yes";
  }

  #immediate(data: Attributes): Finding {
    const register = data.number(NFTA_IMMEDIATE_DREG);
    if (register !== NFT_REG_VERDICT) {
      this.#registers.store(register, data.value(NFTA_IMMEDIATE_DATA));
      return "yes";
    }
    return this.#decide(data.verdict(NFTA_IMMEDIATE_DATA) ?? { kind: "unknown" });
  }

  #compare(data: Attributes): Finding {
    const wanted = data.value(NFTA_CMP_DATA);
    const actual = this.#registers.read(data.number(NFTA_CMP_SREG), wanted.length);
    if (actual === undefined) return "maybe";
    return holds(data.number(NFTA_CMP_OP), compareBytes(actual, wanted)) ? "yes" : "no";
  }

  #range(data: Attributes): Finding {
    const from = data.value(NFTA_RANGE_FROM_DATA);
    const actual = this.#registers.read(data.number(NFTA_RANGE_SREG), from.length);
    if (actual === undefined) return "maybe";
    const inside = compareBytes(actual, from) >= 0 &&
      compareBytes(actual, data.value(NFTA_RANGE_TO_DATA)) <= 0;
    return inside === (data.number(NFTA_RANGE_OP) === NFT_CMP_EQ) ? "yes" : "no";
  }

  #bitwise(data: Attributes): Finding {
    const length = data.number(NFTA_BITWISE_LEN);
    const target = data.number(NFTA_BITWISE_DREG);
    const source = this.#registers.read(data.number(NFTA_BITWISE_SREG), length);
    const isMask = data.number(NFTA_BITWISE_OP) === 0; // NFT_BITWISE_BOOL; others shift
    if (source === undefined || !isMask) {
      this.#registers.forget(target, length);
      return "yes";
    }
    const mask = data.value(NFTA_BITWISE_MASK);
    const xor = data.value(NFTA_BITWISE_XOR);
    this.#registers.store(target, source.map((byte, i) => (byte & mask[i]!) ^ xor[i]!));
    return "yes";
  }

  #byteOrder(data: Attributes): Finding {
    const length = data.number(NFTA_BYTEORDER_LEN);
    const size = data.number(NFTA_BYTEORDER_SIZE);
    const target = data.number(NFTA_BYTEORDER_DREG);
    const source = this.#registers.read(data.number(NFTA_BYTEORDER_SREG), length);
    if (source === undefined || size === 0) {
      this.#registers.forget(target, length);
      return "yes";
    }
    for (let at = 0; at + size <= length; at += size) source.subarray(at, at + size).reverse();
    this.#registers.store(target, source);
    return "yes";
  }

  #payload(data: Attributes): Finding {
    if (!data.has(NFTA_PAYLOAD_DREG)) return "yes"; // writes into the packet
    const register = data.number(NFTA_PAYLOAD_DREG);
    const length = data.number(NFTA_PAYLOAD_LEN);
    const at = data.number(NFTA_PAYLOAD_OFFSET);
    const { packet, version } = this.#passage;
    const header = HEADERS[data.number(NFTA_PAYLOAD_BASE)];
    if (header === undefined || !isTelling(packet, version, header, at, length)) {
      this.#registers.forget(register, length);
      return "yes";
    }
    const start = at + (header === "network" ? 0 : packet.transportAt);
    this.#registers.store(register, packet.bytes.subarray(start, start + length));
    return "yes";
  }

  /** The packets have no extension headers. */
  #extension(data: Attributes): Finding {
    const register = data.number(NFTA_EXTHDR_DREG);
    if (data.number(NFTA_EXTHDR_OP) !== NFT_EXTHDR_OP_IPV6) {
      this.#registers.forget(register);
      return "yes";
    }
    if ((data.number(NFTA_EXTHDR_FLAGS) & NFT_EXTHDR_F_PRESENT) === 0) return "no";
    this.#registers.store(register, Uint8Array.of(0));
    return "yes";
  }

  #lookUp(data: Attributes): Finding {
    const isMap = data.has(NFTA_LOOKUP_DREG);
    const register = data.number(NFTA_LOOKUP_DREG);
    const element = this.#element(data);
    if (element === undefined) {
      if (isMap && register === NFT_REG_VERDICT) this.#decide({ kind: "unknown" });
      if (isMap && register !== NFT_REG_VERDICT) this.#registers.forget(register, 64);
      return "maybe";
    }
    const inverted = (data.number(NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) !== 0;
    if ((element !== "none") === inverted) return "no";
    if (!isMap || element === "none") return "yes";
    if (register === NFT_REG_VERDICT) return this.#decide(element.verdict ?? { kind: "unknown" });
    this.#registers.store(register, element.value);
    return "yes";
  }

  #element(data: Attributes) {
    const set = data.text(NFTA_LOOKUP_SET);
    const length = this.#sets.keyLength(set);
    if (length === undefined) return undefined;
    const key = this.#registers.read(data.number(NFTA_LOOKUP_SREG), length);
    return key === undefined ? undefined : this.#sets.find(set, key);
  }
}

const HEADERS: Readonly<Record<number, "network" | "transport">> = {
  [NFT_PAYLOAD_NETWORK_HEADER]: "network",
  [NFT_PAYLOAD_TRANSPORT_HEADER]: "transport",
};

const LIMITS = new Set<number>([NFT_OBJECT_QUOTA, NFT_OBJECT_LIMIT, NFT_OBJECT_CONNLIMIT]);

function holds(operation: number, order: number): boolean {
  switch (operation) {
    case NFT_CMP_EQ:
      return order === 0;
    case NFT_CMP_NEQ:
      return order !== 0;
    case NFT_CMP_LT:
      return order < 0;
    case NFT_CMP_LTE:
      return order <= 0;
    case NFT_CMP_GT:
      return order > 0;
    case NFT_CMP_GTE:
      return order >= 0;
    default:
      return false;
  }
}
