import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { ClientConfig, Role } from "#src/config/config.ts";
import { diffConfig } from "#src/config/diff.ts";
import { searchPlaces } from "#src/config/files.ts";
import { checkFile, convertFile } from "#src/config/inspect.ts";
import { loadConfig, type LoadedConfig } from "#src/config/load.ts";
import { ConfigError } from "#src/errors.ts";
import { memoryFiles } from "./memory_files.ts";

const FILE = "c";

function load(text: string, flags: Record<string, string> = {}, role: Role = "client") {
  return loadConfig(role, {
    path: FILE,
    overrides: flags,
    readFile: memoryFiles({ [FILE]: text }),
  });
}

function errorsOf(act: () => LoadedConfig): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

const servers = ({ servers }: ClientConfig) =>
  servers.map(({ host, secondary }) => secondary === undefined ? host : `${host}/${secondary}`);

/** A file of Miredo's, and what it makes of `teredo client`. */
interface MiredoCase {
  readonly name: string;
  readonly lines: readonly string[];
  /** Whether miredo-checkconf is content; undefined: it is not asked, as it looks names up. */
  readonly miredo?: boolean;
  /** Of `errors`, `servers` and `notices` what is not there is none. */
  readonly servers?: readonly string[];
  readonly errors?: readonly string[];
  readonly notices?: readonly string[];
}

const AS_IT_IS = "ServerAddress 192.0.2.1";

const miredo: readonly MiredoCase[] = [
  { name: "the least", lines: [AS_IT_IS], miredo: true, servers: ["192.0.2.1"] },
  {
    name: "every directive of a client",
    lines: [
      "RelayType client",
      "InterfaceName teredo0",
      "ServerAddress 192.0.2.1",
      "ServerAddress2 192.0.2.2",
      "BindAddress 0.0.0.0",
      "BindPort 3545",
      "SyslogFacility local1",
    ],
    miredo: true,
    servers: ["192.0.2.1"],
  },
  {
    name: "a name as server",
    lines: ["ServerAddress Teredo.Example"],
    servers: ["teredo.example"],
  },
  {
    name: "autoclient, in whatever case and with a comment",
    lines: ["\trelaytype AutoClient # as ever", "SERVERADDRESS 192.0.2.1 # near"],
    miredo: true,
    servers: ["192.0.2.1"],
  },
  {
    name: "the secondary address first",
    lines: ["ServerAddress2 192.0.2.2", AS_IT_IS],
    miredo: true,
    servers: ["192.0.2.1"],
  },
  {
    name: "another server as secondary address, which Miredo reads and never asks",
    lines: [AS_IT_IS, "ServerAddress2 192.0.2.9"],
    miredo: true,
    servers: ["192.0.2.1"],
    notices: [
      ":2: ServerAddress2: `192.0.2.9` is ignored, as in Miredo, and the secondary address is 192.0.2.2, " +
      "the next one; delete it, or turn the file into a native one by `teredo config convert`, with " +
      "`192.0.2.1/192.0.2.9` in `servers` for one server or `192.0.2.1, 192.0.2.9` for two",
    ],
  },
  {
    name: "another name as secondary address",
    lines: ["ServerAddress a.example", "ServerAddress2 B.example."],
    servers: ["a.example"],
    notices: [
      ":2: ServerAddress2: `B.example.` is ignored, as in Miredo, and the secondary address is the one " +
      "after that of a.example; delete it, or turn the file into a native one by `teredo config convert`, " +
      "with `a.example/b.example` in `servers` for one server or `a.example, b.example` for two",
    ],
  },
  {
    name: "a secondary address beside one that Miredo cannot be told",
    lines: ["ServerAddress 192.0.2.1/192.0.2.9", "ServerAddress2 192.0.2.9"],
    servers: ["192.0.2.1/192.0.2.9"],
  },
  {
    name: "no host as secondary address of a name",
    lines: ["ServerAddress a.example", "ServerAddress2 _"],
    servers: ["a.example"],
    notices: [
      ":2: ServerAddress2: `_` is ignored, as in Miredo, and the secondary address is the one after that " +
      "of a.example; delete it",
    ],
  },
  {
    name: "no host as secondary address, with which Miredo runs and its checkconf is not content",
    lines: [AS_IT_IS, "", "ServerAddress2 2001:db8::1"],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: [
      ":3: ServerAddress2: `2001:db8::1` is ignored, as in Miredo, and the secondary address is 192.0.2.2, " +
      "the next one; delete it",
    ],
  },
  {
    name: "a secondary address alone",
    lines: ["RelayType client", "ServerAddress2 192.0.2.9"],
    miredo: false,
    errors: [
      ": ServerAddress: not set; name a Teredo server, here or behind `teredo client`, e.g. one of " +
      "docs/client.md",
    ],
    notices: [
      ":2: ServerAddress2: nothing without a primary address, ignored; write `ServerAddress` as well, or " +
      "delete the line",
    ],
  },
  {
    name: "a relay's type",
    lines: ["RelayType relay", AS_IT_IS],
    errors: [
      ":1: RelayType: `relay` makes a relay; run `teredo relay`, or write `client` for a client",
    ],
  },
  ...["Cone", "restricted"].map((type): MiredoCase => ({
    name: `a relay's type, ${type}`,
    lines: [AS_IT_IS, `RelayType ${type}`],
    errors: [
      `:2: RelayType: \`${type}\` makes a relay; run \`teredo relay\`, or write \`client\` for a client`,
    ],
  })),
  {
    name: "a type that is none",
    lines: ["RelayType sponge", AS_IT_IS],
    miredo: false,
    errors: [":1: RelayType: `sponge` is not a choice; write client, autoclient"],
  },
  {
    name: "the first of two types, which counts",
    lines: ["RelayType client", "RelayType relay", AS_IT_IS],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: [
      ":2: RelayType: given twice, and the first in line 1 counts; delete one of them",
    ],
  },
  {
    name: "what Miredo's clients do not read",
    lines: [AS_IT_IS, "Prefix 2001:0::", "InterfaceMTU 1400"],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: ["Prefix", "InterfaceMTU"].map((name, i) =>
      `:${i + 2}: ${name}: is for the relay and ignored by the client; delete it`
    ),
  },
  {
    name: "what older versions had",
    lines: [AS_IT_IS, "IgnoreConeBit yes", "defaultroute off"],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: ["IgnoreConeBit", "DefaultRoute"].map((name, i) =>
      `:${i + 2}: ${name}: of old versions of Miredo, ignored; delete it`
    ),
  },
  {
    name: "what no version had that was released",
    lines: [AS_IT_IS, "LocalDiscovery forced"],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: [
      ":2: LocalDiscovery: of no Miredo that was released, ignored; see `local_discovery` of the " +
      "native syntax",
    ],
  },
  {
    name: "a directive of the server's",
    lines: [AS_IT_IS, "ServerBindAddress 198.51.100.1"],
    miredo: false,
    servers: ["192.0.2.1"],
    notices: [":2: ServerBindAddress: is for the server and ignored by the client; delete it"],
  },
  {
    name: "a server's file",
    lines: ["ServerBindAddress 198.51.100.1"],
    miredo: false,
    errors: [": this is a miredo-server.conf; run `teredo server`"],
    notices: [":1: ServerBindAddress: is for the server and ignored by the client; delete it"],
  },
  {
    name: "no server",
    lines: ["InterfaceName teredo"],
    miredo: false,
    errors: [
      ": ServerAddress: not set; name a Teredo server, here or behind `teredo client`, e.g. one of " +
      "docs/client.md",
    ],
  },
  {
    name: "an IPv6 address as server",
    lines: ["ServerAddress 2001:db8::1"],
    errors: [
      ":1: ServerAddress: `2001:db8::1` is no IPv4 address; write A.B.C.D alone, as servers are asked " +
      "at port 3544",
    ],
  },
  {
    name: "a short address",
    lines: ["ServerAddress 192.2"],
    miredo: true,
    errors: [
      ":1: ServerAddress: `192.2` is short for an IPv4 address; write 192.0.0.2 in full",
    ],
  },
  {
    name: "several servers in one line, of which Miredo would look up the whole",
    lines: ["ServerAddress 192.0.2.1/192.0.2.1"],
    errors: [
      ":1: ServerAddress: `192.0.2.1/192.0.2.1` has one address twice; write the secondary one, or none",
    ],
  },
  {
    name: "a wrong primary address, whatever the secondary one is",
    lines: ["ServerAddress -x", "ServerAddress2 _"],
    errors: [
      ":1: ServerAddress: `-x` is neither a host name nor an IPv4 address; write e.g. teredo.example or " +
      "A.B.C.D",
    ],
  },
  ...[[AS_IT_IS, "ServerAddress2 192.0.2.1"], ["ServerAddress2 192.0.2.1", AS_IT_IS]].map((
    lines,
    i,
  ): MiredoCase => ({
    name: `the primary address as secondary one, in line ${2 - i}`,
    lines,
    miredo: true,
    servers: ["192.0.2.1"],
    notices: [
      `:${
        2 - i
      }: ServerAddress2: \`192.0.2.1\` is ignored, as in Miredo, and the secondary address is ` +
      "192.0.2.2, the next one; delete it",
    ],
  })),
  {
    name: "an absolute name (RFC 1034 §3.1)",
    lines: ["ServerAddress Teredo.Example."],
    servers: ["teredo.example"],
  },
  {
    name: "a name with `_`, which resolvers take",
    lines: ["ServerAddress my_server.example"],
    servers: ["my_server.example"],
  },
  ...[".", "a.example..", "192.0.2.1.", "_a.example"].map((host): MiredoCase => ({
    name: `no name, ${host}`,
    lines: [`ServerAddress ${host}`],
    errors: [
      `:1: ServerAddress: \`${host}\` is neither a host name nor an IPv4 address; write e.g. ` +
      "teredo.example or A.B.C.D",
    ],
  })),
  {
    name: "loopback as server",
    lines: ["ServerAddress 127.0.0.1"],
    miredo: true,
    errors: [":1: ServerAddress: 127.0.0.1 is no server's address; write one of a Teredo server"],
  },
  {
    name: "native keys",
    lines: [AS_IT_IS, "servers = 192.0.2.1"],
    miredo: false,
    servers: undefined!,
    errors: [
      ":2: servers: a key of the native syntax; delete it, turn the file into a native one by `teredo " +
      "config convert`, and write `servers = VALUE` there",
    ],
  },
];

for (const c of miredo) {
  test(`loadConfig() of a client and miredo-checkconf: ${c.name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-client-"));
    try {
      const file = join(folder, "miredo.conf");
      writeFileSync(file, c.lines.map((line) => `${line}\n`).join(""));
      if (c.miredo !== undefined) assert.equal(pleasesMiredo(file), c.miredo);
      const found = checkFile(file, { role: "client" });
      const bare = (texts: readonly string[]) => texts.map((text) => text.replace(file, ""));
      assert.deepEqual(bare(found.errors), c.errors ?? []);
      assert.deepEqual(bare(found.notices), c.notices ?? []);
      if (c.servers === undefined) return;
      const { config } = loadConfig("client", { path: file });
      assert.deepEqual(servers(config.client), c.servers);
      // And the same in the native syntax.
      const { text } = convertFile(file, { role: "client" });
      assert.deepEqual(servers(load(text).config.client), c.servers);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function pleasesMiredo(file: string): boolean {
  const PATH = `${process.env["PATH"]}:/usr/sbin`;
  const run = spawnSync("miredo-checkconf", [file], { env: { ...process.env, PATH } });
  if (run.error !== undefined) throw run.error;
  return run.status === 0;
}

test("loadConfig() of a client takes the miredo.conf that Debian installs", () => {
  for (const path of ["/etc/miredo/miredo.conf", "/etc/miredo.conf"]) {
    const { config, notices } = loadConfig("client", { path });
    assert.deepEqual([servers(config.client), notices], [["teredo-debian.remlab.net"], []]);
    assert.equal(config.client.interfaceName, "teredo");
  }
  assert.match(readFileSync("/etc/miredo/miredo.conf", "utf8"), /^ServerAddress\tteredo-debian/m);
});

test("searchPlaces() of a client are ours, then where Miredo looks", () => {
  assert.deepEqual(searchPlaces("client"), searchPlaces("relay"));
  assert.ok(searchPlaces("client").includes("/etc/miredo/miredo.conf"));
});

test("checkFile() knows whose file it is without being told", () => {
  const rolesOf = (text: string) =>
    checkFile(FILE, { readFile: memoryFiles({ [FILE]: text }) }).roles;
  const cases: readonly (readonly [string, readonly Role[]])[] = [
    [`${AS_IT_IS}\n`, ["client"]],
    ["RelayType autoclient\n", ["client"]],
    [`RelayType relay\n${AS_IT_IS}\n`, ["relay"]],
    ["BindPort 3545\n", ["relay"]],
    ["ServerBindAddress 192.0.2.1\n", ["server"]],
    ["[client]\n", ["client"]],
    ["[server]\n[client]\n", ["server", "client"]],
  ];
  for (const [text, want] of cases) assert.deepEqual(rolesOf(text), want, text);
});

const misplaced: readonly (readonly [Role, string, string])[] = [
  [
    "relay",
    "RelayType client\nServerAddress 192.0.2.1\n",
    "c:1: RelayType: `client` makes a Teredo client; run `teredo client`, or write `relay` for a relay",
  ],
  [
    "server",
    "RelayType client\nServerAddress 192.0.2.1\n",
    "c: this is the miredo.conf of a client; run `teredo client`",
  ],
  [
    "relay",
    "[client]\nservers = 192.0.2.1\n",
    "c: for the client only; run `teredo client`, or write `[relay]` with what the relay needs",
  ],
  [
    "client",
    "[relay]\n[server]\nbind_address = 192.0.2.1\n",
    "c: for the relay and the server only; run `teredo relay` or `teredo server`, or write `[client]` " +
    "with what the client needs",
  ],
  [
    "client",
    "# nothing\n",
    "c: no section and no setting in it; write `[client]`, and below it `servers = HOST`",
  ],
];

for (const [role, text, want] of misplaced) {
  test(`loadConfig() of a ${role} refuses ${JSON.stringify(text)}`, () => {
    assert.deepEqual(errorsOf(() => load(text, {}, role)), [want]);
  });
}

const NATIVE = "[client]\nservers = a.example, 192.0.2.1/192.0.2.9 b.example\n";

test("loadConfig() of a client reads its servers in their order, and has the defaults of the issue", () => {
  const { client, status } = load(NATIVE).config;
  assert.deepEqual(servers(client), ["a.example", "192.0.2.1/192.0.2.9", "b.example"]);
  assert.deepEqual(
    [client.routeMetric, client.refresh, client.bindPort, client.whenNative, client.localDiscovery],
    [1_000_000, 30_000, 0, "stand_back", false],
  );
  assert.deepEqual(client.extensions, ["sns", "pp", "ss", "hairpin", "slr"]);
  assert.equal(status.port, 9546);
});

const values: readonly (readonly [string, string, string | undefined])[] = [
  ["servers", "a.example, A.example", "`a.example` stands twice; delete one of them"],
  [
    "servers",
    "a.example:3544",
    "`a.example:3544` is no IPv4 address; write A.B.C.D alone, as servers are asked at port 3544",
  ],
  ["servers", "a.example, A.example.", "`a.example` stands twice; delete one of them"],
  [
    "servers",
    "a.example/A.example.",
    "`a.example/A.example.` has one address twice; write the secondary one, or none",
  ],
  ["servers", "a.example./b.example.", undefined],
  ["servers", "1/2/3", "`1/2/3` has more than two addresses; write PRIMARY/SECONDARY"],
  ["servers", Array.from({ length: 33 }, (_, i) => `h${i}`).join(), "33 servers; write 1 to 32"],
  [
    "servers",
    "\u001b[31mred",
    "`\ufffd[31mred` is neither a host name nor an IPv4 address; write e.g. teredo.example or A.B.C.D",
  ],
  [
    "extensions",
    "sns, upnp",
    "`upnp` does not exist yet; write the others, and open the port by hand",
  ],
  [
    "extensions",
    "sns, magic",
    "`magic` is not a choice; write some of sns, pp, ss, hairpin, slr, or none",
  ],
  ["extensions", "pp, ss", "pp, ss cannot be without `sns`; write it as well, or leave them out"],
  ["extensions", "slr", undefined],
  ["extensions", ",", "`,` is not a choice; write some of sns, pp, ss, hairpin, slr, or none"],
  ["extensions", "none", undefined],
  ["check_host", "2001:db8::1", undefined],
  ["check_host", "ipv6.example.", undefined],
  [
    "check_host",
    "192.0.2.1",
    "`192.0.2.1` is neither a host name nor an IPv6 address; write e.g. ipv6.example",
  ],
  ["hook", "hook.sh", "`hook.sh` is not an absolute path; write it from `/`"],
  ["refresh", "9s", "`9s` is out of range; write 10s to 5min"],
  [
    "route_metric",
    "4294967296",
    "`4294967296` is out of range; write a number from 1 to 4294967295",
  ],
  ["client_id", "alice", "shows servers nothing without a key; set secret_file as well"],
  ["client_id", "", "`` cannot identify a client; write its name of `secret_file`"],
  ["client_id", "a b", "`a b` cannot identify a client; write its name of `secret_file`"],
  [
    "client_id",
    "a\u007f",
    "`a\ufffd` cannot identify a client; write its name of `secret_file`",
  ],
  [
    "client_id",
    "\u00e9".repeat(128), // of two bytes each
    `\`${"\u00e9".repeat(60)}…\` cannot identify a client; write its name of \`secret_file\``,
  ],
  ["bind_address", "224.0.0.1", "224.0.0.1 is not a host's address; write one of this machine's"],
  ["hold_memory", "64KiB", undefined],
];

for (const [key, text, want] of values) {
  test(`loadConfig() of a client: ${key} = ${text.slice(0, 30)}`, () => {
    // Control characters come by a flag alone.
    const flags = { "client.servers": "192.0.2.1", [`client.${key}`]: text };
    const flag = `--${key.replaceAll("_", "-")}`;
    const got = errorsOf(() => load("[client]\n", flags));
    assert.deepEqual(got, want === undefined ? [] : [`${flag}: ${want}`]);
  });
}

const IDENTIFIERS = ["a", "\u00e9".repeat(127) + "a", "a".repeat(255)];

test("loadConfig() of a client takes an identifier of 1 to 255 bytes", () => {
  for (const id of IDENTIFIERS) {
    const flags = { "client.client_id": id, "client.secret_file": "/s" };
    const { config } = loadConfig("client", {
      path: FILE,
      overrides: flags,
      readFile: memoryFiles({
        [FILE]: NATIVE,
        "/s": `${id} hex:00112233445566778899aabbccddeeff\n`,
      }, { "/s": 0o640 }),
    });
    assert.equal(config.client.secret?.clientId, id);
  }
});

test("loadConfig() of a client notices that it would have the port of servers, and no other", () => {
  const noticesOf = (port: string) => load(`${NATIVE}bind_port = ${port}\n`).notices;
  const words = "3544 is the port of servers, and a server on this host needs it; write another";
  assert.deepEqual(noticesOf("3544"), [`${FILE}:3: bind_port: ${words}`]);
  for (const port of ["3543", "3545", "0"]) assert.deepEqual(noticesOf(port), []);
});

test("loadConfig() of a client tells a hook of no interface whose name a shell would read", () => {
  const errorsWith = (name: string, hook: string) =>
    errorsOf(() => load(`${NATIVE}interface_name = ${name}\n${hook}`));
  const words = "has characters that mean something to a shell, and a hook is told no such name";
  assert.deepEqual(errorsWith("te$redo", "hook = /h\n"), [
    `${FILE}:3: interface_name: \`te$redo\` ${words}; write e.g. \`teredo\``,
  ]);
  assert.deepEqual(errorsWith("te$redo", ""), []);
  assert.deepEqual(errorsWith("teredo", "hook = /h\n"), []);
});

test("loadConfig() of a client refuses to keep less for all peers than for one", () => {
  const errorsWith = (lines: string) => errorsOf(() => load(`${NATIVE}${lines}`));
  assert.deepEqual(errorsWith("hold_bytes = 1MiB\nhold_memory = 64KiB\n"), [
    `${FILE}:4: hold_memory: 65536 bytes for all peers are less than hold_bytes 1048576 for one; write more`,
  ]);
  assert.deepEqual(errorsWith("hold_bytes = 64KiB\nhold_memory = 64KiB\n"), []);
});

test("loadConfig() of a client takes absolute names for what they name, in a file and by a flag", () => {
  const text = "[client]\nservers = A.example./b.example., c.example.\ncheck_host = D.example.\n";
  const { client } = load(text).config;
  assert.deepEqual(servers(client), ["a.example/b.example", "c.example"]);
  assert.equal(client.checkHost, "d.example");
  const flagged = load("[client]\n", { "client.servers": "e.example." }).config;
  assert.deepEqual(servers(flagged.client), ["e.example"]);
});

test("loadConfig() of a client chooses its key by its name, or takes the only one", () => {
  const one = "alice hex:00112233445566778899aabbccddeeff\n";
  const two = `${one}bob text:a-very-long-passphrase\n`;
  const loadWith = (secrets: string, id = "") =>
    loadConfig("client", {
      path: FILE,
      readFile: memoryFiles({
        [FILE]: `${NATIVE}secret_file = /s\n${id}`,
        "/s": secrets,
      }, { "/s": 0o640 }),
    });
  assert.equal(loadWith(one).config.client.secret?.clientId, "alice");
  assert.equal(loadWith(two, "client_id = bob\n").config.client.secret?.clientId, "bob");
  const refused: readonly (readonly [string, string, string])[] = [
    [two, "", "/s: 2 clients; say by client_id which of them this is"],
    [
      one,
      "client_id = eve\n",
      "/s: no `eve` in it; add the line `NAME hex:HEX` that the server has",
    ],
    ["", "", "/s: no client in it; add the line `NAME hex:HEX` that the server has"],
    [
      `${one.trim()} revoked\n`,
      "",
      "/s: `alice` is revoked; ask the server's owner for a new key",
    ],
    [
      "alice hex:0\n",
      "",
      "/s:1: `alice`: has no key; write hex: and pairs of digits, or text: and a word",
    ],
  ];
  for (const [secrets, id, want] of refused) {
    assert.deepEqual(errorsOf(() => loadWith(secrets, id)), [want]);
  }
});

test("diffConfig() sees another key in the same file", () => {
  const withKey = (key: string) =>
    loadConfig("client", {
      path: FILE,
      readFile: memoryFiles({ [FILE]: `${NATIVE}secret_file = /s\n`, "/s": `a hex:${key}\n` }, {
        "/s": 0o640,
      }),
    }).config;
  const [a, b] = ["00".repeat(16), "11".repeat(16)].map(withKey);
  assert.deepEqual(diffConfig(a!, a!, "client"), []);
  assert.deepEqual(diffConfig(a!, b!, "client").map(({ id, reload }) => [id, reload]), [
    ["client.secret_file", "yes"],
  ]);
});
