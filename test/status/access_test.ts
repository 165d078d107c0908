import assert from "node:assert/strict";
import test from "node:test";
import { type Client, sourceOf } from "#src/status/access/client.ts";
import { Failures } from "#src/status/access/failures.ts";
import { guard } from "#src/status/access/guard.ts";
import { Key, SESSION_TIME } from "#src/status/access/key.ts";
import type { AccessRules } from "#src/status/access/rules.ts";
import { createStatus } from "#src/status/app.ts";
import type { App } from "#src/status/listen.ts";
import { LOCKED, LOOPBACK, NETWORK, NONE, TOKEN, UNIX } from "./doors.ts";
import { sampleSnapshot } from "./sample.ts";
import { problemsOf } from "./schema_validator.ts";

const BROWSER = { Accept: "text/html,*/*;q=0.8" };
const BEARER = { Authorization: `Bearer ${TOKEN}` };

const pages = createStatus(() => sampleSnapshot());

function guarded(rules: AccessRules, more: { wrong?: string[]; now?: () => number } = {}): App {
  const { wrong, now } = more;
  return guard(pages, {
    scope: "relay",
    rules: () => rules,
    now,
    onWrongToken: (source) => void wrong?.push(source),
  });
}

function ask(
  app: App,
  client: Client,
  path: string,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  const all = { Host: "127.0.0.1:9545", ...headers };
  return Promise.resolve(
    app.fetch(new Request(`http://localhost${path}`, { headers: all, ...init }), client),
  );
}

function logIn(app: App, token: string, next = "", headers = {}, client = NETWORK) {
  const body = new URLSearchParams({ token, next }).toString();
  return ask(app, client, "/login", { ...BROWSER, ...headers }, { method: "POST", body });
}

const PROXIED = { "X-Forwarded-For": "203.0.113.5" };
const doors: readonly (readonly [
  who: string,
  rules: Partial<AccessRules>,
  client: Client,
  path: string,
  headers: Record<string, string>,
  status: number,
])[] = [
  ["loopback, without a token", {}, LOOPBACK, "/status", {}, 200],
  ["loopback, with one", LOCKED, LOOPBACK, "/status", {}, 200],
  ["the Unix socket", LOCKED, UNIX, "/status", { Host: "anything" }, 200],
  ["elsewhere, where nobody is let in", {}, NETWORK, "/status", {}, 403],
  ["elsewhere, with a token where there is none", {}, NETWORK, "/status", BEARER, 403],
  ["elsewhere, where everybody is", { allowAnonymous: true }, NETWORK, "/status", {}, 200],
  ["elsewhere, without a token", LOCKED, NETWORK, "/status", {}, 401],
  ["elsewhere, with it", LOCKED, NETWORK, "/status", BEARER, 200],
  ["elsewhere, with it, by another spelling", LOCKED, NETWORK, "/status", {
    authorization: `bearer  ${TOKEN}`,
  }, 200],
  ["elsewhere, with half of it", LOCKED, NETWORK, "/status", {
    Authorization: `Bearer ${TOKEN.slice(0, 16)}`,
  }, 401],
  ["elsewhere, with more than it", LOCKED, NETWORK, "/status", {
    Authorization: `Bearer ${TOKEN}x`,
  }, 401],
  ["elsewhere, with it as a password", LOCKED, NETWORK, "/status", {
    Authorization: `Basic ${btoa(`teredo:${TOKEN}`)}`,
  }, 401],
  ["elsewhere, with it as a parameter", LOCKED, NETWORK, `/status?token=${TOKEN}`, {}, 401],
  ["elsewhere, with it as a cookie", LOCKED, NETWORK, "/status", {
    Cookie: `teredo_relay=${TOKEN}`,
  }, 401],
  ["a proxy here, for another", LOCKED, LOOPBACK, "/status", PROXIED, 401],
  ["a proxy at the Unix socket, for another", LOCKED, UNIX, "/status", PROXIED, 401],
  ["a proxy here, for another who has it", LOCKED, LOOPBACK, "/status", {
    ...PROXIED,
    ...BEARER,
  }, 200],
  ["a proxy here that asks for passwords itself", {}, LOOPBACK, "/status", PROXIED, 200],
  ["elsewhere, who says that he is a proxy here", LOCKED, NETWORK, "/status", {
    "X-Forwarded-For": "127.0.0.1",
  }, 401],
  ["elsewhere, for a page that there is not", LOCKED, NETWORK, "/nothing", {}, 401],
  [
    "elsewhere, for a path that looks open",
    { ...LOCKED, public: ["metrics"] },
    NETWORK,
    "//metrics",
    {},
    401,
  ],
  ["elsewhere, for what pages load", LOCKED, NETWORK, "/assets/style.css", {}, 200],
  [
    "elsewhere, for what pages load, where nobody is let in",
    {},
    NETWORK,
    "/assets/style.css",
    {},
    200,
  ],
];

for (const [who, rules, client, path, headers, status] of doors) {
  test(`guard() answers ${who}: ${status}`, async () => {
    const response = await ask(guarded({ ...NONE, ...rules }), client, path, headers);
    assert.equal(response.status, status);
    const text = await response.text();
    for (const name of ["content-security-policy", "referrer-policy", "x-content-type-options"]) {
      assert.ok(response.headers.has(name), name);
    }
    if (status === 200) return;
    assert.deepEqual(problemsOf(JSON.parse(text), "error"), []);
    assert.equal(response.headers.get("www-authenticate") !== null, status === 401);
    assert.ok(!text.includes(TOKEN));
  });
}

const opened: readonly (readonly ["health" | "metrics", readonly string[]])[] = [
  ["health", ["/healthz", "/readyz"]],
  ["metrics", ["/metrics"]],
];

for (const [word, paths] of opened) {
  test(`guard() with public = ${word} opens ${paths.join(" and ")}, and nothing else`, async () => {
    for (const rules of [NONE, LOCKED]) {
      const app = guarded({ ...rules, public: [word] });
      for (const path of ["/healthz", "/readyz", "/metrics", "/status", "/peers", "/why", "/"]) {
        const { status } = await ask(app, NETWORK, path);
        assert.equal([401, 403].includes(status), !paths.includes(path), `${path}: ${status}`);
      }
    }
  });
}

const named: readonly (readonly [
  name: string,
  client: Client,
  hosts: readonly string[] | undefined,
  status: number,
])[] = [
  ["rebound.example", LOOPBACK, undefined, 403],
  ["rebound.example", LOOPBACK, ["relay.example"], 403],
  ["relay.example", LOOPBACK, ["relay.example"], 200],
  ["Relay.Example:443", LOOPBACK, ["relay.example"], 200],
  ["relay.example.", LOOPBACK, ["relay.example"], 403],
  ["evil-relay.example", LOOPBACK, ["relay.example"], 403],
  ["localhost", LOOPBACK, ["relay.example"], 200],
  ["any.example", NETWORK, undefined, 200],
  ["rebound.example", NETWORK, ["relay.example"], 403],
  ["relay.example:9545", NETWORK, ["relay.example"], 200],
  ["192.0.2.1:9545", NETWORK, ["relay.example"], 200],
  ["rebound.example", UNIX, ["relay.example"], 200],
];

test("guard() asked by a proxy at the Unix socket goes by hosts as well", async () => {
  for (const [hosts, status] of [[undefined, 200], [["relay.example"], 403]] as const) {
    const headers = { ...PROXIED, Host: "rebound.example" };
    assert.equal((await ask(guarded({ ...NONE, hosts }), UNIX, "/status", headers)).status, status);
  }
});

for (const [name, client, hosts, status] of named) {
  test(`guard() asked by ${client.way} as ${name}, with hosts = ${hosts ?? "nothing"}: ${status}`, async () => {
    const app = guarded({ ...NONE, allowAnonymous: true, public: ["health"], hosts });
    for (const path of ["/status", "/healthz", "/assets/style.css"]) {
      assert.equal((await ask(app, client, path, { Host: name })).status, status);
    }
    assert.equal(
      (await ask(app, client, "/login", { Host: name })).status,
      status === 200 ? 303 : 403,
    );
  });
}

const sites: readonly (readonly [site: string, mode: string, status: number])[] = [
  ["none", "navigate", 200],
  ["same-origin", "cors", 200],
  ["same-origin", "no-cors", 200],
  ["cross-site", "navigate", 200],
  ["cross-site", "no-cors", 403],
  ["cross-site", "cors", 403],
  ["same-site", "no-cors", 403],
];

for (const [site, mode, status] of sites) {
  test(`guard() asked by a browser, ${site}, to ${mode}: ${status}`, async () => {
    const headers = { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode };
    for (const client of [LOOPBACK, NETWORK]) {
      const app = guarded({ ...NONE, allowAnonymous: true });
      assert.equal((await ask(app, client, "/metrics", headers)).status, status);
    }
  });
}

test("guard() shows a browser the form where a program is told of the token", async () => {
  const app = guarded(LOCKED);
  const response = await ask(app, NETWORK, "/peers?q=2001::%2F32&x=%22", BROWSER);
  assert.equal(response.status, 401);
  const page = await response.text();
  assert.match(page, /<form method="post" action="\.\/login">/);
  assert.match(page, /name="next" value="peers\?q=2001::%2F32&amp;x=%22"/);
  assert.doesNotMatch(page, /role="alert"/);
  const deep = await (await ask(app, NETWORK, "/a/b", BROWSER)).text();
  assert.match(deep, /action="\.\.\/login"/);
  assert.match(deep, /value="a\/b"/);
});

test("guard() gives a session for the token, and the session opens the pages", async () => {
  const app = guarded(LOCKED);
  const done = await logIn(app, ` ${TOKEN}\n`, "peers?q=1");
  assert.equal(done.status, 303);
  assert.equal(done.headers.get("location"), "./peers?q=1");
  const cookie = done.headers.get("set-cookie")!;
  const parts = cookie.split("; ");
  assert.match(parts[0]!, /^teredo_relay=[0-9a-z]+\.[\w-]{43}$/);
  assert.deepEqual(parts.slice(1), ["Max-Age=86400", "HttpOnly", "SameSite=Strict"]);
  assert.ok(!cookie.includes(TOKEN));
  const asked = (text: string) => ask(app, NETWORK, "/status", { Cookie: text });
  assert.equal((await asked(parts[0]!)).status, 200);
  assert.equal((await asked(`a=b; teredo_relay=old; ${parts[0]}; c=d`)).status, 200);
  assert.equal((await asked(parts[0]!.replace("teredo_relay", "teredo_server"))).status, 401);
});

const schemes: readonly (readonly [Record<string, string>, secure: boolean])[] = [
  [{ "X-Forwarded-Proto": "https" }, true],
  [{ Forwarded: "for=203.0.113.5;proto=https" }, true],
  [{ Forwarded: 'for=203.0.113.5; Proto="https"' }, true],
  [{ "X-Forwarded-Proto": "http", Via: "https" }, false],
  [{ Forwarded: "for=https;proto=http" }, false],
];

for (const [headers, secure] of schemes) {
  test(`guard() gives a session ${secure ? "for https alone" : "for any"} behind ${JSON.stringify(headers)}`, async () => {
    const done = await logIn(guarded(LOCKED), TOKEN, "", headers, LOOPBACK);
    assert.equal(done.headers.get("set-cookie")!.split("; ").includes("Secure"), secure);
  });
}

test("guard() tells a person that the token was wrong, and keeps where he wanted to", async () => {
  const response = await logIn(guarded(LOCKED), "no", "peers");
  assert.equal(response.status, 401);
  assert.equal(response.headers.get("set-cookie"), null);
  const page = await response.text();
  assert.match(page, /<p id="problem" role="alert">This token is wrong<\/p>/);
  assert.match(page, /name="next" value="peers"/);
});

const nexts: readonly (readonly [next: string, location: string])[] = [
  ["//evil.example/", ".///evil.example/"],
  ["https://evil.example/", "./https://evil.example/"],
  ["\\\\evil.example", "./\\\\evil.example"],
  ["x\r\nSet-Cookie: a=b", "./"],
  ["javascript:alert(1)", "./javascript:alert(1)"],
];

for (const [next, location] of nexts) {
  test(`guard() leads from the form to nowhere else: ${JSON.stringify(next)}`, async () => {
    const done = await logIn(guarded(LOCKED), TOKEN, next);
    assert.equal(done.headers.get("location"), location);
    const from = "https://relay.example/teredo/login";
    assert.equal(new URL(location, from).origin, "https://relay.example");
  });
}

test("guard() quotes what it was asked for, and runs none of it", async () => {
  const next = `"><script>alert(1)</script>`;
  const page = await (await logIn(guarded(LOCKED), "no", next)).text();
  assert.ok(!page.includes("<script"), page);
});

test("guard() has no form where nobody needs one, and none where nobody is let in", async () => {
  for (const method of ["GET", "POST"]) {
    const local = await ask(guarded(LOCKED), LOOPBACK, "/login", BROWSER, { method });
    assert.deepEqual([local.status, local.headers.get("location")], [303, "./"]);
    const closed = await ask(guarded(NONE), NETWORK, "/login", BROWSER, { method });
    assert.equal(closed.status, 403);
  }
  const form = await ask(guarded(LOCKED), NETWORK, "/login", BROWSER);
  assert.equal(form.status, 200);
  assert.match(await form.text(), /<form /);
});

test("guard() goes by the rules of the moment, and a session ends with its token", async () => {
  let rules = LOCKED;
  const app = guard(pages, { scope: "relay", rules: () => rules });
  const Cookie = (await logIn(app, TOKEN)).headers.get("set-cookie")!.split(";")[0]!;
  const statuses = async () => [
    (await ask(app, NETWORK, "/status", { Cookie })).status,
    (await ask(app, NETWORK, "/status", BEARER)).status,
  ];
  assert.deepEqual(await statuses(), [200, 200]);
  rules = { ...LOCKED, token: `${TOKEN}2` };
  assert.deepEqual(await statuses(), [401, 401]);
  rules = NONE;
  assert.deepEqual(await statuses(), [403, 403]);
  rules = LOCKED;
  assert.deepEqual(await statuses(), [200, 200]);
});

test("guard() refuses more than ten wrong tokens of one address, and still lets in who has it", async () => {
  const wrong: string[] = [];
  const app = guarded(LOCKED, { wrong });
  const bad = { Authorization: "Bearer wrong" };
  const first = await Promise.all(Array.from({ length: 10 }, () => ask(app, NETWORK, "/", bad)));
  assert.ok(first.every(({ status }) => status === 401));
  for (let i = 0; i < 2_000; i++) {
    const { status, headers } = await ask(app, NETWORK, "/status", bad);
    assert.equal(status, 429);
    const wait = Number(headers.get("retry-after"));
    assert.ok(wait >= 1 && wait <= 6, `${wait}`);
  }
  assert.equal((await logIn(app, "wrong")).status, 429);
  assert.equal((await ask(app, NETWORK, "/status", BEARER)).status, 200);
  assert.equal((await logIn(app, TOKEN)).status, 303);
  const neighbour: Client = { way: "network", address: "192.0.2.78" };
  assert.equal((await ask(app, neighbour, "/status", bad)).status, 401);
  assert.deepEqual([...new Set(wrong)], ["192.0.2.77", "192.0.2.78"]);
  assert.equal(wrong.length, 11);
});

test("guard() does not count who has no token at all", async () => {
  const wrong: string[] = [];
  const app = guarded(LOCKED, { wrong });
  for (let i = 0; i < 50; i++) {
    assert.equal((await ask(app, NETWORK, "/", { Cookie: "teredo_relay=zz" })).status, 401);
  }
  assert.deepEqual(wrong, []);
});

test("Failures.add() gives an allowance back with time, and holds 1,024 at the most", () => {
  const failures = new Failures();
  let now = 1_000;
  for (let i = 0; i < 10; i++) assert.equal(failures.add("a", now), 0);
  assert.equal(failures.add("a", now), 6_000);
  assert.equal(failures.add("a", now + 2_000), 4_000);
  now += 6_000;
  assert.equal(failures.add("a", now), 0);
  assert.equal(failures.add("a", now), 6_000);
  now += 60_000;
  for (let i = 0; i < 10; i++) assert.equal(failures.add("a", now), 0);
  assert.ok(failures.add("a", now) > 0);
  for (let i = 0; i < 100_000; i++) failures.add(`b${i}`, now);
  assert.equal(failures.size, 1_024);
});

const sources: readonly (readonly [Client, string | undefined, string])[] = [
  [NETWORK, undefined, "192.0.2.77"],
  [NETWORK, "203.0.113.5", "192.0.2.77"],
  [{ way: "network", address: "::ffff:192.0.2.9" }, undefined, "192.0.2.9"],
  [{ way: "network", address: "2001:db8::1:2:3:4" }, undefined, "2001:db8::"],
  [{ way: "network", address: "fe80::1%eth0" }, undefined, "fe80::"],
  [LOOPBACK, "198.51.100.1, 203.0.113.5", "203.0.113.5"],
  [LOOPBACK, "203.0.113.5, x<y>", "loopback"],
  [UNIX, "2001:db8:1:2:3::4", "2001:db8:1:2::"],
  [UNIX, undefined, "unix"],
];

for (const [client, forwarded, want] of sources) {
  test(`sourceOf() a client by ${client.way} at ${client.address}, for ${forwarded}: ${want}`, () => {
    const headers = new Headers(forwarded === undefined ? {} : { "X-Forwarded-For": forwarded });
    assert.equal(sourceOf(client, headers), want);
  });
}

test("Key.isSession() knows its own sessions for a day, at any process that has the token", () => {
  const key = new Key(TOKEN, "relay");
  const start = Date.parse("2026-11-29T00:00:00Z");
  const session = key.session(start);
  assert.ok(key.isSession(session, start));
  assert.ok(new Key(TOKEN, "relay").isSession(session, start + SESSION_TIME - 1));
  assert.ok(!key.isSession(session, start + SESSION_TIME));
  assert.ok(!new Key(TOKEN, "server").isSession(session, start));
  assert.ok(!new Key(`${TOKEN}x`, "relay").isSession(session, start));
  const [end, mac] = session.split(".") as [string, string];
  const later = (parseInt(end, 36) + 1).toString(36);
  for (
    const forged of [
      "",
      ".",
      mac,
      `${end}.`,
      `${later}.${mac}`,
      `${end}.${mac}x`,
      `${end}.${mac.slice(1)}`,
    ]
  ) {
    assert.ok(!key.isSession(forged, start), forged);
  }
});
