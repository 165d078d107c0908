import assert from "node:assert/strict";
import test from "node:test";
import { StatusTeller } from "#src/daemon/status_text.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

type Counters = Partial<Snapshot["counters"]>;

const first = sampleSnapshot();

/** The first one with so much more counted. */
function after(more: Counters, changes: Partial<Snapshot> = {}): Snapshot {
  const counters = { ...first.counters };
  for (const [name, count] of Object.entries(more)) counters[name as keyof Counters] += count;
  return { ...first, counters, ...changes };
}

const failing = (name: string, detail: string) => ({ name, ok: false, detail });
const gauges = (peers: number) => ({ gauges: { ...first.gauges, peers } });

interface Case {
  readonly name: string;
  readonly snapshot: Snapshot;
  /** Since the first one; default: a second. */
  readonly elapsed?: number;
  readonly want: string;
}

const cases: readonly Case[] = [
  {
    name: "a relay without traffic",
    snapshot: after({}),
    want: "Ready: 7 peers, 0 bit/s from clients, 0 bit/s to clients",
  },
  {
    name: "a relay's rates, each way by what leaves it",
    snapshot: after({ ipv6_sent_bytes: 51_250_000, udp_sent_bytes: 15_500 }, gauges(1)),
    elapsed: 10_000,
    want: "Ready: 1 peer, 41 Mbit/s from clients, 12 kbit/s to clients",
  },
  {
    name: "fractions of small numbers, and gigabits",
    snapshot: after({ ipv6_sent_bytes: 150_000, udp_sent_bytes: 312_500_000 }),
    want: "Ready: 7 peers, 1.2 Mbit/s from clients, 2.5 Gbit/s to clients",
  },
  {
    name: "counters that went back",
    snapshot: after({ ipv6_sent_bytes: -500, udp_sent_bytes: 100 }),
    want: "Ready: 7 peers, 0 bit/s from clients, 800 bit/s to clients",
  },
  {
    name: "a server's messages",
    snapshot: after({ solicitations_received: 25, bubbles_forwarded: 400 }, { role: "server" }),
    elapsed: 10_000,
    want: "Ready: 2.5 solicitations/s, 40 bubbles/s",
  },
  {
    name: "a drain",
    snapshot: after({}, { draining: true, checks: [failing("serving", "draining")] }),
    want: "Draining: 7 peers, 0 bit/s from clients, 0 bit/s to clients",
  },
  {
    name: "what is not ready, the first of several",
    snapshot: after({}, {
      checks: [failing("route", "2001::/32 leads to eth0"), failing("forwarding", "off")],
    }),
    want:
      "Not ready, route: 2001::/32 leads to eth0 (and 1 more): 7 peers, 0 bit/s from clients, " +
      "0 bit/s to clients",
  },
  {
    name: "a detail with lines of its own sets no variable of the protocol",
    snapshot: after({}, { checks: [failing("route", "x\nMAINPID=1\n" + "y".repeat(300))] }),
    want: `Not ready, route: x MAINPID=1 ${"y".repeat(220)}`,
  },
];

/** A teller at the first snapshot, and what it has said. */
function teller() {
  const said: string[] = [];
  return { said, status: new StatusTeller({ send: (text) => said.push(text) }, first, 0) };
}

for (const { name, snapshot, elapsed = 1_000, want } of cases) {
  test(`StatusTeller tells of ${name}`, () => {
    const { said, status } = teller();
    status.look(snapshot, elapsed);
    assert.deepEqual(said, [`STATUS=${want}`]);
  });
}

test("StatusTeller tells a change of state at the next look, rates every 10 s, each since the last", () => {
  const { said, status } = teller();
  status.look(after({}), 0);
  assert.equal(said.length, 0, "over no time there is no rate");
  status.look(after({}), 1_000);
  status.look(after({ udp_sent_bytes: 1_000 }), 2_000);
  status.look(after({ udp_sent_bytes: 1_000 }), 10_999);
  assert.equal(said.length, 1);
  status.look(after({ udp_sent_bytes: 1_250 }), 11_000);
  status.look(after({ udp_sent_bytes: 1_250 }, { draining: true }), 12_000);
  status.look(after({ udp_sent_bytes: 1_250 }), 13_000);
  assert.deepEqual(said.slice(1), [
    "STATUS=Ready: 7 peers, 0 bit/s from clients, 1 kbit/s to clients",
    "STATUS=Draining: 7 peers, 0 bit/s from clients, 0 bit/s to clients",
    "STATUS=Ready: 7 peers, 0 bit/s from clients, 0 bit/s to clients",
  ]);
});
