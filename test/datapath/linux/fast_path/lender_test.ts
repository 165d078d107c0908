import assert from "node:assert/strict";
import test from "node:test";
import { Direction } from "#src/datapath/lending.ts";
import { SLOT_SENT_PACKETS_AT } from "#src/datapath/linux/fast_path/leases.ts";
import type { CounterName } from "#src/protocol/counters.ts";
import { bubble } from "#test/protocol/packets.ts";
import { data, HOST, tokenOf } from "#test/protocol/relay/lab.ts";
import { RELAY } from "#test/protocol/vectors.ts";
import { type Client, clientOf, LendLab, PaperPrograms, WAY } from "./lend_lab.ts";

const ONE = clientOf(0);
const TWO = clientOf(1);

/** A lab with a client that is lent in both directions. */
function lent(options: ConstructorParameters<typeof LendLab>[0] = {}): LendLab {
  const lab = new LendLab(options);
  lab.meet(ONE);
  lab.up(ONE);
  lab.down(ONE);
  assert.equal(lab.open(ONE), "updown");
  return lab;
}

test("Lender lends each direction by a packet that came the slow way, and writes what the slot is for", () => {
  const lab = new LendLab();
  lab.meet(ONE);
  assert.equal(lab.open(ONE), "", "a bubble and what was held are not enough");
  lab.up(ONE);
  assert.equal(lab.open(ONE), "up");
  lab.down(ONE);
  assert.equal(lab.open(ONE), "updown");
  const slot = lab.programs.leases.values().next().value!;
  const expected = { mapped: ONE.mapped, port: ONE.port, local: RELAY, ...WAY };
  assert.deepEqual(lab.programs.slot(slot), expected);
  assert.equal(lab.lender.leases, 1);
  lab.up(ONE);
  lab.down(ONE);
  assert.equal(lab.fast, 2);
});

const REFUSALS: readonly (readonly [string, string, (lab: LendLab) => void])[] = [
  ["whose queue is not empty", "", (lab) => {
    lab.isEmpty = false;
    lab.meet(ONE);
    lab.up(ONE);
    lab.down(ONE);
  }],
  ["who sends many in one piece", "", (lab) => {
    lab.meet(ONE);
    lab.isSegment = true;
    lab.up(ONE);
    lab.isSegment = false;
    lab.wait(999);
    lab.up(ONE);
    lab.down(ONE);
  }],
  ["who has not proven itself", "", (lab) => {
    lab.lab.fromIpv6(data(HOST, ONE.address));
    lab.up(ONE);
    lab.up(ONE);
    lab.down(ONE);
  }],
  ["who is behind an interface that no program sends by, downwards", "up", (lab) => {
    lab.way = undefined;
    lab.meet(ONE);
    lab.up(ONE);
    lab.down(ONE);
  }],
  ["who has not said which address of ours it writes to", "", (lab) => {
    lab.meet(ONE, 0);
    lab.lab.fromClient(data(ONE.address, HOST), { address: ONE.mapped, port: ONE.port, local: 0 });
    lab.settle();
  }],
  ["anybody while all packets are watched", "", (lab) => {
    lab.lender.suspend(lab.lab.now);
    lab.meet(ONE);
    lab.up(ONE);
  }],
  ["who finds no room", "", (lab) => {
    lab.programs.room = 0;
    lab.meet(ONE);
    lab.up(ONE);
    assert.equal(lab.lender.refused, 1);
  }],
  [
    "who has been silent so long that a bubble must go out with the packet, downwards",
    "",
    (lab) => {
      lab.way = undefined;
      lab.meet(ONE);
      lab.way = WAY;
      lab.wait(20_000);
      lab.down(ONE);
    },
  ],
];

for (const [name, open, happen] of REFUSALS) {
  test(`Lender lends nobody ${name}`, () => {
    const lab = new LendLab();
    happen(lab);
    assert.equal(lab.open(ONE), open);
    assert.equal(lab.fast, 0);
  });
}

test("Lender lends a peer of a socket that is bound to one address by that one", () => {
  const lab = new LendLab({ local: RELAY + 5 });
  lab.meet(ONE, 0);
  lab.lab.fromClient(data(ONE.address, HOST), { address: ONE.mapped, port: ONE.port, local: 0 });
  lab.settle();
  assert.equal(lab.programs.slot(1).local, RELAY + 5);
});

test("Lender waits for an empty queue for 100 ms, since when order is lost as it is", () => {
  const lab = new LendLab();
  lab.isEmpty = false;
  lab.meet(ONE);
  for (let i = 0; i < 9; i++) {
    lab.up(ONE);
    lab.wait(11);
  }
  assert.equal(lab.open(ONE), "");
  lab.wait(11);
  lab.up(ONE);
  assert.equal(lab.open(ONE), "up");
});

test("Lender reckons a lease from the packet that it was for, however long it had to wait", () => {
  const lab = new LendLab();
  lab.isEmpty = false;
  lab.meet(ONE);
  lab.up(ONE);
  lab.wait(7_000);
  lab.isEmpty = true;
  lab.settle();
  assert.equal(lab.open(ONE), "up");
  lab.wait(3_000);
  assert.equal(lab.open(ONE), "");
});

test("Lender: what is carried from where its address says renews no lease of a peer that is elsewhere", () => {
  const lab = new LendLab();
  lab.down(ONE);
  const moved = { address: ONE.mapped, port: ONE.port + 1 };
  lab.lab.fromClient(bubble(ONE.address, tokenOf(lab.lab.sent)), moved);
  lab.lab.fromClient(data(ONE.address, HOST), moved);
  lab.settle();
  assert.equal(lab.open(ONE), "up");
  for (let i = 0; i < 10; i++) {
    lab.wait(1_000);
    lab.lab.fromClient(data(ONE.address, HOST), { address: ONE.mapped, port: ONE.port });
    assert.equal(lab.lab.sent.length, 1, "it is carried");
    lab.settle();
  }
  assert.equal(lab.open(ONE), "");
});

test("Lender: a rule in the host's filters takes effect within 10 s, though the flow never pauses", () => {
  const lab = lent();
  const start = lab.lab.now;
  // The slow way is shut: nothing that the programs leave alone arrives.
  let last = start;
  for (; lab.lab.now < start + 15_000; lab.wait(10)) {
    if (lab.programs.pass(Direction.Up, ONE.address, 88, lab.lab.now)) last = lab.lab.now;
  }
  assert.ok(last > start + 7_000 && last < start + 10_000, `passed for ${last - start} ms`);
});

test("Lender lends anew by what comes when a lease has run out, so that a steady flow goes on", () => {
  const lab = lent();
  const packets = 6_000;
  for (let i = 0; i < packets; i++) {
    lab.wait(10);
    lab.up(ONE);
    lab.down(ONE);
  }
  const slow = 2 * packets - lab.fast;
  assert.ok(slow >= 2 * 6 && slow <= 2 * 8, `${slow}: one of each direction in 7.5 to 10 s`);
  assert.equal(lab.programs.leases.size, 1);
});

test("Lender: where none waits while others pass by, all wait until one has come", () => {
  const lab = lent();
  lab.isEmpty = false;
  let late = 0;
  for (let i = 0; i < 1_200; i++) {
    lab.wait(10);
    const { fast } = lab;
    lab.up(ONE);
    // What comes the slow way is not overtaken: nothing passes until the queue was empty.
    if (lab.fast === fast && ++late === 5) {
      lab.isEmpty = true;
      lab.settle();
      lab.isEmpty = false;
    }
  }
  assert.equal(late, 5);
});

test("Lender asks a direction of many packets for one each 5 s, and the others pass meanwhile", () => {
  const lab = lent();
  let slow = 0;
  for (let i = 0; i < 48_000; i++) {
    if (i % 4 === 0) lab.wait(1);
    const { fast } = lab;
    lab.up(ONE);
    if (lab.fast === fast) slow++;
  }
  assert.equal(slow, 2, "in 12 s");
});

test("Lender has leases that began together run out one after the other", () => {
  const lab = new LendLab({ slots: [1, 65] });
  const clients = Array.from({ length: 64 }, (_, i) => clientOf(i));
  for (const client of clients) {
    lab.meet(client);
    lab.up(client);
  }
  const open = () => clients.filter((it) => lab.open(it) === "up").length;
  assert.equal(open(), 64);
  let most = 0;
  for (let before = 64, after = 64; after > 0; before = after) {
    lab.wait(100);
    after = open();
    most = Math.max(most, before - after);
  }
  assert.ok(most > 0 && most <= 5, `${most} in 100 ms`);
});

test("Lender ends what nobody has used for 10 s, and then asks for no more time", () => {
  const lab = lent();
  lab.wait(9_000);
  lab.up(ONE);
  lab.wait(9_500);
  assert.equal(lab.lender.leases, 1);
  lab.wait(2_000);
  assert.deepEqual([lab.lender.leases, lab.programs.leases.size], [0, 0]);
  lab.wait(5_000);
  assert.equal(lab.lender.nextAt, Infinity);
  lab.up(ONE);
  assert.equal(lab.open(ONE), "up", "it gets another one");
});

const BULK: readonly (readonly [string, (lab: LendLab) => void])[] = [
  ["sends", (lab) =>
    lab.lab.fromClient(data(ONE.address, HOST), {
      address: ONE.mapped,
      port: ONE.port,
    })],
  ["gets", (lab) => lab.lab.fromIpv6(data(HOST, ONE.address))],
];

for (const [name, happen] of BULK) {
  test(`Lender leaves a peer to the offloads for a second once it ${name} many packets in one piece`, () => {
    const lab = lent();
    lab.isSegment = true;
    happen(lab);
    lab.isSegment = false;
    assert.equal(lab.programs.leases.size, 0);
    lab.wait(999);
    lab.up(ONE);
    lab.down(ONE);
    assert.equal(lab.open(ONE), "");
    lab.wait(1);
    lab.up(ONE);
    lab.down(ONE);
    assert.equal(lab.open(ONE), "updown");
  });
}

const RECALLS: readonly (readonly [string, (lab: LendLab) => void])[] = [
  ["its entry is forgotten", (lab) => {
    lab.lab.now += 301_000;
    lab.lab.advance(0);
  }],
  ["it answers from elsewhere after silence", (lab) => {
    lab.lab.now += 30_000;
    lab.lab.fromIpv6(data(HOST, ONE.address));
    const moved = { address: ONE.mapped, port: ONE.port + 1 };
    lab.lab.fromClient(bubble(ONE.address, tokenOf(lab.lab.sent)), moved);
  }],
  ["it writes to another address of ours", (lab) => {
    const other = { address: ONE.mapped, port: ONE.port, local: RELAY + 1 };
    lab.lab.fromClient(data(ONE.address, HOST), other);
  }],
  ["it is asked again", (lab) => {
    lab.lab.now += 30_000;
    lab.lab.fromIpv6(data(HOST, ONE.address));
  }],
];

for (const [name, happen] of RECALLS) {
  test(`Lender ends a lease when ${name}`, () => {
    const lab = lent();
    happen(lab);
    assert.deepEqual([lab.lender.leases, lab.programs.leases.size], [0, 0]);
    const slot = 1;
    for (const offset of [24, 32]) {
      assert.equal(lab.programs.u64(slot, offset), 0n, "closed as well");
    }
  });
}

test("Lender.end() closes all leases at once, keeps the slots, and asks for the ways again", () => {
  const lab = lent();
  lab.meet(TWO);
  lab.up(TWO);
  lab.lender.end(lab.lab.now);
  assert.deepEqual([lab.open(ONE), lab.open(TWO), lab.forgotten], ["", "", 1]);
  lab.way = { index: 9, mtu: 1_400, nextHop: 0x0102_0304 };
  lab.down(ONE);
  assert.equal(lab.open(ONE), "down");
  const { index, mtu, nextHop } = lab.programs.slot(1);
  assert.deepEqual({ index, mtu, nextHop }, lab.way);
  lab.lender.suspend(lab.lab.now);
  lab.down(ONE);
  assert.equal(lab.open(ONE), "");
  lab.lender.resume();
  lab.down(ONE);
  assert.equal(lab.open(ONE), "down");
});

test("Lender counts a packet once, whichever way it took, and keeps the peer valid", () => {
  const lab = lent();
  let [bytesUp, bytesDown] = [0, 0];
  for (let i = 0; i < 700; i++) {
    lab.wait(100);
    const [ups, downs] = [48 + i % 7, 100];
    const before = lab.fast;
    lab.up(ONE, ups);
    if (lab.fast > before) bytesUp += 40 + ups;
    const between = lab.fast;
    if (i % 3 === 0) lab.down(ONE, downs);
    if (lab.fast > between) bytesDown += 40 + downs;
  }
  lab.wait(1_100);
  const count = (name: CounterName) => lab.lab.count(name);
  assert.equal(count("ipv6_sent_packets"), lab.lender.passedUp);
  assert.equal(count("udp_received_datagrams"), lab.lender.passedUp);
  assert.equal(count("ipv6_received_packets"), lab.lender.passedDown);
  assert.equal(count("udp_sent_datagrams"), lab.lender.passedDown);
  assert.equal(lab.lender.passedUp + lab.lender.passedDown, lab.fast);
  assert.ok(lab.fast > 0.9 * (700 + 700 / 3));
  for (const name of ["ipv6_sent_bytes", "udp_received_bytes"] as const) {
    assert.equal(count(name), bytesUp);
  }
  for (const name of ["ipv6_received_bytes", "udp_sent_bytes"] as const) {
    assert.equal(count(name), bytesDown);
  }
  assert.equal(count("bubbles_sent_refresh"), 0);
  assert.equal(lab.lab.relay.gauges.trusted, 1);
});

test("Lender.takeIn() has what passed up to now, and is cheap for who asks again and again", () => {
  const lab = lent();
  for (let i = 0; i < 5; i++) lab.up(ONE);
  lab.lender.takeIn(lab.lab.now);
  assert.equal(lab.lender.passedUp, 5);
  lab.up(ONE);
  lab.lender.takeIn(lab.lab.now + 99);
  assert.equal(lab.lender.passedUp, 5);
  lab.lender.takeIn(lab.lab.now + 100);
  assert.equal(lab.lender.passedUp, 6);
});

test("Lender takes in what a program at work counted after the end, for nobody else", () => {
  const lab = lent();
  lab.lab.fromClient(data(ONE.address, HOST), {
    address: ONE.mapped,
    port: ONE.port,
    local: RELAY + 1,
  });
  lab.programs.count(Direction.Up, 1, 5, 500, lab.lab.now);
  lab.meet(TWO);
  lab.up(TWO);
  assert.notEqual(lab.programs.leases.values().next().value, 1, "it rests");
  lab.wait(2_000);
  assert.equal(lab.lender.passedUp, 5);
  assert.equal(lab.lab.count("udp_received_bytes"), 500);
});

test("Lender gives a slot to another peer after a second, and the rest goes the slow way meanwhile", () => {
  const lab = lent({ slots: [1, 2] });
  lab.meet(TWO);
  lab.up(TWO);
  assert.deepEqual([lab.open(TWO), lab.lender.refused > 0], ["", true]);
  lab.isSegment = true;
  lab.lab.fromIpv6(data(HOST, ONE.address));
  lab.isSegment = false;
  lab.wait(999);
  lab.up(TWO);
  assert.equal(lab.open(TWO), "");
  lab.wait(1_001);
  lab.up(TWO);
  assert.equal(lab.open(TWO), "up");
  assert.equal(lab.programs.slot(1).port, TWO.port);
});

test("Lender reads counters beyond 2^32, and the two halves of one moment", () => {
  const lab = lent();
  lab.programs.set(1, SLOT_SENT_PACKETS_AT, 0xffff_ffffn);
  lab.wait(1_000);
  assert.equal(lab.lender.passedDown, 0xffff_ffff);
  const { load } = Atomics;
  let looks = 0;
  // The program counts on between the two loads of a number.
  Atomics.load = ((array: Uint32Array, at: number) => {
    const value = load(array, at);
    const isHigh = at * 4 === lab.programs.slotsAt + 128 + SLOT_SENT_PACKETS_AT + 4;
    if (isHigh && looks++ === 0) lab.programs.set(1, SLOT_SENT_PACKETS_AT, 0x1_0000_0003n);
    return value;
  }) as typeof load;
  try {
    lab.programs.set(1, SLOT_SENT_PACKETS_AT, 0x0_ffff_fffen);
    lab.wait(1_000);
  } finally {
    Atomics.load = load;
  }
  assert.ok(looks > 1);
  assert.equal(lab.lender.passedDown, 0x1_0000_0003);
});

test("Lenders of two workers share the maps; the leases of one that hangs run out", () => {
  const programs = new PaperPrograms(17);
  const first = lent({ programs, slots: [1, 9] });
  const second = new LendLab({ programs, slots: [9, 17] });
  second.meet(TWO);
  second.up(TWO);
  assert.deepEqual([...programs.leases.values()].sort(), [1, 9]);
  const start = second.lab.now;
  let last = start;
  for (; second.lab.now < start + 12_000; second.wait(50)) {
    if (programs.pass(Direction.Up, ONE.address, 88, second.lab.now)) last = second.lab.now;
    second.up(TWO);
  }
  assert.ok(last <= start + 10_000 && last > start + 7_000);
  assert.equal(second.open(TWO), "up");
  assert.equal(first.lender.leases, 1, "it has not seen it yet");
  second.lab.now += 3_001;
  assert.equal(second.open(TWO), "", "nobody keeps the programs going");
});

test("Lender goes through many leases in pieces, each at least once in a second", () => {
  const count = 10_000;
  const lab = new LendLab({ slots: [1, count + 1], relay: { maxPeers: 65_536 } });
  lab.programs.put = (address, slot) => {
    lab.programs.leases.set(String(address), slot);
    return true;
  };
  lab.programs.delete = (address) => void lab.programs.leases.delete(String(address));
  const clients: Client[] = Array.from({ length: count }, (_, i) => clientOf(i));
  for (const client of clients) {
    lab.meet(client);
    lab.up(client);
  }
  assert.equal(lab.lender.leases, count);
  for (let slot = 1; slot <= count; slot++) {
    lab.programs.count(Direction.Up, slot, 1, 88, lab.lab.now);
  }
  lab.wait(1_001);
  assert.equal(lab.lender.passedUp, count);
  lab.wait(13_000);
  assert.equal(lab.lender.leases, 0);
});
