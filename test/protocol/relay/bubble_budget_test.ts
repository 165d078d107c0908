import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { bubble, packet, teredo } from "../packets.ts";
import { data, HOST, NO_GAUGES, RelayLab, tokenOf } from "./lab.ts";
import { CLIENT, CLIENT_PORT, SERVER, toHex } from "../vectors.ts";

/** As the configuration has them by default. */
const DEFAULTS: Partial<RelayOptions> = {
  maxPeers: 100_000,
  holdMemory: 16 * 1024 ** 2,
  newPeerRate: 1_000,
  bubbleRate: 10_000,
  addressBubbleRate: 1_000,
  icmpRate: 10,
  icmpBurst: 10,
};
const VICTIM = "65.54.227.120:3544";
const REPEATS_A_SECOND = 100;

/** Counts what a relay sends to whom, and how much of it in any one second. */
class Tally {
  readonly lab: RelayLab;
  readonly sent = new Map<string, number>();
  readonly #times = new Map<string, number[]>();
  /** By the address in hex that a bubble is for. */
  readonly #bubbles = new Map<string, number>();

  constructor(options: Partial<RelayOptions> = {}) {
    this.lab = new RelayLab({ ...DEFAULTS, ...options });
  }

  fromIpv6(bytes: Uint8Array): Drop {
    const drop = this.lab.fromIpv6(bytes);
    this.#note();
    return drop;
  }

  /** In small steps, so that each datagram has its time. */
  advance(milliseconds: number): void {
    for (let done = 0; done < milliseconds; done += 10) {
      this.lab.advance(Math.min(10, milliseconds - done));
      this.#note();
    }
  }

  count(to: string): number {
    return this.sent.get(to) ?? 0;
  }

  bubblesTo(client: Uint8Array): number {
    return this.#bubbles.get(toHex(client)) ?? 0;
  }

  get total(): number {
    return [...this.sent.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Most datagrams to `to` in any one second. */
  most(to: string): number {
    const times = this.#times.get(to) ?? [];
    let most = 0;
    for (let i = 0, from = 0; i < times.length; i++) {
      while (times[i]! - times[from]! >= 1_000) from++;
      most = Math.max(most, i - from + 1);
    }
    return most;
  }

  #note(): void {
    for (const { to, hex } of this.lab.sent) {
      const client = hex.slice(48, 80);
      this.#bubbles.set(client, (this.#bubbles.get(client) ?? 0) + 1);
      this.sent.set(to, this.count(to) + 1);
      const times = this.#times.get(to) ?? [];
      times.push(this.lab.now);
      this.#times.set(to, times);
    }
    this.lab.sent = [];
  }
}

/** The shortest packet there is, from one of 8 networks, to client `i` of the victim's. */
const shortest = (i: number, client = teredo(CLIENT + (i >> 12), 1 + (i & 0xfff))) =>
  packet(59, `2001:db8:0:${i % 8}::1`, client, new Uint8Array(0), 64);

for (const [type, restricted] of [["relay", false], ["restricted", true]] as const) {
  for (const seconds of [1, 8, 32]) {
    test(`Relay.fromIpv6() as ${type} sends a server no flood of bubbles for 8,000 packets in ${seconds} s (R-15, R-26)`, () => {
      const tally = new Tally({ restricted });
      for (let i = 0; i < 8_000; i++) {
        tally.fromIpv6(shortest(i));
        if (i % 8 === 7) tally.advance(seconds);
      }
      tally.advance(10_000);
      assert.ok(tally.most(VICTIM) <= 1_000, `${tally.most(VICTIM)} in a second`);
      const repeats = REPEATS_A_SECOND * (seconds + 10);
      assert.ok(tally.count(VICTIM) <= 8_000 + repeats, `${tally.count(VICTIM)} in all`);
      assert.ok(tally.count(VICTIM) >= Math.min(7_000, 500 * seconds));
      // Whom the addresses name as mapped gets no more than the server does.
      const mapped = tally.total - tally.count(VICTIM) - tally.lab.count("icmpv6_errors_sent");
      assert.equal(mapped, restricted ? tally.count(VICTIM) : 0);
    });
  }
}

test("Relay.fromIpv6() as restricted holds to the limit of a mapped address that is also the server (R-15)", () => {
  const tally = new Tally({ restricted: true });
  for (let i = 0; i < 4_000; i++) {
    tally.fromIpv6(shortest(i, teredo(SERVER, 3_544, SERVER).with(8, i & 0x3f).with(9, i >> 6)));
    if (i % 4 === 3) tally.advance(1);
  }
  tally.advance(10_000);
  assert.ok(tally.most(VICTIM) <= 1_000, `${tally.most(VICTIM)} in a second`);
});

test("Relay.fromIpv6() sends no more than bubbleRate to all, however many servers are named (R-15)", () => {
  const tally = new Tally({ bubbleRate: 500, newPeerRate: 0 });
  for (let i = 0; i < 10_000; i++) {
    tally.fromIpv6(
      data(`2001:${(i % 1_000 + 0x1000).toString(16)}::1`, teredo(CLIENT, 9, SERVER + i)),
    );
    if (i % 10 === 9) tally.advance(1);
  }
  assert.ok(tally.total <= 500 && tally.total > 200, `${tally.total} in a second`);
});

test("Relay.fromIpv6() leaves three quarters of bubbleRate to others than one /32 (R-26)", () => {
  const tally = new Tally({ bubbleRate: 4_000, addressBubbleRate: 0, newPeerRate: 0 });
  const scan = (provider: string) => {
    const before = tally.total;
    for (let i = 0; i < 3_000; i++) {
      const source = `${provider}:${(i % 1_500).toString(16)}::1`;
      tally.fromIpv6(data(source, teredo(CLIENT, 1 + i, SERVER + before)));
      if (i % 3 === 2) tally.advance(1);
    }
    return tally.total - before;
  };
  const first = scan("2001:db8");
  assert.ok(first <= 1_000 + 1_000 + 400, `${first} for one of them`);
  assert.ok(scan("2001:db9") > 500);
});

test("Relay.fromIpv6() keeps neither peer nor packet that it may send no bubble for (R-26)", () => {
  const tally = new Tally({ addressBubbleRate: 10 });
  let drop: Drop = Drop.None;
  for (let i = 0; i < 100; i++) drop = tally.fromIpv6(shortest(i));
  assert.equal(drop, Drop.RateLimited);
  const { peers, heldPackets } = tally.lab.relay.gauges;
  assert.equal(peers, tally.total);
  assert.equal(heldPackets, tally.total);
  assert.equal(tally.lab.drops(Drop.RateLimited), 100 - peers);
});

test("Relay.fromIpv6() asks again all four times while nobody floods (R-14)", () => {
  const tally = new Tally();
  tally.fromIpv6(data(HOST, teredo(CLIENT, CLIENT_PORT)));
  tally.advance(10_000);
  assert.equal(tally.count(VICTIM), 4);
});

test("Relay.fromIpv6() repeats bubbles in a flood for peers that packets still come for (R-14)", () => {
  const tally = new Tally();
  const client = teredo(CLIENT + 77, CLIENT_PORT);
  tally.fromIpv6(data("2001:db9::1", client));
  for (let second = 0; second < 8; second++) {
    for (let i = 0; i < 300; i++) tally.fromIpv6(shortest(second * 300 + i));
    tally.fromIpv6(data("2001:db9::1", client));
    tally.advance(1_000);
  }
  assert.equal(tally.bubblesTo(client), 4);
  assert.ok(
    tally.count(VICTIM) < 8 * (301 + REPEATS_A_SECOND),
    "the others had no repeats to spare",
  );
});

test("Relay.fromIpv6() has bubbles for a peer that was trusted in any flood at its server (R-15)", () => {
  const tally = new Tally();
  const { lab } = tally;
  const client = teredo(CLIENT, CLIENT_PORT);
  lab.fromIpv6(data(HOST, client));
  assert.equal(lab.fromClient(bubble(client, tokenOf(lab.sent))), Drop.None);
  tally.advance(40_000); // it is silent
  for (let i = 0; i < 4_000; i++) {
    tally.fromIpv6(shortest(i + 4_096));
    if (i % 4 === 3) tally.advance(1);
  }
  assert.ok(lab.drops(Drop.RateLimited) > 1_000, "no flood");
  const before = lab.count("bubbles_sent_indirect");
  assert.equal(tally.fromIpv6(data(HOST, client)), Drop.None);
  assert.equal(lab.count("bubbles_sent_indirect"), before + 1);
});

test("Relay.fromIpv6() gives up in time a peer that no bubbles were left for (R-14, R-16)", () => {
  const tally = new Tally({ addressBubbleRate: 10, newPeerRate: 0 });
  const client = teredo(CLIENT, CLIENT_PORT);
  tally.fromIpv6(data(HOST, client));
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 100; i++) tally.fromIpv6(shortest(4_096 + second * 100 + i));
    tally.advance(1_000);
  }
  const { peers } = tally.lab.relay.gauges;
  assert.ok(peers > 0);
  tally.advance(400_000);
  assert.deepEqual(tally.lab.relay.gauges, NO_GAUGES);
  assert.equal(tally.lab.relay.nextTimer(), Infinity);
});

test("Relay.fromUdp() sends no server more challenges than addressBubbleRate (R-23)", () => {
  const tally = new Tally({ challengeRate: 1_000_000, addressBubbleRate: 100 });
  const { lab } = tally;
  let toServer = 0;
  for (let i = 0; i < 2_000; i++) {
    const address = CLIENT + i;
    lab.fromClient(data(teredo(address, CLIENT_PORT), HOST), { address });
    toServer += lab.sent.filter(({ to }) => to === VICTIM).length;
    if (i % 2 === 1) lab.now += 1;
  }
  assert.ok(toServer <= 100 && toServer > 50, `${toServer} in a second`);
});

test("Relay.fromClient() leaves bubbles for a server's new clients in any flood of its strangers (R-15, R-23)", () => {
  const { lab } = new Tally();
  let asked = 0;
  for (let i = 0; i < 20_000; i++) {
    const stranger = CLIENT + 1 + (i >> 2);
    const bytes = data(teredo(stranger, CLIENT_PORT, SERVER), HOST);
    lab.fromClient(bytes, { address: stranger, port: CLIENT_PORT });
    // The last of twenty in a millisecond; one new client a hundredth of a second.
    if (i % 200 === 199) {
      assert.equal(lab.fromIpv6(shortest(i, teredo(CLIENT - 1 - i, 9, SERVER))), Drop.None);
      asked++;
    }
    if (i % 20 === 19) lab.advance(1);
  }
  assert.equal(lab.count("peers_created"), asked);
});

test("Relay.fromIpv6() takes nothing of a server's limit for bubbles that the limit of all refuses (R-15)", () => {
  const { lab } = new Tally({ bubbleRate: 400, addressBubbleRate: 100, newPeerRate: 0 });
  const ask = (i: number, server: number) =>
    lab.fromIpv6(
      data(`2001:${(i % 1_000 + 0x1000).toString(16)}::1`, teredo(CLIENT + i, 9, server)),
    );
  // Many servers use up the limit of all; meanwhile packets for clients of one are refused.
  for (let i = 0; i < 2_000; i++) ask(i, SERVER + 1 + i);
  for (let i = 2_000; i < 4_000; i++) assert.equal(ask(i, SERVER), Drop.RateLimited);

  lab.advance(250);
  for (let i = 0; i < 30; i++) assert.equal(ask(4_000 + i, SERVER), Drop.None, `${i}`);
});
