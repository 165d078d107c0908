import assert from "node:assert/strict";
import test from "node:test";
import type { ServerName } from "#src/config/config.ts";
import { namesIn, settingsWithNames } from "#src/daemon/client/servers/configured.ts";
import { chooseServers } from "#src/protocol/client/servers/choose.ts";
import { type Answer, RETRIES, ServerNames } from "#src/daemon/client/servers/names.ts";
import { type ServerAddresses, SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { clientConfig } from "../checks/fake_host.ts";
import { FakeClock } from "./fake_clock.ts";

const ip = (text: string) => parseIpv4(text)!;

/** `host` or `host/secondary` */
function names(...texts: readonly string[]): ServerName[] {
  return texts.map((text) => {
    const [host = "", secondary] = text.split("/");
    return { host, secondary };
  });
}

const words = (servers: readonly ServerAddresses[]) =>
  servers.map(({ primary, secondary }) => `${formatIpv4(primary)}/${formatIpv4(secondary)}`);

interface Choice {
  readonly name: string;
  readonly servers: readonly string[];
  readonly found?: Readonly<Record<string, readonly string[]>>;
  readonly want: readonly string[];
}

const CHOICES: readonly Choice[] = [
  {
    name: "C-02: the secondary address is the next one",
    servers: ["192.0.2.1"],
    want: ["192.0.2.1/192.0.2.2"],
  },
  {
    name: "C-02: or the one that is given",
    servers: ["192.0.2.1/198.51.100.7"],
    want: ["192.0.2.1/198.51.100.7"],
  },
  {
    name: "a name counts with all its addresses, from the lowest up",
    servers: ["a.test"],
    found: { "a.test": ["192.0.2.9", "192.0.2.5"] },
    want: ["192.0.2.5/192.0.2.6", "192.0.2.9/192.0.2.10"],
  },
  {
    name: "what a filter answers for a name that it blocks is no server",
    servers: ["a.test", "b.test"],
    found: { "a.test": ["0.0.0.0", "127.0.0.1", "224.0.0.1"], "b.test": ["192.0.2.5"] },
    want: ["192.0.2.5/192.0.2.6"],
  },
  {
    name: "both addresses of one server behind a name are one server",
    servers: ["a.test"],
    found: { "a.test": ["192.0.2.2", "192.0.2.1"] },
    want: ["192.0.2.1/192.0.2.2"],
  },
  {
    name: "the secondary address can have a name",
    servers: ["a.test/b.test"],
    found: { "a.test": ["192.0.2.1"], "b.test": ["192.0.2.200"] },
    want: ["192.0.2.1/192.0.2.200"],
  },
  {
    name: "it belongs to one of a name's addresses only",
    servers: ["a.test/192.0.2.200"],
    found: { "a.test": ["192.0.2.1", "192.0.2.5"] },
    want: ["192.0.2.1/192.0.2.200", "192.0.2.5/192.0.2.6"],
  },
  {
    name: "the same server twice is one",
    servers: ["192.0.2.1", "a.test", "192.0.2.1/192.0.2.9"],
    found: { "a.test": ["192.0.2.1"] },
    want: ["192.0.2.1/192.0.2.2"],
  },
  {
    name: "no two have an address in common",
    servers: ["192.0.2.2", "192.0.2.1"],
    want: ["192.0.2.2/192.0.2.3"],
  },
  { name: "the two addresses of one are two", servers: ["192.0.2.1/192.0.2.1"], want: [] },
  {
    name: "a name without an answer is none",
    servers: ["a.test", "192.0.2.1"],
    want: ["192.0.2.1/192.0.2.2"],
  },
];

for (const { name, servers, found = {}, want } of CHOICES) {
  test(`chooseServers: ${name}`, () => {
    const chosen = chooseServers(names(...servers), (host) => found[host]?.map(ip));
    assert.deepEqual(words(chosen), want);
  });
}

test("chooseServers takes no more than a client can have, however many a name has", () => {
  const many = Array.from({ length: 200 }, (_, i) => ip("192.0.2.0") + 2 * i);
  assert.equal(chooseServers(names("a.test"), () => many).length, SERVERS_MAX);
});

test("namesIn names what has to be looked up, once", () => {
  assert.deepEqual(
    namesIn(names("192.0.2.1", "a.test/b.test", "a.test", "192.0.2.9/c.test")),
    ["a.test", "b.test", "c.test"],
  );
});

test("settingsWithNames names the settings that somebody has to look something up for", () => {
  const settings = (servers: readonly string[], checkHost?: string) =>
    settingsWithNames(clientConfig({ servers: names(...servers), checkHost }));
  assert.deepEqual(settings(["192.0.2.1", "192.0.2.5/192.0.2.9"], "2001:db8::1"), []);
  assert.deepEqual(settings(["192.0.2.1", "192.0.2.5/b.test"]), ["client.servers"]);
  assert.deepEqual(settings(["192.0.2.1"], "host.test"), ["client.check_host"]);
  assert.deepEqual(settings(["a.test"], "host.test"), ["client.servers", "client.check_host"]);
});

/** A resolver whose answers are given, and what comes of it. */
function house(
  servers: readonly string[],
  known: Readonly<Record<string, readonly string[]>> = {},
) {
  const clock = new FakeClock();
  const dns = new Map<string, readonly string[] | string>();
  const said: string[] = [];
  let asked = 0;
  const server = new ServerNames(
    {
      clock,
      lookUp: (host): Promise<Answer> => {
        asked++;
        const found = dns.get(host);
        if (found === undefined) return Promise.resolve({ problem: "EAI_AGAIN" });
        if (typeof found === "string") return Promise.resolve({ problem: found });
        return Promise.resolve({ addresses: found.map(ip) });
      },
      changed: (servers) => said.push(words(servers).join(" ")),
      failed: (host, problem, isKnown) => said.push(`${host} ${problem}${isKnown ? " known" : ""}`),
      answered: (host) => said.push(`${host} answered`),
    },
    names(...servers),
    new Map(Object.entries(known).map(([host, them]) => [host, them.map(ip)])),
  );
  return { clock, dns, said, server, asked: () => asked };
}

test("ServerNames: with name servers down at start it asks again, less and less often", async () => {
  const { clock, dns, said, server, asked } = house(["a.test"]);
  assert.deepEqual(server.servers, []);
  await server.ask();
  assert.deepEqual(said, ["a.test EAI_AGAIN"]);
  for (const [i, delay] of [...RETRIES, 100_000].entries()) {
    await clock.pass(delay - 1);
    assert.equal(asked(), i + 1);
    await clock.pass(1);
    assert.equal(asked(), i + 2);
  }
  dns.set("a.test", ["192.0.2.1"]);
  await clock.pass(100_000);
  assert.deepEqual(said.slice(1), ["a.test answered", "192.0.2.1/192.0.2.2"]);
  await clock.pass(3_600_000);
  assert.equal(asked(), RETRIES.length + 3);
});

test("ServerNames: what a name led to before has to do while it has no answer", async () => {
  const { said, server, dns } = house(["a.test"], {
    "a.test": ["192.0.2.1"],
    "old.test": ["192.0.2.7"],
  });
  assert.deepEqual(words(server.servers), ["192.0.2.1/192.0.2.2"]);
  await server.ask();
  assert.deepEqual(said, ["a.test EAI_AGAIN known"]);
  dns.set("a.test", ["192.0.2.9"]);
  await server.ask();
  assert.deepEqual(said.slice(1), ["a.test answered", "192.0.2.9/192.0.2.10"]);
  assert.deepEqual([...server.known.keys()], ["a.test"]);
});

test("ServerNames: an answer in another order is no news, nor is an empty one an answer", async () => {
  const { said, server, dns } = house(["a.test"]);
  dns.set("a.test", ["192.0.2.9", "192.0.2.1"]);
  await server.ask();
  dns.set("a.test", ["192.0.2.1", "192.0.2.9"]);
  await server.ask();
  dns.set("a.test", []);
  await server.ask();
  assert.deepEqual(said, [
    "192.0.2.1/192.0.2.2 192.0.2.9/192.0.2.10",
    "a.test it has no IPv4 address known",
  ]);
});

/** What a name had, what it is said to have, and what is used then; `why`: it is asked for again. */
const ANSWERS: readonly {
  readonly name: string;
  readonly known: readonly string[];
  readonly answer: readonly string[];
  readonly want: readonly string[];
  readonly why?: string;
}[] = [
  {
    name: "a portal's own address does not replace a public one",
    known: ["23.0.0.1"],
    answer: ["10.0.0.1"],
    want: ["23.0.0.1"],
    why: "it has 10.0.0.1, which is not public, where it had a public address",
  },
  {
    name: "nor do several, link-local and shared ones (RFC 3927, RFC 6598)",
    known: ["10.0.0.7", "192.0.2.1"],
    answer: ["100.64.0.1", "169.254.1.1"],
    want: ["10.0.0.7", "192.0.2.1"],
    why: "it has 100.64.0.1, which is not public, where it had a public address",
  },
  {
    name: "nor does what a filter says of a name that it blocks",
    known: ["23.0.0.1"],
    answer: ["0.0.0.0"],
    want: ["23.0.0.1"],
    why: "it has 0.0.0.0, which is no host's",
  },
  {
    name: "which is no answer at all",
    known: [],
    answer: ["127.0.0.1", "224.0.0.1"],
    want: [],
    why: "it has 127.0.0.1, which is no host's",
  },
  {
    name: "one public address among others is enough",
    known: ["23.0.0.1"],
    answer: ["10.0.0.1", "23.0.0.9"],
    want: ["10.0.0.1", "23.0.0.9"],
  },
  {
    name: "where there were private ones alone, as in labs, others replace them",
    known: ["10.0.0.1"],
    answer: ["10.0.0.9"],
    want: ["10.0.0.9"],
  },
  {
    name: "so do public ones",
    known: ["10.0.0.1"],
    answer: ["23.0.0.9"],
    want: ["23.0.0.9"],
  },
  {
    name: "where nothing is known, private ones are taken",
    known: [],
    answer: ["10.0.0.1"],
    want: ["10.0.0.1"],
  },
];

for (const { name, known, answer, want, why } of ANSWERS) {
  test(`ServerNames: ${name}`, async () => {
    const { clock, dns, said, server, asked } = house(["a.test"], { "a.test": known });
    dns.set("a.test", answer);
    await server.ask();
    assert.deepEqual(server.servers.map(({ primary }) => formatIpv4(primary)), want);
    assert.deepEqual((server.known.get("a.test") ?? []).map(formatIpv4), want);
    assert.deepEqual(server.unresolved, why === undefined ? [] : [{ name: "a.test", why }]);
    await clock.pass(RETRIES[0]! + RETRIES[1]!);
    assert.equal(asked(), why === undefined ? 1 : 3);
    if (why === undefined) return;
    assert.equal(said.length, 1, "it is said once");
    // Who stays there has logged in.
    dns.set("a.test", ["23.0.0.5"]);
    await clock.pass(RETRIES[2]!);
    assert.deepEqual(said.slice(1), ["a.test answered", "23.0.0.5/23.0.0.6"]);
  });
}

test("ServerNames: other servers are taken at once, their names asked for", async () => {
  const { clock, said, server, dns } = house(["a.test"]);
  await server.ask();
  dns.set("b.test", ["192.0.2.5"]);
  server.set(names("192.0.2.1", "b.test"));
  await clock.pass(0);
  assert.deepEqual(said.slice(1), [
    "192.0.2.1/192.0.2.2",
    "192.0.2.1/192.0.2.2 192.0.2.5/192.0.2.6",
  ]);
  assert.deepEqual(server.unresolved, [], "nobody wants the name that has no answer any more");
  server.close();
});
