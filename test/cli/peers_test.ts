import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { formatPeers, Highest, short, TSV_COLUMNS, tsvLine } from "#src/cli/peers/table.ts";
import { createStatus, type Page } from "#src/status/app.ts";
import { listenTcp } from "#src/status/listen.ts";
import type { PeerDocument } from "#src/status/peers_document.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import { start } from "./run.ts";

const TIME = "2026-11-23T06:00:00.000Z";

const PEER: PeerDocument = {
  address: "2001:0:c633:6401:0:63bf:39cc:9b9c",
  server_address: "198.51.100.1",
  mapped_address: "198.51.100.99",
  mapped_port: 40_000,
  state: "trusted",
  trusted: true,
  valid: true,
  proven: true,
  leased: true,
  trusted_since: "2026-11-23T05:00:00Z",
  last_received: "2026-11-23T05:59:57.500Z",
  bubbles_unanswered: 0,
  received_packets: 12,
  received_bytes: 12_345,
  sent_packets: 0,
  sent_bytes: 0,
  held_packets: 0,
  held_bytes: 0,
};

test("formatPeers() is a table whose columns stand below each other", () => {
  const moved = {
    ...PEER,
    actual_address: "203.0.113.7",
    actual_port: 5,
    state: "resolving",
    trusted: false,
    held_packets: 3,
  } as const;
  const { trusted_since: _, last_received: __, ...asked } = moved;
  assert.equal(
    formatPeers([PEER, asked], TIME),
    `TEREDO ADDRESS                     STATE      MAPPING              SERVER        TRUSTED  HEARD  SENT   RX  TX  HELD
2001:0:c633:6401:0:63bf:39cc:9b9c  trusted    198.51.100.99:40000  198.51.100.1      1 h    2 s     -  12k   0     0
2001:0:c633:6401:0:63bf:39cc:9b9c  resolving  203.0.113.7:5*       198.51.100.1        -      -     -  12k   0     3
`,
  );
});

const sizes: readonly [number, string][] = [
  [0, "0"],
  [999, "999"],
  [1_000, "1.0k"],
  [9_940, "9.9k"],
  [9_960, "10k"],
  [999_499, "999k"],
  [999_500, "1.0M"],
  [1_234_567_890, "1.2G"],
  [2 ** 53, "9.0P"],
];

for (const [count, text] of sizes) {
  test(`short(${count}) is ${text}`, () => assert.equal(short(count), text));
}

test("tsvLine() has a value or nothing for each column", () => {
  const line = tsvLine(PEER);
  assert.equal(line.split("\t").length, TSV_COLUMNS.length);
  assert.ok(line.startsWith(`${PEER.address}\t198.51.100.1\t198.51.100.99\t40000\t\t\ttrusted\t`));
});

for (const sort of ["rx", "tx", "age"] as const) {
  test(`Highest keeps the first by ${sort}, whatever the order they come in`, () => {
    const all = Array.from({ length: 1_000 }, (_, i): PeerDocument => {
      const rank = i * 619 % 1_000;
      const trusted_since = new Date(Date.parse(TIME) - 1_000 * rank).toISOString();
      return { ...PEER, received_bytes: rank, sent_bytes: rank, trusted_since, mapped_port: rank };
    });
    const highest = new Highest(7, sort);
    for (let i = 0; i < all.length; i += 10) highest.offer(all.slice(i, i + 10));
    assert.deepEqual(highest.sorted().map((it) => it.mapped_port), [
      ...[999, 998, 997, 996, 995, 994, 993],
    ]);
  });
}

/** `teredo ARGS --url` of pages that answer so. */
async function asked(pages: Record<string, Page>, ...args: string[]) {
  const app = createStatus(() => sampleSnapshot(), undefined, pages);
  const listening = await listenTcp(app, "127.0.0.1", 0);
  try {
    const child = start([...args, "--url", listening.url]);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => stdout += data);
    child.stderr.on("data", (data) => stderr += data);
    const [status] = await once(child, "close");
    return { status: status as number, stdout, stderr };
  } finally {
    await listening.close();
  }
}

/** So many peers, `size` a page at the most. */
function paged(count: number, size: number, seen: string[] = []): Record<string, Page> {
  return {
    "/peers": (parameters) => {
      seen.push(`${parameters}`);
      const from = Number(parameters.get("cursor") ?? 0);
      const to = Math.min(count, from + Math.min(size, Number(parameters.get("limit"))));
      const peers = Array.from({ length: to - from }, (_, i) => ({
        ...PEER,
        mapped_port: from + i,
        sent_bytes: from + i,
      }));
      const cursor = to < count ? { cursor: `${to}` } : {};
      return Promise.resolve({
        status: 200,
        document: { version: 1, time: TIME, peers, ...cursor },
      });
    },
  };
}

const ports = (stdout: string) =>
  (JSON.parse(stdout).peers as PeerDocument[]).map((it) => it.mapped_port);

test("teredo peers reads as many pages as its limit takes, and says that there are more", async () => {
  const seen: string[] = [];
  const done = await asked(paged(1_000, 400, seen), "peers", "--limit", "500", "--json");
  assert.deepEqual(ports(done.stdout), Array.from({ length: 500 }, (_, i) => i));
  assert.deepEqual(seen, ["limit=400", "limit=100&cursor=400"]);
  const people = await asked(paged(1_000, 400), "peers", "203.0.113.0/24");
  assert.equal(people.stdout.split("\n").length, 102);
  assert.equal(people.stderr, "teredo: there are more than 100; --limit shows so many\n");
});

test("teredo peers --sort looks at all pages, short ones and an empty last one among them", async () => {
  const done = await asked(paged(1_000, 90), "peers", "--limit", "3", "--sort", "tx", "--json");
  assert.deepEqual(ports(done.stdout), [999, 998, 997]);
});

const failures: readonly [string, number, object, number, RegExp][] = [
  ["a daemon that does not understand", 400, { version: 1, error: "q: what?" }, 2, /q: what\?/],
  ["a server", 404, { version: 1, error: "A server has no peers" }, 1, /A server has no peers/],
  ["a stuck datapath", 503, { version: 1, error: "no answer" }, 1, /no answer/],
  ["a stranger", 200, { hello: "world" }, 1, /something else than a teredo daemon/],
  ["another version", 200, { version: 2 }, 1, /another version of this program/],
];

for (const [name, status, document, exit, said] of failures) {
  test(`teredo peers and why exit with ${exit} for ${name}`, async () => {
    const answer: Page = () => Promise.resolve({ status: status as 200, document });
    for (const args of [["peers"], ["why", "192.0.2.1"]]) {
      const done = await asked({ "/peers": answer, "/why": answer }, ...args);
      assert.equal(done.status, exit, done.stderr);
      assert.match(done.stderr, said);
      assert.equal(done.stdout, "");
    }
  });
}

const words: readonly (readonly [string[], RegExp])[] = [
  [["peers", "server"], /server is neither an address/],
  [["peers", "::1", "::2"], /::1 is none of relay, client/],
  [["peers", "client", "relay"], /relay is neither an address/],
  [["why", "client"], /whose packets\? teredo why client ADDRESS/],
  [["why", "server", "::1"], /server is none of relay, client/],
];

for (const [args, said] of words) {
  test(`teredo ${args.join(" ")} is refused`, async () => {
    const done = await asked({}, ...args);
    assert.deepEqual([done.status, done.stdout], [2, ""]);
    assert.match(done.stderr, said);
  });
}

test("teredo peers takes a role before what it looks for", async () => {
  const seen: string[] = [];
  const done = await asked(paged(3, 400, seen), "peers", "client", "203.0.113.0/24", "--json");
  assert.deepEqual([ports(done.stdout), seen], [[0, 1, 2], ["limit=100&q=203.0.113.0%2F24"]]);
});

test("teredo why prints each step, a sentence, and the command that mends", async () => {
  const document = {
    version: 1,
    time: TIME,
    address: "192.0.2.1",
    kind: "mapping",
    steps: [
      { name: "peer", verdict: "note", detail: "no entry" },
      { name: "route", verdict: "fail", detail: "it leads nowhere", mend: "ip -6 route add x" },
      { name: "firewall", verdict: "ok", detail: "nothing" },
    ],
    ok: false,
    conclusion: "Packets do not pass: it leads nowhere.",
    mend: "ip -6 route add x",
  };
  const answer: Page = () => Promise.resolve({ status: 200, document });
  const done = await asked({ "/why": answer }, "why", "192.0.2.1");
  assert.deepEqual(done, {
    status: 1,
    stdout: `note peer: no entry
FAIL route: it leads nowhere
ok   firewall: nothing
Packets do not pass: it leads nowhere.
mend: ip -6 route add x
`,
    stderr: "",
  });
  const json = await asked({ "/why": answer }, "why", "192.0.2.1", "--json");
  assert.deepEqual([json.status, JSON.parse(json.stdout)], [1, document]);
});
