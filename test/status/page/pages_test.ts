import assert from "node:assert/strict";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { createStatus, type Page } from "#src/status/app.ts";
import type { HistoryDocument, Step } from "#src/status/history_document.ts";
import { CLIENT_STATE_TEXT } from "#src/status/client_text.ts";
import { ASSETS } from "#src/status/page/assets.ts";
import { CHARTS } from "#src/status/page/charts.ts";
import type { PeerDocument } from "#src/status/peers_document.ts";
import { CLIENT_STATES, type ClientView, type Snapshot } from "#src/status/snapshot.ts";
import { dated, sampleClientSnapshot, sampleSnapshot } from "#test/status/sample.ts";

const BUDGET = 90 * 1024;
const HTML = { headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

/** Rows in which everything is something else each second. */
function historyOf(role: Snapshot["role"], step: Step): HistoryDocument {
  const count = step === 1 ? 900 : 1_440;
  const names = CHARTS[role].flatMap(({ lines }) =>
    typeof lines === "string"
      ? [`${lines}bad_token`, `${lines}not_teredo`, `${lines}hold_full`]
      : lines.flatMap(({ names }) => names)
  );
  const series = names.map((name, i) => [
    name,
    Array.from(
      { length: count },
      (_, row) => 1_000_000 + Math.round(99_991 * (row * (i + 3) % 97)),
    ),
  ]);
  const from = 1_800_000_000;
  const changes = [{
    time: new Date(1000 * (from + 60)).toISOString(),
    kind: "reloaded",
    text: "Reloaded",
  }];
  return {
    version: 1,
    role,
    step,
    from,
    count,
    series: Object.fromEntries(series),
    changes,
  } as HistoryDocument;
}

function peer(i: number): PeerDocument {
  return {
    address: `2001:0:c633:6401::${i.toString(16)}`,
    server_address: "198.51.100.1",
    mapped_address: `203.0.113.${i % 250}`,
    mapped_port: 40_000 + i,
    state: "trusted",
    trusted: true,
    valid: true,
    proven: true,
    leased: true,
    bubbles_unanswered: 0,
    received_packets: i,
    received_bytes: (i * 7_919) % 10_007,
    sent_packets: i,
    sent_bytes: i,
    held_packets: 0,
    held_bytes: 0,
  };
}

/** So many peers, of which each answer has as many as it was asked for. */
function peersPage(count: number): Page {
  return (parameters) => {
    const from = Number(parameters.get("cursor") ?? 0);
    const end = Math.min(count, from + Number(parameters.get("limit") ?? 100));
    const peers = Array.from({ length: end - from }, (_, i) => peer(from + i));
    const more = end < count ? { cursor: `${end}` } : {};
    return Promise.resolve({ status: 200, document: { version: 1, peers, ...more } });
  };
}

function appOf(changes: Partial<Snapshot> = {}, pages: Readonly<Record<string, Page>> = {}) {
  const snapshot = sampleSnapshot(changes);
  const history = (step: Step) => historyOf(snapshot.role, step);
  return createStatus(() => snapshot, undefined, pages, {}, history);
}

async function html(path: string, app = appOf()): Promise<string> {
  const response = await app.request(path, HTML);
  assert.match(response.headers.get("content-type")!, /^text\/html/);
  return await response.text();
}

for (const accept of [undefined, "*/*", "text/plain", "application/json"]) {
  test(`GET / for ${accept ?? "no Accept"} is plain text`, async () => {
    const init = accept === undefined ? {} : { headers: { Accept: accept } };
    const response = await appOf().request("/", init);
    assert.match(response.headers.get("content-type")!, /^text\/plain/);
    assert.equal(response.headers.get("vary"), "Accept");
    const lines = (await response.text()).split("\n");
    assert.equal(lines[0], "Ready for 3 days: 7 peers, 41 Mbit/s up, 3 Mbit/s down");
    assert.ok(lines.some((it) => /^ {2}ok +datapath: alive \(for .* d.*\)$/.test(it)), `${lines}`);
    assert.ok(lines.some((it) => it.includes("Reloaded: /etc/teredo.ini")));
    assert.ok(
      lines.some((it) => it.endsWith("(5 times)")) && lines.includes("        mend: see it"),
    );
    assert.ok(lines.some((it) => /^ {2}Traffic: up, from clients: 1 Mbit\/s to /.test(it)));
    assert.ok(lines.includes("  truncated: 2,000"));
  });
}

test("GET / for a browser says state, checks, changes, warnings, history and totals", async () => {
  const page = await html("/");
  for (
    const part of [
      "<!doctype html>",
      "<title>ready · teredo relay</title>",
      "Ready for 3 days: 7 peers, 41 Mbit/s up, 3 Mbit/s down</h1>",
      "All 1 checks pass",
      "Reloaded: /etc/teredo.ini, count 2",
      "see it",
      "mean ",
      "because it ends before its own headers do",
    ]
  ) assert.ok(page.includes(part), part);
});

const states: readonly (readonly [string, string, Partial<Snapshot>])[] = [
  ["ready", "ok", {}],
  ["draining", "pause", { draining: true }],
  ["no sign of life", "dead", { heartbeatAgeSeconds: 3 }],
  ["not ready", "fail", {
    checks: [dated({ name: "route", ok: false, detail: "gone", mend: "ip -6 route add" })],
  }],
];

for (const [word, shape, changes] of states) {
  test(`GET / says ${word} by word and by shape`, async () => {
    const page = await html("/", appOf(changes));
    assert.match(page, new RegExp(`<title>${word} · `));
    assert.match(
      page,
      new RegExp(`<section id="state" class="state ${shape}" data-word="${word}">`),
    );
    if (shape === "fail") assert.match(page, /1 of 1 checks fail.*<code>ip -6 route add<\/code>/s);
  });
}

test("GET / shows what anybody can make it say as text", async () => {
  const hostile = `<script>alert("1")</script>`;
  const app = appOf({
    sentence: hostile,
    checks: [dated({ name: hostile, ok: false, detail: hostile, mend: hostile })],
    changes: [{ time: new Date(), kind: "ready", text: hostile }],
    warnings: [{ time: new Date(), level: "warn", text: hostile, mend: hostile, count: 1 }],
    workers: { count: 1, reason: hostile },
  });
  const page = await html("/", app);
  assert.ok(!page.includes("<script>alert") && page.includes("&lt;script&gt;alert"));
  const found = await html(
    `/find?q=${encodeURIComponent(`"><script>alert(1)</script>`)}`,
    appOf({}, {
      "/peers": peersPage(1),
    }),
  );
  assert.ok(!found.includes("<script>alert"));
});

test("GET / draws what is asked for: 15 minutes or 24 hours", async () => {
  assert.match(await html("/?step=60"), /data-step="60".*Means of an hour each/s);
  assert.match(await html("/?step=7"), /data-step="1".*Means of a minute each/s);
});

test("GET / refreshes without a script, until that is stopped", async () => {
  const meta = /<noscript><meta http-equiv="refresh" content="10"\/><\/noscript>/;
  assert.match(await html("/"), meta);
  assert.doesNotMatch(await html("/?refresh=no"), /http-equiv="refresh"/);
});

const paths = [
  "/",
  "/recording?id=r7",
  "/?step=60",
  "/find",
  "/find?sort=heard",
  "/peer?address=203.0.113.1",
  "/none",
];

for (const path of paths) {
  test(`GET ${path} leads nowhere else, and runs nothing that stands in it`, async () => {
    const pages = { "/peers": peersPage(250), "/why": whyPage, ...recordingPages };
    const page = await html(path, appOf({}, pages));
    for (const [, url] of page.matchAll(/\b(?:href|src|action|content)="([^"]*)"/g)) {
      assert.doesNotMatch(url!, /^\/|^[a-z]+:/, url);
    }
    assert.doesNotMatch(page, /<style|\sstyle=|<script>|\son[a-z]+=/);
  });
}

const whyPage: Page = (parameters) =>
  Promise.resolve({
    status: 200,
    document: {
      version: 1,
      address: parameters.get("address"),
      kind: "client",
      peer: peer(1),
      steps: [{ name: "route", verdict: "fail", detail: "gone", mend: "ip -6 route add" }],
      ok: false,
      conclusion: "Packets do not pass: gone.",
      mend: "ip -6 route add",
    },
  });

const RECORDING = {
  id: "r7",
  time: new Date(1000 * 1_800_000_100).toISOString(),
  kind: "drops",
  why: "burst <of> drops",
  packets: 1_234,
};

const recordingPages: Readonly<Record<string, Page>> = {
  "/recordings": () =>
    Promise.resolve({ status: 200, document: { version: 1, recordings: [RECORDING] } }),
  "/recordings/:id": (_, { id } = {}) => {
    const time = new Date(Date.parse(RECORDING.time) - 1_500).toISOString();
    const row = { time, way: "from_udp", peer: "203.0.113.1:4000", bytes: 88, packets: 3 };
    const rows = [{ ...row, all_bytes: 264, reason: "bad_token", detail: "dropped: as <b>" }];
    return Promise.resolve(
      id === "r7"
        ? { status: 200, document: { version: 1, ...RECORDING, rows } }
        : { status: 404, document: { version: 1, error: "There is no such recording" } },
    );
  },
};

test("GET / lists recordings, and marks them in each chart", async () => {
  const app = appOf({}, recordingPages);
  const page = await html("/", app);
  assert.match(page, /<a href="recording\?id=r7">burst &lt;of&gt; drops<\/a>, 1,234 packets/);
  assert.match(page, /<a href="recordings\/r7.pcapng" download/);
  assert.equal([...page.matchAll(/<svg class="mark warn" x="/g)].length, CHARTS.relay.length);
  const text = await (await app.request("/")).text();
  assert.match(text, /burst <of> drops, 1,234 packets: recordings\/r7\.pcapng/);
});

test("GET / says why nothing is recorded", async () => {
  const refuse: Page = () =>
    Promise.resolve({ status: 404, document: { version: 1, error: "Nothing is recorded: `x`" } });
  const app = appOf({}, { "/recordings": refuse });
  assert.match(await html("/", app), /Nothing is recorded: <code>x<\/code>\./);
});

test("GET /recording shows packets, the latest first, or that there is none", async () => {
  const app = appOf({}, recordingPages);
  const page = await html("/recording?id=r7", app);
  for (
    const part of ["1,234 packets, of which here are the last 1", ">1.500<", "3 × 88, 264 in all"]
  ) assert.ok(page.includes(part), part);
  assert.ok(page.includes("dropped: as &lt;b&gt; (bad_token)"));
  assert.match(await html("/recording?id=..", app), /role="alert">There is no such recording</);
});

test("GET / with all that it loads is small enough for a slow line", async () => {
  for (const role of ["relay", "server"] as const) {
    const page = await html("/", appOf({ role }));
    const sizes = Object.values(ASSETS).map(({ text }) => gzipSync(text).length);
    const size = sizes.reduce((sum, it) => sum + it, gzipSync(page).length);
    assert.ok(size <= BUDGET, `${size} bytes`);
  }
});

test("GET /assets/ has what pages and modules name", async () => {
  const app = appOf();
  const named = [...(await html("/")).matchAll(/(?:href|src)="\.\/assets\/([^"]*)"/g)];
  const imported = Object.values(ASSETS).flatMap(({ type, text }) =>
    type.includes("javascript") ? [...text.matchAll(/^import .* from "\.\/([^"]*)";$/gm)] : []
  );
  assert.ok(named.length >= 3 && imported.length >= 10);
  for (const [, name] of [...named, ...imported]) {
    assert.equal((await app.request(`/assets/${name}`)).status, 200, name);
  }
});

test("GET /find goes through all peers, page by page", async () => {
  const app = appOf({}, { "/peers": peersPage(250) });
  const seen: string[] = [];
  let next: string | undefined = "find";
  while (next !== undefined) {
    const page = await html(`/${next.replaceAll("&amp;", "&")}`, app);
    seen.push(...[...page.matchAll(/<th scope="row"><a [^>]*>([^<]*)</g)].map(([, it]) => it!));
    next = /<a rel="next" href="([^"]*)">/.exec(page)?.[1];
  }
  assert.deepEqual(seen, Array.from({ length: 250 }, (_, i) => peer(i).address));
});

test("GET /find sorts all it has found, or says that there are more", async () => {
  const sorted = await html("/find?sort=received", appOf({}, { "/peers": peersPage(4_000) }));
  const best = Array.from({ length: 4_000 }, (_, i) => peer(i))
    .sort((a, b) => b.received_bytes - a.received_bytes);
  const shown = [...sorted.matchAll(/<th scope="row"><a [^>]*>([^<]*)</g)].map(([, it]) => it);
  assert.deepEqual(shown, best.slice(0, 100).map(({ address }) => address));
  assert.match(sorted, /The first 100 of 4,000, sorted/);
  assert.match(sorted, /aria-sort="descending"/);
  assert.doesNotMatch(sorted, /More were found/);
  const part = await html("/find?sort=received", appOf({}, { "/peers": peersPage(4_001) }));
  assert.match(part, /More were found than are sorted/);
});

test("GET /find and /peer say why there is nothing, with the status of that", async () => {
  const refuse: Page = () =>
    Promise.resolve({ status: 503, document: { version: 1, error: "The workers do not answer" } });
  const app = appOf({}, { "/peers": refuse, "/why": refuse });
  for (const path of ["/find", "/find?sort=sent", "/peer?address=203.0.113.1"]) {
    const response = await app.request(path, HTML);
    assert.equal(response.status, 503, path);
    assert.match(await response.text(), /role="alert">The workers do not answer</);
  }
});

test("GET /peer says what becomes of a peer's packets, and what mends it", async () => {
  const page = await html("/peer?address=203.0.113.1", appOf({}, { "/why": whyPage }));
  for (const part of ["Packets do not pass: gone.", "<code>ip -6 route add</code>", "fails"]) {
    assert.ok(page.includes(part), part);
  }
});

test("GET / is made once a second, however many ask, and at once when something happened", async () => {
  let now = 0;
  let snapshot = sampleSnapshot();
  let made = 0;
  const history = (step: Step) => {
    made++;
    return historyOf("relay", step);
  };
  const app = createStatus(() => snapshot, () => now, {}, {}, history);
  const askAll = () => Promise.all(Array.from({ length: 50 }, () => html("/", app)));
  await askAll();
  now = 999;
  await askAll();
  assert.equal(made, 1);
  const changes = [...snapshot.changes, {
    time: new Date(),
    kind: "restored",
    text: "Restored: route",
  }];
  snapshot = { ...snapshot, changes } as Snapshot;
  assert.ok((await askAll()).every((it) => it.includes("Restored: route")));
  assert.equal(made, 2);
  now += 1_000;
  await askAll();
  assert.equal(made, 3);
});

function clientApp(view: Partial<ClientView> = {}) {
  const snapshot = sampleClientSnapshot(view);
  return createStatus(() => snapshot, undefined, {}, {}, (step) => historyOf("client", step));
}

test("GET / of a client shows address, NAT, servers with their round trips, and peers by path", async () => {
  const page = await html("/", clientApp());
  const [, part] = /<section id="client"(.*?)<\/section>/s.exec(page)!;
  for (
    const text of [
      "2001:0:c633:6401:0:ce2b:39cd:fef8",
      "2001:0:c633:6402:0:ce2b:39cd:fef8, for flows of before",
      "a NAT that is symmetric by port, port asked for by nat_pmp",
      "198.51.100.7:12756",
      "teredo.example",
      "24 ms",
      "refuses our key",
      "gone.example",
      "no such name",
      "native hosts answer",
      'every 30 s, next at <time datetime="2026-11-23T06:00:41.500Z"',
      "11 native hosts by a relay, 12 clients by a random port",
    ]
  ) {
    assert.ok(part!.includes(text), text);
  }
});

for (const state of CLIENT_STATES) {
  test(`GET / of a client that is ${state} says so, to curl as well`, async () => {
    const app = clientApp({ state });
    const said = new RegExp(CLIENT_STATE_TEXT[state]);
    assert.match(await html("/", app), said);
    assert.match(await (await app.request("/")).text(), said);
  });
}

test("GET / of a client that leaves the way says for what, to curl as well", async () => {
  const app = clientApp({ leaving: "native IPv6: 2001:db8::2 by eth0, fe80::1" });
  const said = /native IPv6: 2001:db8::2 by eth0, fe80::1 takes new connections/;
  assert.match(await html("/", app), said);
  assert.match(await (await app.request("/")).text(), said);
});

test("GET / of a client that knows nothing yet has a page", async () => {
  const { address: _, server: __, mapped: ___, local: ____, ...view } = sampleClientSnapshot({
    standbys: [],
    unresolved: [],
    peers: [],
    deprecated: [],
  }).client!;
  const snapshot = { ...sampleClientSnapshot(), client: view };
  const app = createStatus(() => snapshot, undefined, {}, {}, (step) => historyOf("client", step));
  assert.match(await html("/", app), /No server is known/);
  const text = await (await app.request("/")).text();
  assert.ok(!text.includes("?") && !text.includes("is seen as"), text);
});

test("GET / of a client escapes what others have named", async () => {
  const hostile = "<script>alert(1)</script>";
  const server = { ...sampleClientSnapshot().client!.server!, name: hostile };
  const page = await html(
    "/",
    clientApp({
      server,
      unresolved: [{ name: hostile, why: hostile }],
      lastChange: { reason: hostile, at: new Date(0) },
    }),
  );
  assert.ok(!page.includes("<script>alert"));
  assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
});

test("GET / of a relay has no part of a client", async () => {
  assert.ok(!(await html("/")).includes('id="client"'));
});
