import assert from "node:assert/strict";
import test from "node:test";
import { Client } from "#src/protocol/client/rules.ts";
import { makeSipHash, SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import {
  advertisement,
  CLIENT_OPTIONS,
  data,
  echoReply,
  HOST,
  MAPPED_AT,
  PEER_SERVER,
  RELAY_AT,
  SERVER_AT,
} from "#test/protocol/client/lab.ts";
import { arrival, bubble, concat, ip4, origin, teredo } from "#test/protocol/packets.ts";
import { SERVER } from "#test/protocol/vectors.ts";
import { assertNoGarbage, BATCH, CHUNK, OBJECTS_PER_STRANGER } from "./no_garbage.ts";

/** From below 128.0.0.0, as for the relay. */
const FIRST = ip4("23.0.0.1");

/** A client that has qualified, with a sink that keeps nothing but the last datagram. */
class Bench implements TunnelSink {
  readonly client: Client;
  now = 1_000_000;
  sent = 0;
  delivered = 0;
  last = new Uint8Array(0);
  isKept = true;

  constructor(maxPeers: number) {
    const options = { ...CLIENT_OPTIONS, maxPeers, icmpRate: 1 };
    const host = { openPort: () => 0, closePort: () => {} };
    const hash = makeSipHash(new Uint8Array(SIP_KEY_LENGTH));
    this.client = new Client(options, makeCounters(), hash, 1, host);
    this.client.start(this.now, this);
    this.receive(arrival(advertisement(this.last, MAPPED_AT, SERVER), SERVER, 3_544));
    this.client.tick(this.now + 5_000, this);
    this.now += 5_000;
  }

  get address(): Uint8Array {
    return this.client.status().address!;
  }

  receive(datagram: UdpDatagram): void {
    this.client.fromUdp(datagram, this.now, this);
  }

  sendDatagram({ bytes, at, length }: UdpDatagram): void {
    this.sent++;
    if (this.isKept) this.last = bytes.slice(at, at + length);
  }

  sendIpv6(): void {
    this.delivered++;
  }

  sendIcmpv6Error(): void {}
}

const peerAt = (i: number) => ({ address: FIRST + i, port: 4_096 });
const peerOf = (i: number) => teredo(peerAt(i).address, peerAt(i).port, PEER_SERVER);

test("Client of trusted peers leaves no garbage, whichever way packets go", async () => {
  const bench = new Bench(BATCH);
  const { address } = bench;
  const half = BATCH / 2;
  const [out, came]: [Uint8Array[], UdpDatagram[]] = [[], []];
  for (let i = 0; i < half; i++) {
    const at = peerAt(i);
    bench.receive(arrival(bubble(peerOf(i), address), at.address, at.port));
    out.push(data(address, peerOf(i)));
    came.push(arrival(data(peerOf(i), address), at.address, at.port));
  }
  bench.client.fromIpv6(data(address, HOST), 0, 88, bench.now, bench);
  bench.receive(arrival(echoReply(bench.last), RELAY_AT.address, RELAY_AT.port));
  out[0] = data(address, HOST);
  came[0] = arrival(data(HOST, address), RELAY_AT.address, RELAY_AT.port);
  bench.isKept = false;
  bench.sent = 0;
  await assertNoGarbage(() => {
    for (let i = 0; i < CHUNK; i += BATCH) {
      const now = bench.now += 0.01;
      for (let p = 0; p < half; p++) {
        bench.client.fromIpv6(out[p]!, 0, 88, now, bench);
        bench.client.fromUdp(came[p]!, now, bench);
      }
    }
  });
  assert.ok(bench.sent >= CHUNK && bench.delivered >= CHUNK);
});

test("Client's bubbles, answers and timers leave no garbage, nor do strangers", async () => {
  const bench = new Bench(256);
  const { address } = bench;
  bench.isKept = false;
  const strange: UdpDatagram[] = [];
  for (let i = 0; i < BATCH; i++) {
    const { address: from, port } = peerAt(i);
    const asked = concat(origin(from, port), bubble(peerOf(i), address));
    strange.push(
      arrival(data(peerOf(i), address), from, port + 1),
      arrival(bubble(peerOf(i), address), from, port + 1),
      arrival(asked, SERVER_AT.address, SERVER_AT.port),
      arrival(data(`2001:db8::${i + 1}`, address), from, port),
    );
  }
  const out = Array.from({ length: BATCH }, (_, i) => data(address, peerOf(1_000 + i)));
  await assertNoGarbage(() => {
    for (let i = 0; i < CHUNK; i += 5 * BATCH) {
      const now = bench.now += 100;
      for (let p = 0; p < BATCH; p++) bench.client.fromIpv6(out[p]!, 0, 88, now, bench);
      for (let s = 0; s < strange.length; s++) bench.client.fromUdp(strange[s]!, now, bench);
      bench.client.tick(now, bench);
    }
  }, OBJECTS_PER_STRANGER);
  assert.ok(bench.sent > 1_000);
});
