import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { DISCOVERY_PATH } from "#src/protocol/client/contract.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import {
  alternatesTrailer,
  ClientLab,
  data,
  discoveryTrailer,
  echoReply,
  HOST,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  portTrailer,
  RELAY_AT,
  SERVER_AT,
} from "#test/protocol/client/lab.ts";
import { bubble, concat, icmpv6, ip4, origin, packet, teredo } from "#test/protocol/packets.ts";
import { SECONDARY_SERVER, toHex, vector, VECTORS } from "#test/protocol/vectors.ts";

const KEPT_AT = { ...MAPPED_AT, port: 3_797 };
const ENDS = [
  PEER_AT,
  RELAY_AT,
  SERVER_AT,
  MAPPED_AT,
  { ...PEER_AT, port: 9_999 },
  { address: ip4("10.0.0.7"), port: 3_797 },
  { address: SECONDARY_SERVER, port: 3_544 },
  { address: 0, port: 0 },
];
const SOURCES = [PEER, teredo(MAPPED_AT.address, 41_000), HOST, "2001:db8::2", "fe80::1", "::1"];

const end = fc.constantFrom(...ENDS);
const source = fc.constantFrom(...SOURCES);
const path = fc.constantFrom(0, 0, 0, 0, 1, 2, DISCOVERY_PATH);
const trailers = fc.array(
  fc.constantFrom(
    nonceTrailer("00000000"),
    nonceTrailer("deadbeef"),
    portTrailer(1_201),
    discoveryTrailer(0),
    discoveryTrailer(1),
    alternatesTrailer({ address: ip4("192.168.1.7"), port: 9 }),
    Uint8Array.of(0x41, 0),
    Uint8Array.of(3, 9, 1),
  ),
  { maxLength: 3 },
).map((list) => concat(...list));
const kind = fc.constantFrom("data", "bubble", "indirect", "reply", "error", "routing");
const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("send" as const), to: source }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("receive" as const),
      kind,
      source,
      end,
      path,
      trailers,
    }),
  },
  /** What was sent last comes back: so that nonces and tests are met. */
  { weight: 4, arbitrary: fc.record({ do: fc.constant("reflect" as const), end, path }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("noise" as const),
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(...VECTORS.map(({ id }) => vector(id))),
      ),
      end,
      path,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("wait" as const), time: fc.nat({ max: 40_000 }) }),
  },
);

function made(kind: string, from: typeof SOURCES[number], to: Uint8Array, trailers: Uint8Array) {
  if (kind === "data") return concat(data(from, to), trailers);
  if (kind === "bubble") return concat(bubble(from, to), trailers);
  if (kind === "reply") return icmpv6(129, from, to, new Uint8Array(12));
  if (kind === "error") return icmpv6(1, from, to, new Uint8Array(60));
  if (kind === "routing") return packet(43, from, to, new Uint8Array(8));
  const { address, port } = PEER_AT;
  return concat(origin(address, port), bubble(from, to), trailers);
}

test("Client never throws, keeps its bounds, and delivers nothing that is not for it (C-20, C-29, C-43)", () => {
  const events = fc.array(event, { maxLength: 60 });
  const nats = fc.constantFrom("none", "symmetric", "kept");
  fc.assert(
    fc.property(events, nats, fc.boolean(), (list, nat, localDiscovery) => {
      const lab = new ClientLab({
        maxPeers: 3,
        holdPackets: 2,
        holdMemory: 4 * 1280,
        localDiscovery,
      });
      if (nat === "none") lab.qualify();
      else lab.qualifySymmetric(nat === "kept" ? KEPT_AT : MAPPED_AT);
      const own = lab.address;
      let last = bubble(PEER, own);
      for (const it of list) {
        if (it.do === "send") lab.transmit(data(own, it.to));
        else if (it.do === "wait") lab.advance(it.time);
        else if (it.do === "noise") lab.receive(it.bytes, it.end, it.path);
        else if (it.do === "receive") {
          lab.receive(made(it.kind, it.source, own, it.trailers), it.end, it.path);
        } else if (last[6] === 59) {
          // As the peer would answer, with our own trailers.
          lab.receive(concat(bubble(last.subarray(24, 40), own), last.slice(40)), it.end, it.path);
        } else if (last.length === 56 && last[40] === 128) {
          lab.receive(echoReply(last), it.end, it.path);
        }
        for (const { to, bytes } of lab.sent) {
          if (to === "ipv6") assert.equal(toHex(bytes, 24, 16), toHex(own));
          else if (to !== "icmpv6") last = bytes;
          assert.ok(to === "ipv6" || to === "icmpv6" || !/^(0|127)\./.test(to), to);
        }
        const { peers, heldPackets, randomPorts } = lab.client.gauges;
        assert.ok(peers <= 3 && heldPackets <= 5 && randomPorts <= 3);
        assert.equal(lab.ports.size, randomPorts);
      }
      lab.advance(1_000_000);
      assert.deepEqual(lab.client.gauges.peers, 0);
    }),
    { numRuns: 400 },
  );
});

test("Client.fromUdp() says why it dropped what it dropped, once", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), end, path, (bytes, from, by) => {
      const lab = new ClientLab().qualify();
      const drop = lab.receive(bytes, from, by);
      const counted = DROP_NAMES.map((_, reason) => lab.drops(reason as typeof drop));
      assert.equal(counted.reduce((sum, n) => sum + n, 0), drop === 0 ? 0 : 1);
      if (drop !== 0) assert.equal(counted[drop], 1);
    }),
    { numRuns: 200 },
  );
});
