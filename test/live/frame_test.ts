import assert from "node:assert/strict";
import test from "node:test";
import { CHARTS } from "#src/cli/live/charts.ts";
import { frame } from "#src/cli/live/frame.ts";
import { Past, SPAN } from "#src/cli/live/past.ts";
import type { Seen, View } from "#src/cli/live/seen.ts";
import { statusDocument } from "#src/status/document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

const TIME = new Date(2026, 10, 29, 6, 12, 34);
/** Of the last row of a history. */
const SECOND = 1_795_932_754;
const ago = (seconds: number) => new Date(TIME.getTime() - 1000 * seconds);

const PLAIN = { colours: false, blocks: false };

/** What each chart shows: its place among them, and how long ago it was. */
function past(role: Snapshot["role"], value: (chart: number, ago: number) => number): Past {
  const made = new Past(CHARTS[role].length);
  for (let second = SECOND - SPAN + 1; second <= SECOND; second++) {
    made.add(second, CHARTS[role].map((_, i) => value(i, SECOND - second)));
  }
  return made;
}

/** What charts show on the whole. */
const MEANS = [41e6, 3.1e6, 4123, 512, 312, 280, 0.3, 12, 9.5, 3, 0.12];

const zero = <T extends string>(numbers: Readonly<Record<T, number>>) =>
  Object.fromEntries(Object.keys(numbers).map((name) => [name, 0])) as Record<T, number>;

function seen(changes: Partial<Snapshot> = {}, more: Partial<Seen> = {}): Seen {
  const sample = sampleSnapshot();
  const { udp, ipv6, tun } = sample.failures;
  const status = statusDocument(sampleSnapshot({
    counters: { ...zero(sample.counters), udp_received_datagrams: 1_234_567 },
    drops: { ...zero(sample.drops), rate_limited: 123_456, truncated: 12, send_failed: 3 },
    failures: { udp: { ...zero(udp), EPERM: 3 }, ipv6: zero(ipv6), tun: zero(tun) },
    sentence: "Ready for 9 seconds: 312 peers, 41 Mbit/s up, 3 Mbit/s down",
    changes: [
      { time: ago(100_000), kind: "started", text: "Started: relay" },
      { time: ago(99), kind: "not_ready", text: "Not ready: forwarding" },
      { time: ago(9), kind: "ready", text: "Ready" },
    ],
    warnings: [
      {
        time: ago(17),
        level: "warn",
        text: "Packets dropped: send_failed",
        mend: "let it out",
        count: 3,
      },
    ],
    ...changes,
  }));
  return {
    status,
    before: undefined,
    past: past(status.role, (chart, seconds) => MEANS[chart]! * (1.5 - (seconds % 100) / 100)),
    rates: { drops_send_failed: 2, drops_rate_limited: 0.5 },
    age: 0,
    silence: undefined,
    ...more,
  };
}

const FAILING: Partial<Snapshot> = {
  sentence: "Not ready for 99 seconds, forwarding: eth0 does not (and 1 more): 312 peers",
  checks: [
    { name: "datapath", ok: true, since: ago(9999), detail: "alive" },
    {
      name: "forwarding",
      ok: false,
      since: ago(99),
      detail: "eth0 does not forward IPv6 packets: net.ipv6.conf.eth0.forwarding is 0",
      mend: "sysctl -w net.ipv6.conf.all.forwarding=1",
    },
    {
      name: "firewall",
      ok: false,
      since: ago(9),
      detail: "nftables, table inet filter, drops what comes in by eth0 for 2001::/32",
      mend: "nft insert rule inet filter forward iifname eth0 ip6 daddr 2001::/32 accept",
    },
  ],
};

const view = (...daemons: readonly Seen[]): View => ({
  daemons,
  problems: [],
  time: TIME,
  keys: "q quits",
});

/** A daemon of a version before this one. */
function old(): Seen {
  const { status, ...rest } = seen(FAILING);
  const { sentence: _, changes: __, warnings: ___, ...before } = status;
  const checks = status.checks.map(({ since: _, ...check }) => check);
  return { ...rest, status: { ...before, checks } as never, past: undefined, rates: undefined };
}

const SERVER = { role: "server", listening: ["198.51.100.1:3544", "198.51.100.2:3544"] } as const;
const HOSTILE = "\x1b[2J\x1b]0;x\x07 \u202e漢字 " + "x".repeat(3_000);

const views: readonly [string, View][] = [
  ["of a relay", view(seen())],
  ["of a server", view(seen(SERVER))],
  ["of one that is not ready", view(seen(FAILING))],
  ["of both", view(seen(FAILING), seen(SERVER))],
  ["of one that is silent", view(seen({}, { age: 75, silence: "nothing listens at unix:/s" }))],
  ["of one without history", view(old())],
  ["of one that has just started", view(seen({}, { past: new Past(11), rates: undefined }))],
  ["of none", { ...view(), problems: ["not running: nothing listens at http://127.0.0.1:9545"] }],
  ["of nothing at all", view()],
  [
    "of one that says what it likes",
    view(seen({
      version: HOSTILE,
      interfaceName: HOSTILE,
      checks: [{ name: HOSTILE, ok: false, since: TIME, detail: HOSTILE, mend: HOSTILE }],
      changes: [{ time: TIME, kind: "ready", text: HOSTILE }],
      warnings: [{ time: TIME, level: "warn", text: HOSTILE, mend: HOSTILE, count: 1e300 }],
      sentence: HOSTILE,
      counters: { ...sampleSnapshot().counters, [HOSTILE]: 1e300 },
      drops: { ...sampleSnapshot().drops, [HOSTILE]: 1e300, ...{ constructor: 1 } } as never,
    }, {
      past: past("relay", (chart) => [1e300, -1e300, NaN, Infinity][chart % 4]!),
      silence: HOSTILE,
      age: 1e300,
    })),
  ],
];

const sizes: readonly [number, number][] = [
  [80, 24],
  [40, 12],
  [200, 60],
  [132, 43],
  [72, 20],
  [71, 20],
  [34, 10],
  [20, 5],
  [1, 1],
  [500, 1],
  [10, 200],
  [80, Infinity],
];

for (const [columns, rows] of sizes) {
  for (const [name, shown] of views) {
    test(`frame() ${name} fits ${columns} columns and ${rows} rows`, () => {
      for (const blocks of [true, false]) {
        const lines = frame(shown, { columns, rows }, { colours: false, blocks });
        assert.ok(lines.length >= 1 && lines.length <= rows, `${lines.length} lines`);
        for (const line of lines) {
          assert.ok(line.length <= columns, `${line.length} columns: ${line}`);
          assert.match(line, blocks ? /^[\x20-\x7e▁-█]*$/ : /^[\x20-\x7e]*$/);
        }
      }
    });
  }
}

/** Words of a frame, without what stands in for those that are missing. */
const wordsOf = (lines: readonly string[]) =>
  lines.flatMap((line) => line.replaceAll("...", " ").split(/\s+/)).filter((word) => word !== "");

for (const [columns, rows] of sizes.filter(([columns]) => columns >= 40)) {
  test(`frame() of ${columns} columns and ${rows} rows has whole words`, () => {
    for (const daemon of [seen(FAILING), seen(SERVER)]) {
      // Sparklines have other lengths, and a heading another name.
      const lines = frame(view({ ...daemon, past: undefined }), { columns, rows }, PLAIN);
      const all = frame(view({ ...daemon, past: undefined }), { columns: 999, rows: 999 }, PLAIN);
      // Where there is no room for since when.
      const known = new Set([...wordsOf(all), "not", "ready"]);
      for (const word of wordsOf(lines)) assert.ok(known.has(word), word);
    }
  });
}

/** As they are seen. */
const pictures: readonly [string, View, number, number, boolean, string][] = [
  [
    "a relay in 80 columns and 24 rows",
    view(seen()),
    80,
    24,
    true,
    `
teredo relay 1.2.3  Ready for 9 seconds                        06:12:34  q quits
                       now  last 5 minutes                             highest
to clients       62 Mbit/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███    62 Mbit/s
from clients    4.7 Mbit/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███   4.7 Mbit/s
packets to         6,185/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███      6,185/s
packets from         768/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███        768/s
peers                  468  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███          468
trusted                420  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███          420
new peers            0.5/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███        0.5/s
bubbles sent          18/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███         18/s
dropped              4.5/s  ▄▅▅▆▆▆▇▇▇██▆▄▅▅▅▆▆▇▇▇███▄▄▅▅▆▆▆▇▇▇███        4.5/s

dropped, by reason                in all         now
send_failed                            3         2/s
rate_limited                     123,456       0.5/s
truncated                             12         0/s

last changes
06:12:25    Ready
06:10:55    Not ready: forwarding
2026-11-28  Started: relay

warnings of the last hour
06:12:17    Packets dropped: send_failed, 3 times; mend: let it out
`,
  ],
  [
    "what fails first, where there is little room",
    view(seen(FAILING)),
    40,
    12,
    true,
    `
teredo relay 1.2.3  not ready   06:12:34
FAIL forwarding for 1 min 39 s: eth0
     does not forward IPv6 packets:
     net.ipv6.conf.eth0.forwarding is 0
mend sysctl -w
     net.ipv6.conf.all.forwarding=1
FAIL firewall for 9 s: nftables, table
     inet filter, drops what comes in...
mend nft insert rule inet filter forward
     iifname eth0 ip6 daddr 2001::/32...
to clients       62 Mbit/s  ▅▇█▅▅▇█▅▅▇██
from clients    4.7 Mbit/s  ▅▇█▅▅▇█▅▅▇██
`,
  ],
  [
    "relay and server, in ASCII",
    view(seen(FAILING), seen(SERVER)),
    80,
    24,
    false,
    `
teredo relay 1.2.3  Not ready for 99 seconds                   06:12:34  q quits
FAIL forwarding for 1 min 39 s: eth0 does not forward IPv6 packets:
     net.ipv6.conf.eth0.forwarding is 0
mend sysctl -w net.ipv6.conf.all.forwarding=1
FAIL firewall for 9 s: nftables, table inet filter, drops what comes in by eth0
     for 2001::/32
mend nft insert rule inet filter forward iifname eth0 ip6 daddr 2001::/32 accept
                       now  last 5 minutes                             highest
to clients       62 Mbit/s  -==+++***##+-===++***###--==+++***###    62 Mbit/s
from clients    4.7 Mbit/s  -==+++***##+-===++***###--==+++***###   4.7 Mbit/s
peers                  468  -==+++***##+-===++***###--==+++***###          468
dropped              4.5/s  -==+++***##+-===++***###--==+++***###        4.5/s
dropped, by reason                in all         now
send_failed                            3         2/s

teredo server 1.2.3  Ready for 9 seconds
                       now  last 5 minutes                             highest
solicitations 61,500,000/s  -==+++***##+-===++***###--==+++***### 61,500,000/s
advertisements 4,650,000/s  -==+++***##+-===++***###--==+++***###  4,650,000/s
forwarded          6,185/s  -==+++***##+-===++***###--==+++***###      6,185/s
dropped               14/s  -==+++***##+-===++***###--==+++***###         14/s

dropped, by reason                in all         now
send_failed                            3         2/s
`,
  ],
  [
    "for how long there was no answer",
    view(seen({}, { age: 75, silence: "not running: nothing listens at http://127.0.0.1:9545" })),
    60,
    14,
    true,
    `
teredo relay 1.2.3  no answer for 1 min 15 s        06:12:34
OLD  not running: nothing listens at http://127.0.0.1:9545;
     what is shown is 1 min 15 s old
                       now  last 5 minutes
to clients       62 Mbit/s  ██▆▄▅▅▆▆▇▇██▆▄▅▅▆▆▇▇███
from clients    4.7 Mbit/s  ██▆▄▅▅▆▆▇▇██▆▄▅▅▆▆▇▇███
peers                  468  ██▆▄▅▅▆▆▇▇██▆▄▅▅▆▆▇▇███
dropped              4.5/s  ██▆▄▅▅▆▆▇▇██▆▄▅▅▆▆▇▇███
dropped, by reason                in all         now
send_failed                            3         2/s
rate_limited                     123,456       0.5/s

last changes
06:12:25    Ready
`,
  ],
];

for (const [name, shown, columns, rows, blocks, want] of pictures) {
  test(`frame() shows ${name}`, () => {
    const lines = frame(shown, { columns, rows }, { colours: false, blocks });
    assert.equal(`\n${lines.join("\n")}\n`, want);
  });
}
