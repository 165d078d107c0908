import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { Config, Role } from "#src/config/config.ts";
import { readRegularFile, searchPlaces } from "#src/config/files.ts";
import { loadConfig, type LoadedConfig } from "#src/config/load.ts";
import { placeOfSecret, whyNoSecret } from "#src/config/secret_file.ts";
import { ConfigError } from "#src/errors.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { memoryFiles } from "./memory_files.ts";

const FILE = "/etc/teredo/teredo.ini";

const SERVER = "[server]\nbind_address = 192.0.2.1\n";

function load(role: Role, text: string, overrides: Record<string, string> = {}): LoadedConfig {
  return loadConfig(role, { path: FILE, overrides, readFile: memoryFiles({ [FILE]: text }) });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((text) => text.replaceAll(`${FILE}:`, ":"));
  }
  return [];
}

test("loadConfig() without a file gives the defaults, and tells where it looked", () => {
  const { config, notices } = loadConfig("relay", { readFile: memoryFiles({}) });
  assert.deepEqual(notices, [
    "no configuration file: looked at /etc/teredo/teredo.ini, /usr/local/etc/teredo.ini, " +
    "/etc/miredo/miredo.conf, /etc/miredo.conf, /usr/local/etc/miredo.conf",
  ]);
  const named = { overrides: { "client.servers": "192.0.2.1" }, readFile: memoryFiles({}) };
  assert.deepEqual(loadConfig("client", named).notices, [], "whose servers are named needs none");
  assert.equal(config.file, undefined);
  assert.deepEqual(config.relay, {
    type: "relay",
    interfaceName: "teredo",
    interfaceMtu: 1280,
    bindAddress: 0,
    bindPort: 3545,
    prefix: 0x20010000,
    served: "any",
    refuseReserved: false,
    maxPeers: 1_048_576,
    holdPackets: 8,
    holdBytes: 10_240,
    holdAge: 10_000,
    holdMemory: 16_777_216,
    icmpRate: 10,
    icmpBurst: 10,
    challengeRate: 100,
    newPeerRate: 1_000,
    bubbleRate: 10_000,
    addressBubbleRate: 1_000,
    socketBuffer: 4_194_304,
    offloads: "auto",
    fastPath: "auto",
    fastPathPeers: 65_536,
    workers: "auto",
    drainTime: 1_000,
    routeMetric: 10,
    announce: false,
    announceMetric: 9,
    announceProtocol: 201,
    process: { user: undefined, chroot: undefined, pidFile: undefined, sandbox: "auto" },
  });
  assert.equal(config.status.port, 9545);
});

for (const role of ["relay", "server"] as const) {
  test(`loadConfig() of a ${role} takes the first file of the places, in their order`, () => {
    const places = searchPlaces(role);
    const content = (place: string) =>
      place.endsWith(".ini") ? `[relay]\n${SERVER}` : (
        role === "relay" ? "RelayType relay\n" : "ServerBindAddress 192.0.2.1\n"
      );
    for (const [i, place] of places.entries()) {
      const files = Object.fromEntries(places.slice(i).map((p) => [p, content(p)]));
      assert.equal(loadConfig(role, { readFile: memoryFiles(files) }).config.file, place);
    }
  });
}

test("loadConfig() does not pass over a file that it may not read", () => {
  const readFile = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  assert.deepEqual(problemsOf(() => loadConfig("relay", { readFile })), [
    ": not allowed to read it; check owner and mode",
  ]);
});

test("loadConfig() freezes the configuration in depth", () => {
  const { config } = load(
    "server",
    "[relay]\nserved = 2001:db8::/32\n[server]\nbind_address = 192.0.2.1\n",
  );
  assert.throws(() => {
    (config.relay as { bindPort: number }).bindPort = 1;
  }, TypeError);
  assert.ok(Object.isFrozen(config.relay.served) && Object.isFrozen(config.relay.process));
  assert.ok(Object.isFrozen(config.server.secrets) && Object.isFrozen(config));
});

test("loadConfig() takes the seeds' relay file unchanged", () => {
  const { config, notices } = loadConfig("relay", { path: "test/data/config/miredo.conf" });
  assert.deepEqual(notices, []);
  const { relay } = config;
  assert.equal(relay.type, "relay");
  assert.equal(relay.interfaceName, "teredo");
  assert.equal(formatIpv4(relay.bindAddress), "198.51.100.50");
  assert.equal(relay.bindPort, 3545);
  assert.equal(relay.prefix, 0x20010000);
  assert.equal(relay.interfaceMtu, 1280);
});

test("loadConfig() takes the seeds' server file unchanged", () => {
  const { config, notices } = loadConfig("server", { path: "test/data/config/miredo-server.conf" });
  assert.deepEqual(notices, []);
  const { server } = config;
  assert.equal(formatIpv4(server.bindAddress!), "198.51.100.1");
  assert.equal(formatIpv4(server.bindAddress2!), "198.51.100.2");
  assert.equal(server.prefix, 0x20010000);
  assert.equal(server.interfaceMtu, 1280);
  assert.equal(config.status.port, 9544);
});

test("loadConfig() of Miredo's syntax: the first of two directives counts, numbers are C's", () => {
  const text =
    "RelayType cone\nBindPort 0x10\nBindPort 7\nInterfaceMTU 02400\nSyslogFacility USER\n";
  const { config } = load("relay", text);
  assert.equal(config.relay.bindPort, 16);
  assert.equal(config.relay.interfaceMtu, 1280);
  assert.deepEqual([config.log.target, config.log.facility], ["syslog", "user"]);
});

test("loadConfig() of Miredo's syntax: AdvertisedAddress is understood", () => {
  const { config } = load(
    "server",
    "ServerBindAddress 10.0.0.4\nAdvertisedAddress 192.0.2.1\nAdvertisedAddress2 192.0.2.2\n",
  );
  assert.equal(config.server.advertisedAddress, parseIpv4("192.0.2.1"));
  assert.equal(config.server.bindAddress2, parseIpv4("10.0.0.5"));
});

test("loadConfig() refuses the other daemon's Miredo file", () => {
  assert.deepEqual(problemsOf(() => load("relay", "ServerBindAddress 192.0.2.1\n")), [
    ": this is a miredo-server.conf; run `teredo server`",
  ]);
  assert.match(
    problemsOf(() => load("server", "RelayType relay\n"))[0]!,
    /this is the miredo.conf of a relay; run `teredo relay`/,
  );
});

const misplaced: readonly (readonly [string, Role, string, string, Record<string, string>?])[] = [
  [
    "a native file of the server",
    "relay",
    SERVER,
    ": for the server only; run `teredo server`, or write `[relay]` with what the relay needs",
    { "relay.served": "self" },
  ],
  [
    "a native file of the relay",
    "server",
    "[relay]\nserved = self\n",
    ": for the relay only; run `teredo relay`, or write `[server]` with what the server needs",
    { "server.bind_address": "192.0.2.1" },
  ],
  [
    "the server's section inside a comment",
    "server",
    "[relay]\n#[server]\n",
    ": for the relay only; run `teredo relay`, or write `[server]` with what the server needs",
    { "server.bind_address": "192.0.2.1" },
  ],
  [
    "a miredo.conf, whatever the flags",
    "server",
    "BindPort 3545\n",
    ": this is the miredo.conf of a relay; run `teredo relay`",
    { "server.bind_address": "192.0.2.1" },
  ],
  [
    "a Teredo client's file",
    "server",
    "ServerAddress 192.0.2.1\n",
    ": with `ServerAddress` and without `RelayType` this is a Teredo client's file; run " +
    "`teredo client`, or write `RelayType relay` for a relay",
    { "server.bind_address": "192.0.2.1" },
  ],
  [
    "an empty file",
    "server",
    "\n# bind_address = 192.0.2.1\n",
    ": no section and no setting in it; write `[server]`, and below it `bind_address = A.B.C.D`",
    { "server.bind_address": "192.0.2.1" },
  ],
];

for (const [name, role, text, want, flags] of misplaced) {
  test(`loadConfig() of a ${role} refuses ${name}`, () => {
    assert.deepEqual(problemsOf(() => load(role, text, flags)), [want]);
  });
}

test("loadConfig() takes a client's file for a relay's when a flag says so", () => {
  const flags = { "relay.type": "relay" };
  const { notices } = load("relay", "ServerAddress 192.0.2.1\n", flags);
  assert.deepEqual(notices, [
    `${FILE}:1: ServerAddress: is for Teredo clients and ignored here; delete it`,
  ]);
});

test("loadConfig() takes a file of Miredo's with directives of both daemons for either", () => {
  const text = "ServerBindAddress 192.0.2.1\nRelayType relay\n";
  assert.deepEqual(problemsOf(() => load("relay", text)), []);
  assert.deepEqual(problemsOf(() => load("server", text)), []);
});

const NOTHING =
  ": no setting of teredo or Miredo in it; write some as teredo.ini(5) has them, or " +
  "name another file";
const text = (content: string) => new TextEncoder().encode(content);
const utf16 = (content: string) =>
  new Uint8Array(new Uint16Array([...content].map((c) => c.charCodeAt(0))).buffer);

const foreign: readonly (readonly [string, Uint8Array, string])[] = [
  ["YAML", text("relay:\n  served: self\n"), NOTHING],
  ["JSON", text('{"relay": {"served": "self"}}\n'), NOTHING],
  ["JSON of several lines", text('{\n  "relay": {\n    "served": "self"\n  }\n}\n'), NOTHING],
  ["HTML", text('<!DOCTYPE html>\n<html lang="en">\n<p>Not found</p>\n'), NOTHING],
  ["a list of users", text("root:x:0:0:root:/root:/bin/bash\n"), NOTHING],
  ["a shell script", text("#!/bin/sh\nexec teredo relay --served self\n"), NOTHING],
  ["prose", text("The relay serves this host only.\n"), NOTHING],
  ["XML", text('<?xml version="1.0"?>\n<relay served="self"/>\n'), NOTHING],
  [
    "TOML",
    text('[package]\nname = "teredo"\n'),
    ":1: [`package`]: unknown section; write one of [relay], [server], [client], [status], [log]",
  ],
  ["a gzip archive", new Uint8Array([0x1f, 0x8b, 8, 0, 0]), ": compressed; unpack it first"],
  [
    "an ELF program",
    new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]),
    ": a program, not a configuration; name another file",
  ],
  ["UTF-16", utf16("[relay]\n"), ": UTF-16; save it as UTF-8"],
  ["UTF-16 with its mark", utf16("\ufeff[relay]\n"), ": UTF-16; save it as UTF-8"],
  [
    "UTF-16 with its mark, of no Latin letter",
    utf16("\ufeffтередо\n"),
    ": UTF-16; save it as UTF-8",
  ],
  [
    "UTF-16 with its mark, big end first, of no Latin letter",
    utf16("\ufeffтередо\n").map((_, i, a) => a[i ^ 1]!),
    ": UTF-16; save it as UTF-8",
  ],
  [
    "UTF-16, big end first",
    utf16("[relay]\n").map((_, i, a) => a[i ^ 1]!),
    ": UTF-16; save it as UTF-8",
  ],
];

for (const [name, bytes, want] of foreign) {
  test(`loadConfig() refuses ${name} from either daemon, whatever the flags`, () => {
    const readFile = () => ({ bytes, mode: 0o644 });
    for (const role of ["relay", "server"] as const) {
      const overrides = role === "server" ? { "server.bind_address": "192.0.2.1" } : {};
      const run = () => loadConfig(role, { path: FILE, overrides, readFile });
      assert.equal(problemsOf(run).at(-1), want);
    }
  });
}

test("loadConfig() lets flags win over the file, and names them in problems", () => {
  const text = "[relay]\nbind_port = 1000\ntype = restricted\n";
  const { config, values } = load("relay", text, { "relay.bind_port": "2000" });
  assert.equal(config.relay.bindPort, 2000);
  assert.equal(values.get("relay.bind_port")!.origin, "--bind-port");
  assert.equal(values.get("relay.type")!.origin, `${FILE}:3`);
  assert.equal(values.get("relay.prefix")!.origin, undefined);
  assert.deepEqual(
    problemsOf(() => load("relay", text, { "relay.bind_port": "x", "status.port": "70000" })),
    [
      "--bind-port: `x` is not a whole number; write it in decimal digits",
      "--status-port: `70000` is out of range; write a number from 0 to 65535",
    ],
  );
});

test("loadConfig() refuses overrides of what is no setting", () => {
  for (const id of ["relay.nonsense", "__proto__", "relay.__proto__"]) {
    const overrides = Object.fromEntries([[id, "1"]]);
    assert.throws(() => load("relay", "", overrides), TypeError);
  }
});

const crossed: readonly (readonly [string, Role, string, string])[] = [
  [
    "no server address",
    "server",
    "[server]\n",
    ": server.bind_address: not set; set the server's primary IPv4 address, here or by the flag --bind-address",
  ],
  [
    "no address after the last",
    "server",
    "[server]\nbind_address = 255.255.255.255\n",
    ":2: bind_address: 255.255.255.255 is not a host's address; write one of this machine's",
  ],
  [
    "any address",
    "server",
    "[server]\nbind_address = 0.0.0.0\n",
    ":2: bind_address: 0.0.0.0 is not a host's address; write one of this machine's",
  ],
  [
    "private address",
    "server",
    "[server]\nbind_address = 10.0.0.1\nbind_address2 = 192.0.2.1\nallow_non_consecutive = yes\n",
    ":2: bind_address: clients cannot reach 10.0.0.1; write a public address, or set advertised_address and advertised_address2",
  ],
  [
    "the same address twice",
    "server",
    `${SERVER}bind_address2 = 192.0.2.1\n`,
    ":3: bind_address2: the same as bind_address; write the address after it",
  ],
  [
    "addresses apart",
    "server",
    `${SERVER}bind_address2 = 192.0.2.9\n`,
    ":3: bind_address2: 192.0.2.9 is not 192.0.2.1 plus one, as Windows clients take it to be; write the next address, or set allow_non_consecutive",
  ],
  [
    "one advertised address",
    "server",
    `${SERVER}advertised_address = 198.51.100.1\n`,
    ":3: advertised_address: set without advertised_address2; advertise both or neither",
  ],
  [
    "advertised addresses apart",
    "server",
    `${SERVER}advertised_address = 198.51.100.1\nadvertised_address2 = 198.51.100.9\n`,
    ":4: advertised_address2: 198.51.100.9 is not 198.51.100.1 plus one, as Windows clients take it to be; write the next address, or set allow_non_consecutive",
  ],
  [
    "a private advertised address",
    "server",
    `${SERVER}advertised_address = 10.0.0.1\nadvertised_address2 = 198.51.100.2\nallow_non_consecutive = yes\n`,
    ":3: advertised_address: clients cannot reach 10.0.0.1; write the public address",
  ],
  [
    "a reserved address, refused",
    "server",
    `${SERVER}refuse_reserved = yes\n`,
    ":2: bind_address: clients cannot reach 192.0.2.1; write a public address, or set advertised_address and advertised_address2",
  ],
  [
    "authentication without secrets",
    "server",
    `${SERVER}require_authentication = yes\n`,
    ":3: require_authentication: no client can authenticate without secrets; set `secrets_file`",
  ],
  [
    "a multicast address",
    "relay",
    "[relay]\nbind_address = 224.0.0.1\n",
    ":2: bind_address: 224.0.0.1 is not a host's address; write one of this machine's",
  ],
  [
    "too little to hold",
    "relay",
    "[relay]\ninterface_mtu = 65507\nhold_bytes = 10KiB\n",
    ":3: hold_bytes: 10240 bytes hold no packet of interface_mtu 65507; write at least 65507",
  ],
  [
    "an MTU above what UDP carries",
    "relay",
    "[relay]\ninterface_mtu = 65508\n",
    ":2: interface_mtu: `65508` is out of range; write a number from 1280 to 65507",
  ],
  [
    "an address before what is no host's",
    "server",
    "[server]\nbind_address = 223.255.255.255\n",
    ":2: bind_address: 223.255.255.255 has no host's address behind it; write one of this machine's",
  ],
  [
    "an address before what clients cannot reach",
    "server",
    "[server]\nbind_address = 9.255.255.255\n",
    ":2: bind_address: clients cannot reach 10.0.0.0; write a public address, or set advertised_address and advertised_address2",
  ],
  [
    "the other advertised address alone",
    "server",
    `${SERVER}advertised_address2 = 198.51.100.1\n`,
    ":3: advertised_address2: set without advertised_address; advertise both or neither",
  ],
  [
    "the same address advertised twice",
    "server",
    `${SERVER}advertised_address = 198.51.100.1\nadvertised_address2 = 198.51.100.1\nallow_non_consecutive = yes\n`,
    ":4: advertised_address2: the same as advertised_address; write the address after it",
  ],
  [
    "no server address, in Miredo's words",
    "server",
    "Prefix 2001::\nServerBindAddress2 192.0.2.2\n",
    ": ServerBindAddress: not set; set the server's primary IPv4 address, here or by the flag --bind-address",
  ],
  [
    "a private address, in Miredo's words",
    "server",
    "ServerBindAddress 10.0.0.1\n",
    ":1: ServerBindAddress: clients cannot reach 10.0.0.1; write a public address, or set AdvertisedAddress and AdvertisedAddress2",
  ],
  [
    "addresses apart, in Miredo's words",
    "server",
    "ServerBindAddress 192.0.2.1\nServerBindAddress2 192.0.2.9\n",
    ":2: ServerBindAddress2: 192.0.2.9 is not 192.0.2.1 plus one, as Windows clients take it to be; write the next address, or set `allow_non_consecutive` of the native syntax (`teredo config convert`)",
  ],
  [
    "less to hold for all than for one",
    "relay",
    "[relay]\nhold_bytes = 1MiB\nhold_memory = 64KiB\n",
    ":3: hold_memory: 65536 bytes for all clients are less than hold_bytes 1048576 for one; write more",
  ],
  [
    "an announcement that what carries packets hides",
    "relay",
    "[relay]\nannounce = yes\nannounce_metric = 10\n",
    ":3: announce_metric: 10 hides behind route_metric 10, so that no routing daemon learns it; write less",
  ],
  [
    "an announcement that is hidden by another route_metric",
    "relay",
    "[relay]\nannounce = yes\nroute_metric = 5\n",
    ": relay.announce_metric: 9 hides behind route_metric 5, so that no routing daemon learns it; write less",
  ],
  [
    "a route that sister relays win over",
    "relay",
    "[relay]\nannounce = yes\nroute_metric = 20\n",
    ":3: route_metric: 20 may lose against the route that another relay announces, so that packets for clients go there; write less than 20",
  ],
  [
    "an announcement that BIRD takes for its own",
    "relay",
    "[relay]\nannounce = yes\nannounce_protocol = 12\n",
    ":3: announce_protocol: 12 is a routing daemon's own, which does not learn what it takes for its own; write e.g. 201",
  ],
  [
    "an announcement that FRR takes for its own",
    "relay",
    "[relay]\nannounce = yes\nannounce_protocol = 186\n",
    ":3: announce_protocol: 186 is a routing daemon's own, which does not learn what it takes for its own; write e.g. 201",
  ],
];

test("loadConfig(): a relay that is announced drains for 10 s, unless told otherwise", () => {
  const drainTime = (text: string) =>
    loadConfig("relay", { path: "c", readFile: memoryFiles({ c: `[relay]\n${text}` }) })
      .config.relay.drainTime;
  assert.equal(drainTime(""), 1_000);
  assert.equal(drainTime("announce = no\n"), 1_000);
  assert.equal(drainTime("announce = yes\n"), 10_000);
  assert.equal(drainTime("announce = yes\ndrain_time = 3s\n"), 3_000);
  assert.equal(drainTime("announce = yes\ndrain_time = 1s\n"), 1_000);
});

test("loadConfig() leaves metrics alone that nothing is announced by", () => {
  const text = "[relay]\nroute_metric = 2000\nannounce_metric = 3000\n";
  const { config } = loadConfig("relay", { path: "c", readFile: memoryFiles({ c: text }) });
  assert.equal(config.relay.routeMetric, 2000);
});

for (const [name, role, text, want] of crossed) {
  test(`checkConfig() names ${name}, and nothing else`, () => {
    assert.deepEqual(problemsOf(() => load(role, text)), [want]);
  });
}

test("checkConfig() names flags where they gave the values", () => {
  const flags = { "server.bind_address": "192.0.2.1", "server.bind_address2": "192.0.2.1" };
  assert.deepEqual(problemsOf(() => load("server", SERVER, flags)), [
    "--bind-address2: the same as --bind-address; write the address after it",
  ]);
});

test("loadConfig() holds a packet of any MTU, unless told otherwise", () => {
  for (
    const text of ["RelayType relay\nInterfaceMTU 65535\n", "[relay]\ninterface_mtu = 65507\n"]
  ) {
    const { interfaceMtu, holdBytes } = load("relay", text).config.relay;
    assert.deepEqual([interfaceMtu, holdBytes], [65_507, 65_507]);
  }
  assert.equal(load("relay", "[relay]\ninterface_mtu = 1400\n").config.relay.holdBytes, 10_240);
  const given = "[relay]\ninterface_mtu = 1400\nhold_bytes = 1400\n";
  assert.equal(load("relay", given).config.relay.holdBytes, 1400);
});

test("checkConfig() leaves the other role's settings alone", () => {
  const both = "[relay]\n[server]\nbind_address = 10.0.0.1\n";
  assert.deepEqual(problemsOf(() => load("relay", both)), []);
});

const noticed: readonly (readonly [string, string, RegExp])[] = [
  [
    "the servers' port",
    "[relay]\nbind_port = 3544\n",
    /:2: bind_port: 3544 is the port of servers/,
  ],
  ["a restricted relay", "[relay]\ntype = restricted\n", /:2: type: a restricted relay is slower/],
  [
    "a status open to all",
    "[status]\naddress = 0.0.0.0\nallow_anonymous = yes\n",
    /:3: allow_anonymous: anyone who reaches 0.0.0.0 can read status and peers; set token_file, or/,
  ],
  [
    "a peer to look at, of which nothing is told",
    "[log]\ndebug_peer = 192.0.2.1\n[relay]\n",
    /:2: debug_peer: tells nothing at this level; set level to debug/,
  ],
];

for (const [name, text, want] of noticed) {
  test(`checkConfig() gives notice of ${name}`, () => {
    assert.match(load("relay", text).notices.join("\n"), want);
  });
}

test("allow_non_consecutive and 1:1 NAT let any pair be bound", () => {
  const nat = `${SERVER.replace("192.0.2.1", "10.0.0.1")}bind_address2 = 10.9.9.9\n` +
    "advertised_address = 192.0.2.1\nadvertised_address2 = 192.0.2.2\n";
  assert.deepEqual(problemsOf(() => load("server", nat)), []);
  const apart = `${SERVER}bind_address2 = 192.0.2.9\nallow_non_consecutive = yes\n`;
  assert.deepEqual(problemsOf(() => load("server", apart)), []);
});

const SECRETS = "/etc/teredo/secrets";

function loadSecrets(text: string, mode = 0o640): Config["server"] {
  const files = { [FILE]: `${SERVER}secrets_file = ${SECRETS}\n`, [SECRETS]: text };
  const readFile = memoryFiles(files, { [SECRETS]: mode });
  return loadConfig("server", { path: FILE, readFile }).config.server;
}

test("readSecrets() takes names and keys in hexadecimal or as text (S-05)", () => {
  const server = loadSecrets(
    "# clients\nalice hex:00112233445566778899aabbccddeeff\n\nbob\ttext:a-very-long-passphrase revoked\r\n",
  );
  assert.deepEqual(server.secrets.map((s) => [s.clientId, s.key.length, s.valid]), [
    ["alice", 16, true],
    ["bob", 22, false],
  ]);
  assert.deepEqual([...server.secrets[0]!.key.subarray(0, 3)], [0, 0x11, 0x22]);
});

test("readSecrets() takes names and keys as long as the encapsulation has room for (S-05)", () => {
  const [name, key] = ["n".repeat(255), "k".repeat(255)];
  const [secret] = loadSecrets(`${name} text:${key}\n`).secrets;
  assert.deepEqual([secret!.clientId, secret!.key.length], [name, 255]);
});

const badSecrets: readonly (readonly [string, string, string])[] = [
  ["no key", "alice\n", "`alice`: has no key; write hex: and pairs of digits, or text: and a word"],
  [
    "a bare key",
    "alice sesame\n",
    "`alice`: has no key; write hex: and pairs of digits, or text: and a word",
  ],
  [
    "half a byte",
    "alice hex:123\n",
    "`alice`: has no key; write hex: and pairs of digits, or text: and a word",
  ],
  [
    "junk",
    `alice text:${"k".repeat(16)} x\n`,
    "`alice`: more behind the key; write nothing or `revoked`",
  ],
  [
    "a key over 255 bytes",
    `alice text:${"k".repeat(256)}\n`,
    "`alice`: key of over 255 bytes; choose a shorter one",
  ],
  [
    "a client twice",
    `a text:${"k".repeat(16)}\n`.repeat(2),
    "`a`: client stands twice; delete one line",
  ],
];

for (const [name, text, want] of badSecrets) {
  test(`readSecrets() names ${name}, and never a key`, () => {
    const [problem] = problemsOf(() => loadSecrets(text));
    assert.ok(problem!.endsWith(want), problem);
    assert.doesNotMatch(problem!, /sesame|kkk/);
  });
}

test("readSecrets() refuses a file that anyone can read", () => {
  assert.deepEqual(problemsOf(() => loadSecrets(`a text:${"k".repeat(16)}\n`, 0o644)), [
    "/etc/teredo/secrets: anyone can read this file of secrets; chmod 640 it",
  ]);
});

const credentials: readonly (readonly [string, string, string | undefined, string])[] = [
  ["a path", "/srv/s", "/run/credentials/teredo", "/srv/s"],
  ["a credential", "secrets", "/run/credentials/teredo", "/run/credentials/teredo/secrets"],
  ["a name where none are handed over", "secrets", undefined, "/etc/teredo/secrets"],
  ["a name where the variable is empty", "secrets", "", "/etc/teredo/secrets"],
  ["a name where the variable is no path", "secrets", "../../tmp", "/etc/teredo/secrets"],
];

for (const [name, secretsFile, folder, want] of credentials) {
  test(`loadConfig() of a server reads secrets by ${name}`, () => {
    const readFile = memoryFiles({
      [FILE]: `${SERVER}secrets_file = ${secretsFile}\n`,
      [want]: `a text:${"k".repeat(16)}\n`,
    }, { [want]: 0o440 });
    const before = process.env["CREDENTIALS_DIRECTORY"];
    try {
      delete process.env["CREDENTIALS_DIRECTORY"];
      if (folder !== undefined) process.env["CREDENTIALS_DIRECTORY"] = folder;
      const { server } = loadConfig("server", { path: FILE, readFile }).config;
      assert.equal(server.secrets[0]!.clientId, "a");
    } finally {
      delete process.env["CREDENTIALS_DIRECTORY"];
      if (before !== undefined) process.env["CREDENTIALS_DIRECTORY"] = before;
    }
  });
}

test("whyNoSecret() names the line of the unit that hands them over", () => {
  const error = (code: string) => Object.assign(new Error("no"), { code });
  const credential = placeOfSecret("keys", undefined, "/run/credentials/x");
  const file = placeOfSecret("/etc/teredo/secrets", undefined, undefined);
  assert.equal(
    whyNoSecret(error("ENOENT"), credential, "secrets_file"),
    "no such credential; write `LoadCredential=keys:PATH` in the unit",
  );
  assert.equal(
    whyNoSecret(error("EACCES"), file, "secrets_file"),
    "not allowed to read it; check owner and mode, or under systemd have it handed over: " +
      "`LoadCredential=secrets:PATH` in the unit, `secrets_file = secrets` here",
  );
});

test("loadConfig() refuses secrets whose name leads elsewhere", () => {
  for (
    const name of ["../shadow", "a/b", "./secrets", "..", ".", "$CREDENTIALS_DIRECTORY/s", "-x"]
  ) {
    assert.match(
      problemsOf(() => load("server", `${SERVER}secrets_file = ${name}\n`))[0] ?? "",
      /:3: secrets_file: .* is neither an absolute path nor the name of a credential; write e\.g\. /,
    );
  }
});

test("loadConfig() of a relay does not touch the server's secrets", () => {
  const readFile = memoryFiles({ [FILE]: `[relay]\n${SERVER}secrets_file = ${SECRETS}\n` });
  assert.deepEqual(loadConfig("relay", { path: FILE, readFile }).config.server.secrets, []);
  assert.deepEqual(problemsOf(() => loadConfig("server", { path: FILE, readFile })), [
    `:4: secrets_file: ${SECRETS}: no such file; check the path`,
  ]);
});

test("readRegularFile() refuses devices and directories", () => {
  for (const path of ["/dev/null", "/dev"]) {
    assert.throws(() => readRegularFile(path), { code: "EINVAL" });
  }
});

/** Deeds in the folder FOLDER, with the file of a configuration to read, and who may change it then. */
const ways: readonly (readonly [string, (folder: string) => string, string])[] = [
  ["a folder above", (folder) => {
    mkdirSync(join(folder, "a/b"), { recursive: true });
    writeFileSync(join(folder, "a/b/teredo.ini"), SERVER);
    chownSync(join(folder, "a"), 65534, 65534);
    return join(folder, "a/b/teredo.ini");
  }, "the folder FOLDER/a belongs to user 65534"],
  ["where a link leads", (folder) => {
    mkdirSync(join(folder, "theirs"));
    writeFileSync(join(folder, "theirs/teredo.ini"), SERVER);
    symlinkSync("theirs/teredo.ini", join(folder, "link.ini"));
    chownSync(join(folder, "theirs"), 65534, 65534);
    return join(folder, "link.ini");
  }, "the folder FOLDER/theirs belongs to user 65534"],
  ["a link to a folder above", (folder) => {
    mkdirSync(join(folder, "open/b"), { recursive: true });
    writeFileSync(join(folder, "open/b/teredo.ini"), SERVER);
    symlinkSync(join(folder, "open/b"), join(folder, "etc"));
    chmodSync(join(folder, "open"), 0o777);
    return join(folder, "etc/teredo.ini");
  }, "the folder FOLDER/open may be written to by everybody"],
  ["a folder that its owner can move", (folder) => {
    mkdirSync(join(folder, "tmp/theirs"), { recursive: true });
    writeFileSync(join(folder, "tmp/theirs/teredo.ini"), SERVER);
    chmodSync(join(folder, "tmp"), 0o1777);
    chownSync(join(folder, "tmp/theirs"), 65534, 65534);
    return join(folder, "tmp/theirs/teredo.ini");
  }, "the folder FOLDER/tmp/theirs belongs to user 65534"],
];

for (const [what, put, want] of ways) {
  test(`loadConfig() tells who else may change what it reads, by ${what}`, () => {
    assert.equal(process.geteuid!(), 0, "this test gives files away: run it as root");
    const folder = mkdtempSync(join(tmpdir(), "teredo-config-"));
    try {
      const path = put(folder);
      assert.deepEqual(loadConfig("server", { path }).notices, [
        `${path}: ${want.replace("FOLDER", folder)}, who thereby chooses what the daemon does; ` +
        "chown it to root and take the right to write from others",
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

const strangers: readonly (readonly [string, number, number, number, string])[] = [
  ["file's owner", 0o644, 65534, 0o755, "belongs to user 65534"],
  ["file's mode", 0o666, 0, 0o755, "may be written to by everybody"],
  ["file's group", 0o664, 0, 0o755, "may be written to by group 65534"],
  ["folder's mode", 0o644, 0, 0o777, "the folder FOLDER may be written to by everybody"],
];

for (const [what, mode, uid, folderMode, want] of strangers) {
  test(`loadConfig() tells who else may change what it reads, by the ${what}`, () => {
    assert.equal(process.geteuid!(), 0, "this test gives files away: run it as root");
    const folder = mkdtempSync(join(tmpdir(), "teredo-config-"));
    try {
      const path = join(folder, "teredo.ini");
      const secrets = join(folder, "secrets");
      writeFileSync(path, `${SERVER}secrets_file = ${secrets}\n`);
      writeFileSync(secrets, `a text:${"k".repeat(16)}\n`, { mode: 0o640 });
      assert.deepEqual(loadConfig("server", { path }).notices, []);
      chownSync(path, uid, uid === 0 && mode === 0o664 ? 65534 : 0);
      chmodSync(path, mode);
      chmodSync(folder, folderMode);
      const [first = ""] = loadConfig("server", { path }).notices;
      assert.equal(
        first,
        `${path}: ${want.replace("FOLDER", folder)}, who thereby chooses what the daemon does; ` +
          "chown it to root and take the right to write from others",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
