import assert from "node:assert/strict";
import test from "node:test";
import { copyBytes, writeU32 } from "#src/protocol/wire/bytes.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { NEXT_HEADER_TCP } from "#src/protocol/wire/ipv6.ts";
import { Server } from "#src/protocol/server/rules.ts";
import { PRIMARY, type ServerSink } from "#src/protocol/server/contract.ts";
import { makeSipHash, SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { Joiner, type JoinSink, type Run } from "#src/segments/join.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { arrival, bubble, teredo } from "#test/protocol/packets.ts";
import { hmacSha1, OPTIONS } from "#test/protocol/server/lab.ts";
import { CLIENT, CLIENT_PORT, vector } from "#test/protocol/vectors.ts";
import { tcp } from "#test/segments/packets.ts";
import { allocationOf } from "./allocation.ts";
import { Crowd } from "./crowd.ts";
import { assertNoGarbage, BATCH, CHUNK, OBJECTS_PER_STRANGER, PACKETS } from "./no_garbage.ts";
import { RecordedCrowd } from "./recorded_crowd.ts";

/** Batches as a loop takes them: one time for all packets of a batch. */
function inBatches(crowd: Crowd, step: number, batch: (now: number) => void): () => void {
  return () => {
    for (let i = 0; i < CHUNK; i += BATCH) {
      crowd.now += step;
      batch(crowd.now);
    }
  };
}

test("allocationOf() sees an object, a closure, a string or a BigInt a packet, and what is kept", async () => {
  const found: unknown[] = [];
  const ring: unknown[] = new Array(BATCH);
  const makers: readonly ((i: number) => unknown)[] = [
    (i) => ({ i }),
    (i) => () => i,
    (i) => `packet ${i}`,
    (i) => BigInt(i) << 70n,
    (i) => new Uint8Array(8).subarray(i & 7),
  ];
  for (const make of makers) {
    const { objects } = await allocationOf(() => {
      for (let i = 0; i < CHUNK; i++) ring[i % BATCH] = make(i);
    });
    assert.ok(objects > 0.9 * CHUNK, `${objects} objects by ${make}`);
  }
  // Far more than an engine may give back meanwhile of what it had for itself.
  const { kept } = await allocationOf(() => {
    for (let i = 0; i < 100; i++) found.push(new Array(128).fill(i));
  });
  assert.ok(kept > 128 * found.length, `${kept} bytes kept for ${found.length} arrays`);
});

function makeCrowd(maxPeers: number): Crowd {
  return new Crowd({ maxPeers }, makeSipHash(new Uint8Array(SIP_KEY_LENGTH)));
}

test("Relay.fromIpv6() to trusted peers leaves no garbage", async () => {
  const crowd = makeCrowd(BATCH);
  crowd.meet(0, BATCH);
  const chunk = inBatches(crowd, 0.01, (now) => {
    for (let client = 0; client < BATCH; client++) crowd.toClient(client, now);
  });
  await assertNoGarbage(chunk);
  assert.equal(crowd.relay.gauges.heldPackets, 0);
  assert.ok(crowd.delivered >= PACKETS);
});

test("PacketRecorder leaves no garbage, whichever way packets go", async () => {
  const crowd = new RecordedCrowd({ maxPeers: BATCH }, makeSipHash(new Uint8Array(SIP_KEY_LENGTH)));
  crowd.meet(0, BATCH);
  const chunk = inBatches(crowd, 0.01, (now) => {
    crowd.begin(now);
    for (let client = 0; client < BATCH / 2; client++) {
      crowd.toClient(client, now);
      crowd.fromClient(client, now);
    }
    crowd.end();
  });
  await assertNoGarbage(chunk);
  assert.ok(crowd.delivered >= PACKETS / 2 && crowd.forwarded >= PACKETS / 2);
  assert.ok(crowd.tape.copy().count > 3_000);
});

test("Relay.fromUdp() of trusted peers leaves no garbage", async () => {
  const crowd = makeCrowd(BATCH);
  crowd.meet(0, BATCH);
  const chunk = inBatches(crowd, 1, (now) => { // time enough to move in the list by age
    for (let client = 0; client < BATCH; client++) crowd.fromClient(client, now);
  });
  await assertNoGarbage(chunk);
  assert.ok(crowd.forwarded >= PACKETS);
});

test("Relay.fromIpv6() to fresh destinations leaves no garbage, nor do bubbles and timers", async () => {
  const crowd = makeCrowd(4_096);
  let client = 0;
  const chunk = inBatches(crowd, 50, (now) => {
    for (let i = 0; i < BATCH; i++) crowd.toClient(client++, now);
    crowd.relay.tick(now, crowd);
  });
  await assertNoGarbage(chunk, OBJECTS_PER_STRANGER);
  assert.ok(crowd.bubbles >= PACKETS);
  assert.ok(crowd.count("peers_evicted") >= PACKETS);
});

test("Relay.fromUdp() of strangers leaves no garbage", async () => {
  const crowd = makeCrowd(BATCH);
  let client = 0;
  const chunk = inBatches(crowd, 1, (now) => {
    for (let i = 0; i < BATCH; i++) crowd.fromClient(client++, now);
  });
  await assertNoGarbage(chunk, OBJECTS_PER_STRANGER);
  assert.ok(crowd.drops(Drop.RateLimited) >= PACKETS);
  assert.ok(crowd.bubbles > 0);
});

for (
  const [what, datagram, counter] of [
    ["a bubble", bubble(teredo(CLIENT, CLIENT_PORT), vector("A5")), Counter.bubbles_forwarded],
    ["a solicitation", vector("R3"), Counter.advertisements_sent],
  ] as const
) {
  test(`Server.fromUdp() with ${what} leaves no garbage`, async () => {
    const counters = makeCounters();
    const server = new Server(OPTIONS, counters, hmacSha1, 1, 2);
    let bytes = 0;
    const sink: ServerSink = {
      sendDatagram: (_socket, { length }) => {
        bytes += length;
      },
      sendIpv6: () => {},
    };
    const frame = new Uint8Array(2_048);
    const datagramIn = arrival(frame, CLIENT, CLIENT_PORT, 0, 64, datagram.length);
    let now = 0;
    await assertNoGarbage(() => {
      now++;
      for (let i = 0; i < CHUNK; i++) {
        copyBytes(frame, 64, datagram, 0, datagram.length);
        server.fromUdp(PRIMARY, datagramIn, now, sink);
      }
    });
    assert.ok(counters[counter]! >= PACKETS);
    assert.ok(bytes >= PACKETS);
  });
}

const SEGMENTS = 50;

/** Splits one super-packet into slots and joins them again. */
class Segments implements JoinSink {
  readonly #memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #packet = new SuperPacket(makeSum(this.#memory));
  readonly #joiner = new Joiner(makeSum(this.#memory), { udp: true });
  readonly #original: Uint8Array;
  runs = 0;
  pieces = 0;

  constructor() {
    this.#original = tcp({ payload: new Uint8Array(SEGMENTS * 1_000).fill(7) });
    this.#bytes.set(this.#original, 0);
    this.#packet.parse(this.#bytes, 0, this.#original.length, NEXT_HEADER_TCP, 40, 1_000);
    for (let i = 0; i < this.#packet.count; i++) {
      const at = Segments.slot(i) + this.#packet.headerLength;
      copyBytes(this.#bytes, at, this.#bytes, this.#packet.payloadAt(i), 1_000);
    }
  }

  static slot(i: number): number {
    return 65_536 + i * 2_048;
  }

  round(sequence: number): void {
    const packet = this.#packet;
    writeU32(this.#bytes, 44, sequence);
    packet.parse(this.#bytes, 0, this.#original.length, NEXT_HEADER_TCP, 40, 1_000);
    for (let i = 0; i < packet.count; i++) packet.writeHeader(i, this.#bytes, Segments.slot(i));
    for (let i = 0; i < packet.count; i++) {
      this.#joiner.offer(this.#bytes, Segments.slot(i), packet.lengthOf(i), this);
    }
    this.#joiner.flush(this);
  }

  sendRun(run: Run): void {
    this.runs++;
    for (let i = 0; i < run.count; i++) if (run.pieceLength(i) > 0) this.pieces++;
  }
}

test("SuperPacket and Joiner leave no garbage", async () => {
  const segments = new Segments();
  let rounds = 0;
  await assertNoGarbage(() => {
    for (let i = 0; i < CHUNK; i += SEGMENTS) {
      segments.round(rounds++ * SEGMENTS * 1_000);
    }
  });
  assert.equal(segments.runs, rounds); // all of them joined
  assert.equal(segments.pieces, rounds * SEGMENTS);
});
