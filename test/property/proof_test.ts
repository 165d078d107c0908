import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Drop } from "#src/protocol/drops.ts";
import { bubble, change, teredo } from "#test/protocol/packets.ts";
import { data, HOST, RelayLab, type RelaySent } from "#test/protocol/relay/lab.ts";
import { CLIENT, CLIENT_PORT } from "#test/protocol/vectors.ts";

const PEER = teredo(CLIENT, CLIENT_PORT);
const PACKET = data(HOST, PEER);
const VALIDITY = 30_000;
/** Tokens are good for 30 s at least, and for no more than 60. */
const FRESH = 30_000;
const STALE = 60_000;

const port = fc.constantFrom(CLIENT_PORT, CLIENT_PORT + 1, CLIENT_PORT + 2, CLIENT_PORT + 3);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("packet" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("forged" as const), port, bubble: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("answer" as const), port, age: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wrong" as const), port }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(25_000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/**
 * What one may believe of where a peer is, in the plainest words: where a token came from last, as
 * long as something comes from there. Nothing else moves it.
 */
class Belief {
  proof: { port: number; heardAt: number } | undefined;

  holds(now: number): boolean {
    return this.proof !== undefined && now - this.proof.heardAt < VALIDITY;
  }

  answered(port: number, now: number): void {
    if (!this.holds(now) || this.proof!.port === port) this.proof = { port, heardAt: now };
  }

  heard(port: number, now: number): void {
    if (this.proof?.port === port) this.proof.heardAt = now;
  }
}

/** What a bubble told, which left at some time from `from` to `to`. */
interface Token {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

class Play {
  readonly lab = new RelayLab();
  readonly belief = new Belief();
  readonly #tokens: Token[] = [];
  #failed = 0;

  apply(step: Step): void {
    const { lab, belief } = this;
    const from = lab.now;
    switch (step.do) {
      case "packet": {
        const held = belief.holds(lab.now);
        lab.fromIpv6(PACKET);
        if (held) assert.ok(lab.sent.some(isData), "a proven peer is not sent to");
        break;
      }
      case "forged":
        lab.fromClient(step.bubble ? bubble(PEER, HOST) : data(PEER, HOST), { port: step.port });
        belief.heard(step.port, lab.now);
        break;
      case "answer":
        this.answer(step.port, this.#tokens.at(-1 - step.age));
        break;
      case "wrong": {
        const token = this.#tokens.at(-1)?.bytes;
        if (token === undefined) break;
        lab.fromClient(bubble(PEER, change(token, 12, token[12]! ^ 1)), { port: step.port });
        belief.heard(step.port, lab.now);
        break;
      }
      case "wait":
        lab.advance(step.ms);
        break;
    }
    this.look(from);
  }

  /** Between fresh and stale it depends on the window that the token was made in. */
  answer(port: number, token: Token | undefined): void {
    const { lab, belief } = this;
    if (token === undefined) return;
    const stale = lab.now - token.to >= STALE;
    if (!stale && lab.now - token.from >= FRESH) return;
    const drop = lab.fromClient(bubble(PEER, token.bytes), { port });
    if (stale) return belief.heard(port, lab.now);
    const moves = !belief.holds(lab.now) || belief.proof!.port === port;
    if (this.lab.relay.gauges.peers > 0 && moves) assert.equal(drop, Drop.None);
    if (drop === Drop.None) belief.answered(port, lab.now);
  }

  /** @param from when the step began that has ended */
  look(from: number): void {
    const { lab, belief } = this;
    for (const sent of lab.sent) {
      if (isBubble(sent)) {
        const bytes = Uint8Array.from(sent.hex.slice(16, 48).match(/../g)!, (h) => parseInt(h, 16));
        this.#tokens.push({ bytes, from, to: lab.now });
      } else if (isData(sent) && belief.holds(lab.now)) {
        assert.equal(sent.to, `192.0.2.45:${belief.proof!.port}`);
      }
    }
    if (lab.count("peers_failed") > this.#failed || lab.relay.gauges.peers === 0) {
      belief.proof = undefined;
    }
    this.#failed = lab.count("peers_failed");
  }
}

const isBubble = ({ hex }: RelaySent) => hex.length === 80 && hex.slice(12, 14) === "3b";
const isData = (sent: RelaySent) => sent.to !== "ipv6" && sent.to !== "icmpv6" && !isBubble(sent);

test("Relay sends a peer's packets to where it proved to be, whatever else is forged (R-21, R-22)", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const play = new Play();
      for (const step of [{ do: "packet" } as const, ...steps]) play.apply(step);
    }),
    { numRuns: 2_000 },
  );
});
