import assert from "node:assert/strict";
import test from "node:test";
import { BATCH } from "#src/datapath/frames.ts";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { datagram, LOOPBACK, LOOPBACK_2, open, receive, receiveBy, send } from "./ends.ts";

const RUNS: readonly { name: string; lengths: number[]; slots: number[] }[] = [
  { name: "one alone", lengths: [100], slots: [1] },
  { name: "equal ones", lengths: Array(20).fill(100), slots: [20] },
  { name: "the last one shorter", lengths: [100, 100, 60], slots: [3] },
  { name: "a shorter one ends a run", lengths: [100, 60, 100, 100], slots: [2, 2] },
  { name: "a longer one begins a run", lengths: [60, 100, 100], slots: [1, 2] },
  { name: "no more than 64 in a run", lengths: Array(70).fill(50), slots: [64, 6] },
  { name: "no more than 65,507 bytes", lengths: Array(60).fill(1280), slots: [51, 9] },
  { name: "the longest of all", lengths: [65_507, 65_507], slots: [1, 1] },
];

for (const { name, lengths, slots } of RUNS) {
  test(`UdpSender joins what one message can carry: ${name}`, () => {
    const [from, to] = [open(), open({ gro: true })];
    send(from, to, lengths);
    const got = receive(to, lengths.length);
    assert.deepEqual(got.map((slot) => slot.lengths.length), slots);
    assert.deepEqual(got.flatMap((slot) => slot.lengths), lengths);
    assert.deepEqual(got.flatMap((slot) => slot.marks), lengths.map((_, i) => i));
    assert.equal(from.counters[Counter.udp_sent_datagrams], lengths.length);
    assert.equal(from.counters[Counter.udp_sent_bytes], lengths.reduce((a, b) => a + b));
    for (const it of [from, to]) it.close();
  });

  test(`UdpSender: a receiver without UDP_GRO gets single datagrams: ${name}`, () => {
    const [from, to] = [open(), open()];
    send(from, to, lengths);
    const got = receive(to, lengths.length);
    assert.deepEqual(got.map((slot) => slot.lengths), lengths.map((length) => [length]));
    assert.deepEqual(got.flatMap((slot) => slot.marks), lengths.map((_, i) => i));
    for (const it of [from, to]) it.close();
  });

  test(`UdpSender without joining sends single datagrams: ${name}`, () => {
    const [from, to] = [open({ joins: false }), open()];
    send(from, to, lengths);
    assert.deepEqual(receive(to, lengths.length).flatMap((slot) => slot.lengths), lengths);
    assert.equal(from.counters[Counter.udp_sent_datagrams], lengths.length);
    for (const it of [from, to]) it.close();
  });
}

test("UdpSender keeps the order of each of many peers whose datagrams alternate", () => {
  const from = open();
  const peers = Array.from({ length: 3 * BATCH }, () => open());
  const rounds = 5;
  for (let round = 0; round < rounds; round++) {
    for (const { port } of peers) {
      from.sender.queue(datagram(90 - 10 * round, round), 0, 90 - 10 * round, LOOPBACK, port, 0);
    }
  }
  from.sender.flush();
  for (const peer of peers) {
    const marks = receive(peer, rounds).flatMap((slot) => slot.marks);
    assert.deepEqual(marks, Array.from({ length: rounds }, (_, i) => i));
  }
  for (const it of [from, ...peers]) it.close();
});

test("UdpSender: datagrams of one run leave from the address that each is to leave from", () => {
  const [from, to] = [open({ address: 0 }), open({ gro: true, address: 0 })];
  for (const local of [LOOPBACK, LOOPBACK_2, LOOPBACK_2, LOOPBACK]) {
    from.sender.queue(datagram(100, local & 0xff), 0, 100, LOOPBACK, to.port, local);
  }
  from.sender.flush();
  const { receiver } = to;
  const sources = receiveBy(to, 4, (i) => [receiver.address(i), receiver.length(i)]);
  assert.deepEqual(sources, [[LOOPBACK, 100], [LOOPBACK_2, 200], [LOOPBACK, 100]]);
  for (const it of [from, to]) it.close();
});

test("UdpSender.flush() counts each datagram of a run that the kernel refuses", () => {
  const [from, to] = [open(), open()];
  send(from, to, [100, 100, 100], 0xffffffff); // EACCES without SO_BROADCAST
  assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 3);
  assert.equal(from.counters[Counter.udp_sent_datagrams], 0);
  assert.equal(from.sender.isSegmentRefused, false, "the run was refused, not the cutting up");
  for (const it of [from, to]) it.close();
});
