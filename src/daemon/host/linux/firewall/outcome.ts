import type { Hook } from "./hook.ts";
import type { Passage } from "./passage.ts";

/** Whether a rule matches, as far as can be said. */
export type Answer = "yes" | "no" | "maybe";

export type Verdict =
  | { readonly kind: "continue" | "return" | "accept" | "drop" | "divert" | "unknown" }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

export interface Effect {
  readonly answer: Answer;
  readonly verdict: Verdict;
  /** What was not understood, where the answer or the verdict is open. */
  readonly doubt?: string | undefined;
  /** What else it does to the packet, or because of it: counts, limits, marks, translates. */
  readonly does?: readonly string[] | undefined;
}

export interface Rule {
  apply(passage: Passage): Effect;
}

/** Where a packet was stopped. */
export interface Place {
  readonly base: BaseChain;
  /** The chain that the rule stands in, which need not be the base chain. */
  readonly chain: Chain;
  /** Index of the rule; -1: the policy of the base chain. */
  readonly index: number;
  /** Before which rule of the chain it has to be let through; undefined: at the chain's end. */
  readonly before: number | undefined;
  /** Sent somewhere else, rather than dropped. */
  readonly diverted: boolean;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Part of the rule that calls it, written in braces there: by itself it cannot be changed. */
  readonly isBound?: boolean;
}

/** A chain that the kernel calls by itself. */
export interface BaseChain extends Chain {
  readonly hook: Hook;
  /** Lower ones come first. */
  readonly priority: number;
  readonly isNat: boolean;
  readonly drops: boolean;
  /** Of ingress and egress. */
  readonly devices: readonly string[];
  /** IP versions that come by. */
  readonly versions: readonly number[];
  readonly table: Table;
}

export interface Table {
  /** For messages: `table inet filter`. */
  readonly title: string;
  readonly chains: ReadonlyMap<string, Chain>;
}

/** What a rule does that is seen nowhere but in its effect on later packets, or on this one. */
export interface Deed {
  readonly place: Place;
  readonly what: string;
}

/** What can become of a packet in a base chain; several things, where rules are not understood. */
export interface Outcome {
  accepts: boolean;
  stopped: Place | undefined;
  doubt: string | undefined;
  readonly deeds: Deed[];
}

/** Of nf_tables, NFT_JUMP_STACK_SIZE; a ruleset that the kernel took has no deeper one. */
const MAX_DEPTH = 16;
/** Rules applied to one packet in one base chain: beyond, nothing is known. */
const MAX_STEPS = 20_000;

/** What becomes of a packet in a base chain. A drop there is final, an acceptance is not. */
export function outcomeOf(base: BaseChain, passage: Passage): Outcome {
  const walk = new Walk(base, passage);
  const falls = walk.through(base, 0);
  if (falls && base.drops) walk.stopByPolicy();
  else if (falls) walk.outcome.accepts = true;
  return walk.outcome;
}

class Walk {
  readonly outcome: Outcome = {
    accepts: false,
    stopped: undefined,
    doubt: undefined,
    deeds: [],
  };
  readonly #base: BaseChain;
  readonly #passage: Passage;
  #steps = 0;
  /** In a chain that cannot be changed: the rule that it is part of. */
  #calledBy: { readonly chain: Chain; readonly index: number } | undefined;
  /** The rule by which the packet left the base chain for its policy. */
  #leftBy: number | undefined;

  constructor(base: BaseChain, passage: Passage) {
    this.#base = base;
    this.#passage = passage;
  }

  stopByPolicy(): void {
    const base = this.#base;
    this.#stop({ base, chain: base, index: -1, before: this.#leftBy, diverted: false });
  }

  #stop(place: Place): void {
    this.outcome.stopped ??= place;
  }

  /** @returns whether the packet can come out at the end of `chain` */
  through(chain: Chain, depth: number): boolean {
    let returns = false;
    for (const [index, rule] of chain.rules.entries()) {
      if (++this.#steps > MAX_STEPS) return this.#lost("so many rules");
      const { answer, verdict, doubt, does = [] } = rule.apply(this.#passage);
      if (answer === "no") continue;
      // Of what is not understood each packet may be treated in its own way.
      const whats = doubt === undefined ? does : [...does, doubt];
      for (const what of whats) {
        this.outcome.deeds.push({ place: this.#placeOf(chain, index, false), what });
      }
      if (doubt !== undefined && verdict.kind !== "continue") this.outcome.doubt ??= doubt;
      const goes = this.#follow(verdict, chain, index, depth);
      if (goes === "returns") {
        returns = true;
        if (chain === this.#base) this.#leftBy ??= index;
      }
      if (answer === "yes" && goes !== "on") return returns;
    }
    return true;
  }

  /** @returns where the packet is after a rule that matched: at the next, at the end, or away */
  #follow(verdict: Verdict, chain: Chain, index: number, depth: number): "on" | "returns" | "away" {
    switch (verdict.kind) {
      case "continue":
        return "on";
      case "return":
        return "returns";
      case "accept":
        this.outcome.accepts = true;
        return "away";
      case "drop":
      case "divert":
        this.#stopBy(chain, index, verdict.kind === "divert");
        return "away";
      case "unknown":
        this.#stopBy(chain, index, false);
        this.outcome.accepts = true;
        return "on";
      case "jump":
        return this.#call(verdict.chain, depth, chain, index) ? "on" : "away";
      case "goto":
        return this.#call(verdict.chain, depth, chain, index) ? "returns" : "away";
    }
  }

  #stopBy(chain: Chain, index: number, diverted: boolean): void {
    this.#stop(this.#placeOf(chain, index, diverted));
  }

  #placeOf(chain: Chain, index: number, diverted: boolean): Place {
    const at = this.#calledBy ?? { chain, index };
    return { base: this.#base, ...at, before: at.index, diverted };
  }

  #call(name: string, depth: number, chain: Chain, index: number): boolean {
    const called = this.#base.table.chains.get(name);
    if (called === undefined || depth >= MAX_DEPTH) return this.#lost(`chain ${name}`);
    const before = this.#calledBy;
    this.#calledBy = called.isBound ? before ?? { chain, index } : undefined;
    const falls = this.through(called, depth + 1);
    this.#calledBy = before;
    return falls;
  }

  /** Anything may come of it. */
  #lost(doubt: string): boolean {
    this.outcome.doubt ??= doubt;
    this.outcome.accepts = true;
    this.#leftBy ??= 0;
    this.stopByPolicy();
    this.outcome.deeds.push({ place: this.#placeOf(this.#base, -1, false), what: doubt });
    return true;
  }
}
