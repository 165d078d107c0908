import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { NO_PEER } from "#src/protocol/peers/index.ts";
import { PEER_LIFETIME, PEER_VALIDITY, Peers } from "#src/protocol/peers/table.ts";
import { teredo } from "#test/protocol/packets.ts";

const CAPACITY = 24;
const MAPPINGS = 12;
/** More addresses than entries, so that they meet; four servers for each mapping. */
const ADDRESSES = Array.from(
  { length: 48 },
  (_, i) => teredo(0xc0000200 + i % 6, 1_000 + i % MAPPINGS, 0xc6336401 + i),
);
/** A reception moves an entry to the end of its list once in a step of this length. */
const STEP = 1_024;

interface Entry {
  trusted: boolean;
  resolving: boolean;
  proven: boolean;
  address: number;
  port: number;
  lastReceived: number;
  lastTransmitted: number;
  lastBubble: number;
  bubbles: number;
}

/** The same table, written to be obvious: a Map's own order is the order of age. */
class NaivePeers {
  readonly entries = new Map<string, Entry>();

  insert(key: string, now: number): boolean {
    if (this.entries.size === CAPACITY) return false;
    this.entries.set(key, {
      trusted: false,
      resolving: false,
      proven: false,
      address: 0,
      port: 0,
      lastReceived: now - PEER_VALIDITY,
      lastTransmitted: now - PEER_VALIDITY,
      lastBubble: now - PEER_LIFETIME,
      bubbles: 0,
    });
    return true;
  }

  toEnd(key: string): void {
    const entry = this.entries.get(key)!;
    this.entries.delete(key);
    this.entries.set(key, entry);
  }

  received(key: string, now: number): void {
    const entry = this.entries.get(key)!;
    if (Math.floor(entry.lastReceived / STEP) !== Math.floor(now / STEP)) this.toEnd(key);
    entry.lastReceived = now;
    entry.bubbles = 0;
  }

  ofMapping(i: number): Entry[] {
    const keys = ADDRESSES.filter((_, k) => k % MAPPINGS === i % MAPPINGS).map((it) =>
      formatIpv6(it)
    );
    return keys.flatMap((key) => this.entries.get(key) ?? []);
  }

  oldest(now: number): string | undefined {
    for (const [key, entry] of this.entries) if (!entry.trusted) return key;
    for (const [key, entry] of this.entries) {
      return now - entry.lastReceived < PEER_VALIDITY ? undefined : key;
    }
    return undefined;
  }
}

const address = fc.nat({ max: ADDRESSES.length - 1 });
const operation = fc.oneof(
  fc.record({ do: fc.constant("insert" as const), i: address }),
  fc.record({ do: fc.constant("remove" as const), i: address }),
  fc.record({ do: fc.constant("received" as const), i: address }),
  fc.record({ do: fc.constant("transmitted" as const), i: address }),
  fc.record({ do: fc.constant("bubbled" as const), i: address }),
  fc.record({ do: fc.constant("trust" as const), i: address, on: fc.boolean() }),
  fc.record({ do: fc.constant("resolve" as const), i: address, on: fc.boolean() }),
  fc.record({ do: fc.constant("prove" as const), i: address, on: fc.boolean() }),
  fc.record({ do: fc.constant("map" as const), i: address, port: fc.nat({ max: 65_535 }) }),
  fc.record({ do: fc.constant("evict" as const), i: address }),
  fc.record({ do: fc.constant("expire" as const), i: address }),
  fc.record({ do: fc.constant("wait" as const), i: fc.nat({ max: 60_000 }) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

class Pair {
  readonly peers = new Peers(CAPACITY, 1, 2);
  readonly naive = new NaivePeers();
  now = 10_000_000;

  apply(step: Operation): void {
    if (step.do === "wait") {
      this.now += step.i;
      return;
    }
    const bytes = ADDRESSES[step.i]!;
    const key = formatIpv6(bytes);
    const entry = this.naive.entries.get(key);
    const p = this.peers.find(bytes, 0);
    assert.equal(p !== NO_PEER, entry !== undefined);
    if (step.do === "evict") return this.evict();
    if (step.do === "expire") return this.expire();
    if (step.do === "insert") {
      if (entry !== undefined) return;
      const inserted = this.peers.insert(bytes, 0, this.now);
      assert.equal(inserted !== NO_PEER, this.naive.insert(key, this.now));
    } else if (entry !== undefined) this.change(step, key, entry, p);
  }

  change(step: Operation, key: string, entry: Entry, p: number): void {
    switch (step.do) {
      case "remove":
        this.peers.remove(p);
        this.naive.entries.delete(key);
        break;
      case "received":
        this.peers.received(p, this.now);
        this.naive.received(key, this.now);
        break;
      case "transmitted":
        this.peers.transmitted(p, this.now);
        entry.lastTransmitted = this.now;
        break;
      case "bubbled":
        this.peers.bubbled(p, this.now);
        entry.lastBubble = this.now;
        entry.bubbles++;
        break;
      case "trust":
        this.peers.setTrusted(p, step.on);
        if (entry.trusted !== step.on) this.naive.toEnd(key);
        entry.trusted = step.on;
        break;
      case "resolve":
        this.peers.setResolving(p, step.on);
        entry.resolving = step.on;
        break;
      case "prove":
        this.peers.setProven(p, step.on);
        entry.proven = step.on;
        break;
      case "map":
        this.peers.setMapping(p, 0xffffffff - step.i, step.port, 0xffff0000);
        entry.address = 0xffffffff - step.i;
        entry.port = step.port;
        break;
    }
  }

  evict(): void {
    const key = this.naive.oldest(this.now);
    const p = this.peers.oldest(this.now);
    assert.equal(this.textOf(p), key);
    if (key === undefined) return;
    this.peers.remove(p);
    this.naive.entries.delete(key);
  }

  expire(): void {
    for (const [key, entry] of this.naive.entries) {
      const p = this.idOf(key);
      const last = Math.max(entry.lastReceived, entry.lastTransmitted, entry.lastBubble);
      assert.equal(this.peers.expiry(p), last + PEER_LIFETIME);
      if (this.now < last + PEER_LIFETIME) continue;
      this.peers.remove(p);
      this.naive.entries.delete(key);
    }
  }

  compare(): void {
    assert.equal(this.peers.size, this.naive.entries.size);
    for (const bytes of ADDRESSES) {
      const p = this.peers.find(bytes, 0);
      const key = formatIpv6(bytes);
      assert.equal(this.textOf(p), this.naive.entries.has(key) ? key : undefined);
    }
    for (const [key, entry] of this.naive.entries) {
      assert.deepEqual(this.read(this.idOf(key)), entry);
    }
    const entries = [...this.naive.entries.values()];
    const { trusted, resolving, failed } = this.peers.counts;
    assert.equal(trusted, entries.filter((it) => it.trusted).length);
    assert.equal(resolving, entries.filter((it) => it.resolving).length);
    assert.equal(failed, entries.filter((it) => !it.trusted && !it.resolving).length);
    for (const { address } of this.naive.entries.values()) {
      const of = entries.filter((it) => it.address === address);
      assert.equal(this.peers.trustedAt(address), of.filter((it) => it.trusted).length);
    }
    assert.equal(this.textOf(this.peers.oldest(this.now)), this.naive.oldest(this.now));
    for (let i = 0; i < MAPPINGS; i++) this.compareMapping(i);
  }

  compareMapping(i: number): void {
    const bytes = ADDRESSES[i]!;
    const entries = this.naive.ofMapping(i);
    assert.equal(this.peers.countOfMapping(bytes, 0), entries.length);
    for (const proven of [false, true]) {
      const kept = (it: Entry) =>
        it.trusted && this.now - it.lastReceived < PEER_VALIDITY && (it.proven || !proven);
      const rank = (it: Entry) => [
        it.trusted ? it.proven ? 2 : 1 : 0,
        it.lastReceived,
        it.lastBubble,
      ];
      const first = entries.filter((it) => !kept(it)).map(rank)
        .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!)[0];
      const p = this.peers.oldestOfMapping(bytes, 0, proven, this.now);
      const got = p === NO_PEER ? undefined : rank(this.naive.entries.get(this.textOf(p)!)!);
      assert.deepEqual(got, first);
    }
  }

  read(p: number): Entry {
    return {
      trusted: this.peers.isTrusted(p),
      resolving: this.peers.isResolving(p),
      proven: this.peers.isProven(p),
      address: this.peers.mappedAddress(p),
      port: this.peers.mappedPort(p),
      lastReceived: this.peers.lastReceived(p),
      lastTransmitted: this.peers.lastTransmitted(p),
      lastBubble: this.peers.lastBubble(p),
      bubbles: this.peers.bubblesSent(p),
    };
  }

  idOf(key: string): number {
    return this.peers.find(ADDRESSES.find((bytes) => formatIpv6(bytes) === key)!, 0);
  }

  textOf(p: number): string | undefined {
    if (p === NO_PEER) return undefined;
    const bytes = new Uint8Array(16);
    this.peers.writeAddress(p, bytes, 0);
    return formatIpv6(bytes);
  }
}

test("Peers agrees with a Map over any operations, eviction and expiry among them (R-03, R-26)", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 250 }), (steps) => {
      const pair = new Pair();
      for (const step of steps) pair.apply(step);
      pair.compare();
    }),
    { numRuns: 400 },
  );
});

test("Peers agrees with a Map when the table is full all the time (R-26)", () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 50, maxLength: 150 }), (steps) => {
      const pair = new Pair();
      for (let i = 0; i < CAPACITY; i++) pair.apply({ do: "insert", i });
      for (const step of steps) {
        if (step.do === "insert" && pair.peers.size === CAPACITY) pair.evict();
        if (step.do !== "remove") pair.apply(step);
      }
      pair.compare();
    }),
    { numRuns: 200 },
  );
});
