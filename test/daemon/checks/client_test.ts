import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { ClientConfig, ServerName } from "#src/config/config.ts";
import { checkHook, checkMiredoHook } from "#src/daemon/checks/client/hook.ts";
import { checkClient } from "#src/daemon/checks/client/mod.ts";
import { checkServers, type Resolve } from "#src/daemon/checks/client/servers.ts";
import { checkSurroundings } from "#src/daemon/checks/client/surroundings.ts";
import { checkRole } from "#src/daemon/checks/role.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import type { Filtered, FilterReport, Traffic } from "#src/daemon/host/traffic.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  clientConfig,
  type Facts,
  fakeHost,
  IN_USE,
  REFUSED,
  relayConfig,
  sentBy,
  serverConfig,
} from "./fake_host.ts";

const PROCESS = clientConfig().process;
const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [65_534] };

/** A host behind a NAT, with no IPv6 but link-local. */
const fit: Facts = { way6: () => REFUSED };

/** Lines of `check client` that are not ok. */
function amiss(facts: Facts, changes: Partial<ClientConfig> = {}): string[] {
  const config = { relay: relayConfig(), server: serverConfig(), client: clientConfig(changes) };
  const results = checkRole(fakeHost({ ...fit, ...facts }), "client", config);
  return results.filter(({ verdict }) => verdict !== "ok").map(formatCheck);
}

test("checkClient() of a fit host has nothing to say but ok, each point once", () => {
  const results = checkClient(fakeHost(fit), clientConfig());
  const names = results.map(({ name }) => name);
  assert.deepEqual([amiss({}), new Set(names).size], [[], names.length]);
  for (const name of ["privileges", "tun", "ipv6", "ipv4_route", "service_route", "native"]) {
    assert.ok(names.includes(name), name);
  }
});

const points: readonly (readonly [string, Facts, Partial<ClientConfig>, RegExp])[] = [
  ["without rights", { capabilities: [] }, {}, /^FAIL privileges: .*CAP_NET_ADMIN CAP_NET_RAW/],
  [
    "with `user` where commands set up interfaces",
    { keepsApart: false, user: () => NOBODY },
    { process: { ...PROCESS, user: "nobody" } },
    /^FAIL keeping: with `user` nothing could give the interface its address, .*; mend: leave out `user`$/,
  ],
  [
    "with `user` and `chroot` where commands set up interfaces",
    { keepsApart: false, user: () => NOBODY },
    { process: { ...PROCESS, user: "nobody", chroot: "/var/empty" } },
    /^FAIL keeping: with `user` and `chroot` .*; mend: leave out `user` and `chroot`$/,
  ],
  ["without a TUN device", { openTunDevice: 2 }, {}, /^FAIL tun: .*; mend: /],
  [
    "whose interface is another program's",
    { tun: () => ({ verdict: "fail", detail: "teredo is of miredo", mend: "stop it" }) },
    {},
    /^FAIL tun: teredo is of miredo; mend: stop it$/,
  ],
  [
    "with IPv6 off",
    { variables: { "net/ipv6/conf/all/disable_ipv6": "1" } },
    {},
    /^FAIL ipv6: .*; mend: sysctl/,
  ],
  [
    "without an IPv4 route, which is waited for",
    { way4: () => REFUSED },
    {},
    /^warn ipv4_route: this host has no IPv4 route to the Internet, so that the client waits for one; mend: ip route add/,
  ],
  [
    "without an IPv4 address, which is waited for",
    { way4: () => REFUSED, hasIpv4: () => false },
    {},
    /^warn ipv4_route: this host has no IPv4 address, so that the client waits/,
  ],
  [
    "without the address that is to be bound",
    { takes4: () => false },
    { bindAddress: parseIpv4("192.0.2.77")! },
    /^FAIL address: 192\.0\.2\.77 is not on this host; mend: /,
  ],
  [
    "whose port is taken",
    { refusesUdp: () => IN_USE, udpOwner: () => ({ pid: 7, name: "miredo" }) },
    { bindPort: 40_000 },
    /^FAIL port: UDP 0\.0\.0\.0:40000 is taken by miredo \(process 7\); mend: .*choose another bind_port$/,
  ],
  [
    "whose port is the first there is",
    { refusesUdp: () => IN_USE, udpOwner: () => ({ pid: 7, name: "miredo" }) },
    { bindPort: 1 },
    /^FAIL port: UDP 0\.0\.0\.0:1 is taken by miredo/,
  ],
  [
    "with a relay's route",
    {
      serviceRoute: () => ({ verdict: "fail", detail: "2001::/32 is teredo0's", mend: "stop it" }),
    },
    {},
    /^FAIL service_route: 2001::\/32 is teredo0's; mend: stop it$/,
  ],
  [
    "with native IPv6",
    { way6: () => sentBy("eth0", parseIpv6("2a00::7")!) },
    {},
    /^warn native: this host has IPv6 by eth0 \(2a00::7\): the client stands back and waits; mend: .*when_native/,
  ],
  [
    "whose hook is not there",
    {},
    { hook: "/nowhere/hook" },
    /^FAIL hook: there is no file \/nowhere\/hook; mend: correct the path that `hook` names$/,
  ],
];

for (const [name, facts, changes, want] of points) {
  test(`checkClient() of a host ${name}`, () => {
    const lines = amiss(facts, changes);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0]!, want);
  });
}

const native: readonly (readonly [string, string, boolean])[] = [
  ["a global address", "2a00::7", true],
  ["a laboratory's", "2001:db8::7", true],
  ["Teredo's own, by another interface", "2001:0:c000:201::7", false],
  ["6to4", "2002:c000:201::7", false],
  ["a unique local one", "fd00::7", false],
  ["a link-local one", "fe80::7", false],
];

for (const [name, source, isNative] of native) {
  test(`C-01 checkClient() takes ${name} for ${isNative ? "" : "no "}native IPv6`, () => {
    const facts = { way6: () => sentBy("eth0", parseIpv6(source)!) };
    assert.equal(amiss(facts).length, isNative ? 1 : 0);
    for (const whenNative of ["relay", "keep"] as const) {
      assert.deepEqual(amiss(facts, { whenNative }), []);
    }
  });
}

test("checkMiredoHook() names a hook that somebody has changed; checkHook() takes one that is set", () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-hook-"));
  try {
    const path = join(folder, "client-hook");
    const miredo = {
      paths: [path],
      unchanged: ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    };
    assert.deepEqual(checkMiredoHook(undefined, miredo), []);
    writeFileSync(path, "abc");
    assert.deepEqual(checkMiredoHook(undefined, miredo), []);
    writeFileSync(path, "#!/bin/sh\n");
    const [changed] = checkMiredoHook(undefined, miredo);
    assert.match(formatCheck(changed!), /^warn hook: .* is not run: .*write hook = .*client-hook/);
    chmodSync(path, 0o755);
    assert.deepEqual(checkHook(path).map(({ verdict }) => verdict), ["ok"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("checkHook() takes no folder, and nothing that somebody else may change", () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-hook-"));
  const path = join(folder, "hook");
  const said = () => checkHook(path).map(formatCheck).join("\n");
  try {
    mkdirSync(path);
    assert.match(said(), /^FAIL hook: .*hook is no file/);
    rmSync(path, { recursive: true });
    writeFileSync(path, "#!/bin/sh\n");
    assert.match(
      said(),
      /^FAIL hook: .* is no program that can be run; mend: chmod 755/,
    );
    chmodSync(path, 0o755);
    assert.match(said(), /^ok/);
    chmodSync(path, 0o777);
    assert.match(
      said(),
      /^FAIL hook: .*hook: may be written to by everybody, who could have it do/,
    );
    chmodSync(path, 0o755);
    chmodSync(folder, 0o777);
    assert.match(said(), /^FAIL hook: .*the folder .* may be written to by everybody/);
    chmodSync(folder, 0o755);
    assert.match(said(), /^ok/);
    if (process.getuid!() !== 0) return;
    chownSync(path, 65_534, 65_534);
    assert.match(said(), /^FAIL hook: .*hook: belongs to user 65534/);
    chownSync(path, 0, 0);
    chownSync(folder, 65_534, 65_534);
    assert.match(said(), /^FAIL hook: .*the folder .* belongs to user 65534/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What a hook begins with, and what is said of it once it may be run. */
const BEGINNINGS: readonly (readonly [string, RegExp])[] = [
  ["#!/bin/sh\necho", /^ok/],
  ["#! /bin/sh -e\n", /^ok/],
  ["\x7fELF\x02\x01", /^ok/],
  ["", /^warn hook: .*hook begins with no `#!`, .*; mend: let its first line be `#!\/bin\/sh`/],
  ["echo\n", /^warn hook: .*hook begins with no `#!`/],
  ["#!\n", /^FAIL hook: .*hook names no program after `#!`/],
  [
    "#!/nowhere/perl -w\n",
    /^FAIL hook: .*hook is to be run by \/nowhere\/perl, which is no program here; mend: install it, or /,
  ],
  [
    "#!/bin/sh\r\necho\r\n",
    /^FAIL hook: .*hook has the line ends of Windows, .*; mend: save it with those of Unix$/,
  ],
  ["#!/usr/bin/env sh\r\n", /^FAIL hook: .*hook has the line ends of Windows, /],
];

for (const [text, want] of BEGINNINGS) {
  test(`checkHook() of a file that begins with ${JSON.stringify(text)}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-hook-"));
    try {
      const path = join(folder, "hook");
      writeFileSync(path, text, { mode: 0o755 });
      chmodSync(path, 0o755);
      assert.match(checkHook(path).map(formatCheck).join("\n"), want);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

const CODES: Readonly<Record<string, string>> = { gone: "ENOTFOUND", deaf: "EAI_AGAIN" };
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "one.example": ["192.0.2.1"],
  "two.example": ["192.0.2.1", "198.51.100.1"],
  "turned.example": ["192.0.2.2", "192.0.2.1"],
  "none.example": [],
  "inner.example": ["10.0.0.1"],
  "here.example": ["127.0.0.1"],
};

const resolve: Resolve = (name) => {
  const code = CODES[name.split(".")[0]!];
  if (code !== undefined) return Promise.reject(Object.assign(new Error(name), { code }));
  return Promise.resolve(KNOWN[name]!.map((text) => parseIpv4(text)!));
};

const server = (text: string): ServerName => {
  const [host = "", secondary] = text.split("/");
  return { host, secondary };
};

const servers: readonly (readonly [string, readonly string[]])[] = [
  ["one.example", ["ok   servers: one.example is 192.0.2.1"]],
  ["192.0.2.1", ["ok   servers: 192.0.2.1"]],
  [
    "two.example",
    [
      "ok   servers: two.example is 192.0.2.1",
      "ok   servers: two.example is 198.51.100.1",
    ],
  ],
  [
    "192.0.2.1/192.0.2.2",
    ["ok   servers: 192.0.2.1", "ok   secondary: 192.0.2.2 is 192.0.2.1 plus one"],
  ],
  [
    "turned.example/192.0.2.2",
    [
      "ok   servers: turned.example is 192.0.2.2",
      "ok   servers: turned.example is 192.0.2.1",
      "ok   secondary: 192.0.2.2 is 192.0.2.1 plus one",
    ],
  ],
  [
    "here.example/192.0.2.2",
    [
      "FAIL servers: here.example is 127.0.0.1, which is no address of a public host: peers refuse it; " +
      "mend: name another server; docs/client.md lists some",
    ],
  ],
  [
    "192.0.2.1/two.example",
    [
      "ok   servers: 192.0.2.1",
      "warn secondary: 192.0.2.1 is not 192.0.2.1 plus one: where it is not of the same server its " +
      "answers count for nothing, and whether the NAT is symmetric shows by another server alone; " +
      "mend: name the server without a secondary address, unless its owner says so",
    ],
  ],
  [
    "10.0.0.1/10.0.0.2",
    [
      "FAIL servers: 10.0.0.1, which is no address of a public host: peers refuse it; mend: name " +
      "another server; docs/client.md lists some",
      "ok   secondary: 10.0.0.2 is 10.0.0.1 plus one",
    ],
  ],
  [
    "10.0.0.1/10.0.0.9",
    [
      "FAIL servers: 10.0.0.1, which is no address of a public host: peers refuse it; mend: name " +
      "another server; docs/client.md lists some",
      "warn secondary: 10.0.0.9 is not 10.0.0.1 plus one: where it is not of the same server its " +
      "answers count for nothing, and whether the NAT is symmetric shows by another server alone; " +
      "mend: name the server without a secondary address, unless its owner says so",
    ],
  ],
  [
    "gone.example",
    [
      "FAIL servers: there is no host gone.example with an IPv4 address; mend: name another server; " +
      "docs/client.md lists some",
    ],
  ],
  [
    "none.example",
    [
      "FAIL servers: none.example has no IPv4 address; mend: name another server; docs/client.md lists " +
      "some",
    ],
  ],
  [
    "deaf.example",
    [
      "FAIL servers: deaf.example cannot be looked up: EAI_AGAIN; mend: let this host reach its name " +
      "servers, or write the server's address",
    ],
  ],
  [
    "one.example gone.example",
    [
      "ok   servers: one.example is 192.0.2.1",
      "warn servers: there is no host gone.example with an IPv4 address; mend: name another server; " +
      "docs/client.md lists some",
    ],
  ],
  [
    "here.example",
    [
      "FAIL servers: here.example is 127.0.0.1, which is no address of a public host: peers refuse it; " +
      "mend: name another server; docs/client.md lists some",
    ],
  ],
];

for (const [texts, want] of servers) {
  test(`checkServers() C-02 ${texts}`, async () => {
    const results = await checkServers(texts.split(" ").map(server), resolve);
    assert.deepEqual(results.map(formatCheck), want);
  });
}

const BY = "policy of chain input of table inet filter";
const filtered = (traffic: Traffic, certain: boolean, packets = traffic.packets): Filtered => (
  { traffic, packets, certain, doubt: undefined, by: BY, mend: "none" }
);
const report = (changes: Partial<FilterReport>): FilterReport => (
  { filtered: [], handled: [], asked: [], seen: ["nftables"], unseen: [], ...changes }
);

const exposures: readonly (readonly [string, Facts["filters"], RegExp])[] = [
  [
    "nothing filters",
    () => report({}),
    /^warn exposure: whoever knows .* by teredo, past the NAT; mend: .*docs\/client\.md$/,
  ],
  [
    "a policy drops",
    (traffic) => report({ filtered: traffic().map((it) => filtered(it, true)) }),
    /^ok {3}exposure: what comes in by teredo unasked is dropped by policy of chain input/,
  ],
  [
    "a rule drops TCP alone",
    (traffic) =>
      report({ filtered: traffic().map((it) => filtered(it, true, it.packets.slice(0, 1))) }),
    /^warn exposure: /,
  ],
  [
    "it is not certain",
    (traffic) => report({ filtered: traffic().map((it) => filtered(it, false)) }),
    /^warn exposure: /,
  ],
  ["nobody knows", () => undefined, /^note exposure: cannot tell who is let in by teredo: /],
  [
    "it may not be looked at",
    () => report({ seen: [], unseen: ["nftables: not permitted"] }),
    /^note exposure: cannot tell who is let in by teredo: nftables: not permitted$/,
  ],
];

for (const [name, filters, want] of exposures) {
  test(`C-05 checkSurroundings() where ${name}`, async () => {
    const host = fakeHost({ filters: filters! });
    const surroundings = { resolve, textOf: () => undefined };
    const results = await checkSurroundings(host, clientConfig(), surroundings);
    assert.match(formatCheck(results.at(-1)!), want);
  });
}

test("C-05 checkSurroundings() of a client that may relay for its host asks about the host's own addresses too", async () => {
  const closedTo = (subject: RegExp) => (traffic: () => readonly Traffic[]) =>
    report({
      filtered: traffic().filter((it) => subject.test(it.subject)).map((it) => filtered(it, true)),
    });
  const exposureWith = async (subject: RegExp) => {
    const host = fakeHost({ filters: closedTo(subject) });
    const surroundings = { resolve, textOf: () => undefined };
    const client = clientConfig({ whenNative: "relay" });
    return formatCheck((await checkSurroundings(host, client, surroundings)).at(-1)!);
  };
  assert.match(await exposureWith(/./), /^ok {3}exposure: /);
  // As a rule that matches `ip6 daddr 2001::/32`.
  assert.match(await exposureWith(/Teredo address/), /^warn exposure: whoever knows .* own IPv6 /);
  assert.match(await exposureWith(/own addresses/), /^warn exposure: whoever knows .* Teredo /);
});

test("checkSurroundings() names each program that may set up the interface, with what has it not", async () => {
  const host = fakeHost({
    interfaceManagers: () => [{ name: "NetworkManager", mend: "copy a file" }],
  });
  const results = await checkSurroundings(host, clientConfig(), {
    resolve,
    textOf: () => undefined,
  });
  assert.deepEqual(results.filter(({ name }) => name === "managers").map(formatCheck), [
    "warn managers: NetworkManager runs, and may set up teredo as well; what it changes is put right " +
    "again; mend: copy a file",
  ]);
});
