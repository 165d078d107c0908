import assert from "node:assert/strict";
import test from "node:test";
import { sentenceOf } from "#src/daemon/sentence.ts";
import { StatusTeller } from "#src/daemon/status_text.ts";
import type { SeriesName } from "#src/status/history_document.ts";
import type { DatedCheck, Snapshot } from "#src/status/snapshot.ts";
import { sampleClient, sampleSnapshot } from "#test/status/sample.ts";

type Rates = Partial<Record<SeriesName, number>>;

const first = sampleSnapshot();
const NOW = new Date("2026-11-29T12:00:00.000Z");

/** @param ago seconds */
const check = (name: string, ok: boolean, detail: string, ago: number): DatedCheck => ({
  name,
  ok,
  detail,
  since: new Date(NOW.getTime() - ago * 1000),
});
const gauges = (peers: number) => ({ gauges: { ...first.gauges, peers } });
const ready = (ago: number) => ({ checks: [check("route", true, "leads to teredo", ago)] });
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
const QUIET: Rates = { bits_up: 0, bits_down: 0 };
const DAY = 86_400;

interface Case {
  readonly name: string;
  readonly changes: Partial<Snapshot>;
  readonly rates: Rates;
  readonly want: string;
}

const cases: readonly Case[] = [
  {
    name: "a relay without traffic",
    changes: ready(3 * DAY + 5_000),
    rates: QUIET,
    want: "Ready for 3 days: 7 peers, 0 bit/s up, 0 bit/s down",
  },
  {
    name: "a relay's rates, each way",
    changes: { ...gauges(1), ...ready(DAY) },
    rates: { bits_up: 41e6, bits_down: 12_400 },
    want: "Ready for 1 day: 1 peer, 41 Mbit/s up, 12 kbit/s down",
  },
  {
    name: "fractions of small numbers, and gigabits",
    changes: ready(2 * 3600),
    rates: { bits_up: 1.2e6, bits_down: 2.5e9 },
    want: "Ready for 2 hours: 7 peers, 1.2 Mbit/s up, 2.5 Gbit/s down",
  },
  {
    name: "a start, of which nothing is known yet",
    changes: ready(0.2),
    rates: {},
    want: "Ready: 7 peers",
  },
  {
    name: "a client, with its address",
    changes: { ...ready(DAY), role: "client", client: sampleClient({ since: hoursAgo(3) }) },
    rates: QUIET,
    want:
      "Qualified for 3 hours behind a NAT that is symmetric by port, port asked for by nat_pmp: " +
      "2001:0:c633:6401:0:ce2b:39cd:fef8, 7 peers, native hosts answer, 0 bit/s up, 0 bit/s down",
  },
  {
    name: "a client with no NAT",
    changes: {
      ...ready(DAY),
      role: "client",
      client: sampleClient({
        since: hoursAgo(3),
        nat: "none",
        portMapping: "none",
        mtu: 1280,
        native: "unknown",
      }),
    },
    rates: {},
    want: "Qualified for 3 hours with no NAT: 2001:0:c633:6401:0:ce2b:39cd:fef8, 7 peers",
  },
  {
    name: "a client that no server answers",
    changes: {
      checks: [check("qualified", false, "no server answers", 60)],
      role: "client",
      client: sampleClient({ state: "offline", since: hoursAgo(2) }),
    },
    rates: QUIET,
    want: "Offline for 2 hours",
  },
  {
    name: "a client whose interface is gone",
    changes: {
      checks: [check("interface", false, "teredo is gone", 120), check("qualified", true, "", DAY)],
      role: "client",
      client: sampleClient({ native: "unreachable" }),
    },
    rates: {},
    want: "Not ready for 2 minutes, interface: teredo is gone: " +
      "2001:0:c633:6401:0:ce2b:39cd:fef8, 7 peers, native hosts do not answer",
  },
  {
    name: "a server's start",
    changes: { ...ready(1), role: "server" },
    rates: {},
    want: "Ready for 1 second",
  },
  {
    name: "a server's messages, solicitations of all kinds together",
    changes: { ...ready(60), role: "server" },
    rates: {
      solicitations_cone: 1,
      solicitations_restricted: 1,
      solicitations_secondary: 0.5,
      bubbles_forwarded: 40,
    },
    want: "Ready for 1 minute: 2.5 solicitations/s, 40 bubbles/s",
  },
  {
    name: "readiness, since the last check passes",
    changes: {
      checks: [check("route", true, "", 9_000), check("sockets", true, "", 61)],
    },
    rates: QUIET,
    want: "Ready for 1 minute: 7 peers, 0 bit/s up, 0 bit/s down",
  },
  {
    name: "a drain",
    changes: {
      draining: true,
      checks: [check("route", true, "", 9_000), check("serving", false, "draining", 5)],
    },
    rates: QUIET,
    want: "Draining for 5 seconds: 7 peers, 0 bit/s up, 0 bit/s down",
  },
  {
    name: "what is not ready, the first of several, since the first of them",
    changes: {
      checks: [
        check("route", false, "2001::/32 leads to eth0", 100),
        check("sockets", true, "", 20),
        check("forwarding", false, "off", 200),
      ],
    },
    rates: QUIET,
    want: "Not ready for 3 minutes, route: 2001::/32 leads to eth0 (and 1 more): 7 peers, " +
      "0 bit/s up, 0 bit/s down",
  },
  {
    name: "what nobody has looked at",
    changes: { checks: [] },
    rates: {},
    want: "Not ready: 7 peers",
  },
  {
    name: "a wall clock that was set back meanwhile",
    changes: ready(-3600),
    rates: {},
    want: "Ready: 7 peers",
  },
];

for (const { name, changes, rates, want } of cases) {
  test(`sentenceOf() tells of ${name}`, () => {
    assert.equal(sentenceOf(sampleSnapshot(changes), (it) => rates[it], NOW), want);
  });
}

/** A teller, and what it has said. */
function teller() {
  const said: string[] = [];
  return { said, status: new StatusTeller({ send: (text) => said.push(text) }) };
}

test("StatusTeller tells a change of state at the next look, all else every 10 s", () => {
  const { said, status } = teller();
  const look = (sentence: string, at: number, changes: Partial<Snapshot> = {}) =>
    status.look(sampleSnapshot({ sentence, ...changes }), at);
  look("a", 1_000);
  look("b", 2_000);
  look("c", 10_999);
  assert.deepEqual(said, ["STATUS=a"]);
  look("d", 11_000);
  look("e", 12_000, { draining: true });
  look("f", 13_000);
  look("g", 14_000, { checks: [check("route", false, "x", 1)] });
  look("h", 15_000, { checks: [check("route", false, "x", 2)] });
  look("i", 16_000, { checks: [check("route", false, "y", 3)] });
  assert.deepEqual(said.slice(1), ["d", "e", "f", "g", "i"].map((it) => `STATUS=${it}`));
});

test("StatusTeller: a detail with lines of its own sets no variable of the protocol", () => {
  const { said, status } = teller();
  status.look(sampleSnapshot({ sentence: "x\nMAINPID=1\n" + "y".repeat(300) }), 0);
  assert.deepEqual(said, [`STATUS=x MAINPID=1 ${"y".repeat(238)}`]);
});
