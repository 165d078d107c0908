import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Config, type Role, ROLES } from "#src/config/config.ts";
import { diffConfig } from "#src/config/diff.ts";
import { checkFile, convertFile, showFile } from "#src/config/inspect.ts";
import { loadConfig } from "#src/config/load.ts";
import { sampleText } from "#src/config/sample.ts";
import { SCHEMA } from "#src/config/schema/mod.ts";
import { ENTRIES, flagsOf } from "#src/config/settings.ts";
import { ConfigError } from "#src/errors.ts";
import { memoryFiles } from "./memory_files.ts";

const FILE = "c";

function load(role: Role, text: string, overrides: Record<string, string> = {}): Config {
  return loadConfig(role, { path: FILE, overrides, readFile: memoryFiles({ [FILE]: text }) })
    .config;
}

const show = (text: string) => showFile(FILE, { readFile: memoryFiles({ [FILE]: text }) });
const convert = (text: string) => convertFile(FILE, { readFile: memoryFiles({ [FILE]: text }) });

/** A value other than the default, for each setting that a single one can have. */
const OTHER: ReadonlyMap<string, string> = new Map([
  ["relay.type", "restricted"],
  ["relay.interface_name", "ter#0"],
  ["relay.interface_mtu", "1400"],
  ["relay.bind_address", "198.51.100.50"],
  ["relay.bind_port", "3546"],
  ["relay.prefix", "2001:db8::/32"],
  ["relay.served", "2001:db8::/32, 2001:db8:1::/48"],
  ["relay.hold_age", "9s"],
  ["relay.hold_bytes", "9999"],
  ["relay.announce", "yes"],
  ["relay.user", "nobody"],
  ["relay.pid_file", "/run/a b # c"],
  ["server.bind_address", "198.51.100.1"],
  ["server.bind_address2", "198.51.100.2"],
  ["server.advertised_address", "203.0.113.1"],
  ["server.advertised_address2", "203.0.113.2"],
  ["server.authentication_algorithm", "sha256"],
  ["client.servers", "a.example/198.51.100.2, 192.0.2.1"],
  ["client.server_order", "strict"],
  ["client.bind_port", "40000"],
  ["client.when_native", "keep"],
  ["client.refresh", "15s"],
  ["client.extensions", "none"],
  ["client.check_host", "2001:db8::1"],
  ["client.hook", "/etc/a b # c"],
  ["status.enabled", "no"],
  ["status.address", "::1"],
  ["status.port", "1234"],
  ["status.socket", "/run/teredo.sock"],
  ["log.level", "debug"],
  ["log.target", "syslog"],
  ["log.facility", "local3"],
]);

function nativeText(ids: readonly string[]): string {
  return Object.keys(SCHEMA).map((section) => {
    const lines = ids.filter((id) => id.startsWith(`${section}.`)).map((id) => {
      const text = OTHER.get(id)!;
      return `${id.slice(section.length + 1)} = ${text.includes(" #") ? `"${text}"` : text}\n`;
    });
    return `[${section}]\n${lines.join("")}`;
  }).join("");
}

test("showFile() gives what loads as the same configuration", () => {
  fc.assert(fc.property(fc.subarray([...OTHER.keys()]), (chosen) => {
    const ids = new Set([...chosen, "server.bind_address", "client.servers"]);
    if (ids.has("server.advertised_address") !== ids.has("server.advertised_address2")) return;
    const text = nativeText([...ids]);
    const shown = show(text).text;
    for (const role of ROLES) {
      assert.deepEqual(load(role, shown), load(role, text));
    }
    // The values are the same when shown again; only their origins have changed.
    const plain = (s: string) => s.replace(/ {2}# [^#]*$/gm, "").replace(/ +$/gm, "");
    assert.equal(plain(show(shown).text), plain(shown));
  }));
});

test("showFile() tells where each value came from", () => {
  const { text, json } = show("[relay]\nbind_port = 7\n");
  assert.match(text, /^bind_port = 7 +# c:2$/m);
  assert.match(text, /^prefix = 2001::\/32 +# default$/m);
  assert.match(
    text,
    /^#port = +# not set: 9545 for the relay, 9544 for the server, 9546 for the client$/m,
  );
  assert.doesNotMatch(text, /\[server\]/);
  assert.deepEqual(
    (json as { sections: { relay: Record<string, unknown> } }).sections.relay.bind_port,
    {
      value: "7",
      origin: "c:2",
    },
  );
});

const miredoLine = fc.oneof(
  fc.constantFrom(
    "RelayType relay",
    "relaytype RESTRICTED # why",
    "InterfaceName teredo",
    "BindAddress 198.51.100.50",
    "BindPort 0xdd9",
    "BindPort 3546 junk",
    "BindPort",
    "Prefix 2001:0:1::",
    "InterfaceMTU 02600",
    "SyslogFacility local1  # there",
    "SyslogFacility nonsense",
    "ServerAddress teredo.example.net",
    "ServerBindAddress2 192.0.2.1",
    "Bogus [relay]",
    "; x",
    "",
  ),
  fc.string({ maxLength: 30 }).map((text) => `#${text}`),
);

test("convertFile() gives what loads as the same configuration", () => {
  fc.assert(fc.property(fc.array(miredoLine, { maxLength: 20 }), (lines) => {
    const text = ["RelayType relay", ...lines, ""].join("\n");
    const converted = convert(text).text;
    assert.deepEqual({ ...load("relay", converted) }, { ...load("relay", text) }, converted);
    assert.deepEqual(diffConfig(load("relay", text), load("relay", converted)), []);
  }));
});

/** Names that an interface can have and that mean something else to one reader or the other. */
const NAMES = [
  ...['"tun"', '"', '""', '"a', 'a"', '""a""', ";tun", "#x", "#", ";", "a#b", "a;b", "tun\\", "\\"],
  ...["a=b", "[x]", "[relay]", "x]", "]", "[", "'tun'", "$HOME", "`id`", "%d", "tun%d", "-x", "{}"],
  ...[
    "__proto__",
    "self",
    "any",
    "1280",
    "0x10",
    "~",
    "!",
    "a,b",
    "key=",
    "@x",
    "*",
    "?",
    "&",
    "|",
  ],
];
const name = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.string({ unit: fc.constantFrom(...'"#;=[]\\ab'), minLength: 1, maxLength: 15 }),
);

test("convertFile() keeps every name of an interface that it does not refuse", () => {
  let kept = 0;
  fc.assert(fc.property(name, (interfaceName) => {
    const text = `RelayType relay\nInterfaceName ${interfaceName}\n`;
    if (interfaceName.startsWith("=")) {
      assert.throws(() => load("relay", text), /has no place here/);
      return;
    }
    const before = load("relay", text);
    assert.equal(before.relay.interfaceName, interfaceName);
    for (const native of [convert(text).text, show(text).text]) {
      assert.deepEqual(load("relay", native), before, native);
    }
    kept++;
  }));
  assert.ok(kept > 50);
});

const WORDS = [
  ...["InterfaceName", "RelayType", "BindAddress", "BindPort", "Prefix", "InterfaceMTU"],
  ...["SyslogFacility", "ServerBindAddress", "ServerBindAddress2", "AdvertisedAddress"],
  ...["AdvertisedAddress2", "ServerAddress", "Foo", "bindport", "INTERFACENAME", "#InterfaceName"],
];
const VALUES = [
  ...[
    "relay",
    "restricted",
    "cone",
    "198.51.100.1",
    "198.51.100.2",
    "3545",
    "0xdd9",
    "010",
    "1400",
  ],
  ...[
    "65535",
    "2001::",
    "2001:db8:7::",
    "local3",
    "nonsense",
    "",
    "# x",
    "#x",
    "; x",
    "\u00a0",
    "é",
  ],
  ...[
    "\ufffd",
    "\ufeff",
    "\t",
    "\v",
    "\f",
    "\r",
    "\\",
    '1 # a " b',
    "1  ; c",
    `1 #${"x".repeat(1036)}`,
  ],
];
const hostileLine = fc.tuple(
  fc.constantFrom(...WORDS),
  fc.constantFrom(" ", "\t", " \v\f\r "),
  fc.oneof(name, fc.constantFrom(...VALUES), fc.string({ maxLength: 12 })),
  fc.constantFrom("", " ", " # why", " junk", ' "', "\r"),
).map((parts) => parts.join("").replaceAll("\n", "N"));

test("convertFile() gives what loads as the same, of any file that loads", () => {
  const loads = { relay: 0, server: 0, client: 0 };
  const head = {
    relay: "RelayType relay",
    server: "ServerBindAddress 198.51.100.1",
    client: "ServerAddress teredo.example",
  };
  const role = fc.constantFrom<Role>("relay", "server", "client");
  fc.assert(
    fc.property(role, fc.array(hostileLine, { maxLength: 4 }), (role, lines) => {
      const text = [head[role], ...lines, ""].join("\n");
      const readFile = memoryFiles({ [FILE]: text });
      if (checkFile(FILE, { role, readFile }).errors.length > 0) return;
      const native = convertFile(FILE, { role, readFile }).text;
      assert.deepEqual(load(role, native), load(role, text), native);
      loads[role]++;
    }),
    { numRuns: 800 },
  );
  assert.ok(Object.values(loads).every((it) => it > 40), JSON.stringify(loads));
});

test("convertFile() puts a comment above a line that it would make too long", () => {
  const comment = `#${"x".repeat(1039)}`;
  const { text } = convert(`RelayType relay\nBindPort 3545 ${comment}\n`);
  assert.ok(text.includes(`\n${comment}\nbind_port = 3545\n`));
});

test("convertFile() refuses what the native syntax has no room for", () => {
  const comments = `#${"x".repeat(100)}\n`.repeat(10_280);
  assert.ok(load("relay", `RelayType relay\n${comments}`));
  assert.throws(
    () => convert(`RelayType relay\n${comments}`),
    /too long in the native syntax; keep it as it is/,
  );
});

test("showFile() and convertFile() let no file's name out of its comment", () => {
  const file = "a\nbind_port = 1\u001b[2J";
  const readFile = memoryFiles({ [file]: "RelayType relay\n" });
  for (const { text } of [showFile(file, { readFile }), convertFile(file, { readFile })]) {
    assert.equal(load("relay", text).relay.bindPort, 3545);
    assert.ok(!text.includes("\u001b"));
  }
});

test("convertFile() keeps comments, and says what it dropped", () => {
  const { text, notices } = convert(
    "# My relay\nRelayType cone # yes\n\n# Fixed\nBindPort 3545\n#InterfaceMTU 1400\n" +
      "ServerAddress a.example\nSyslogFacility user\n# end\n",
  );
  assert.equal(
    text,
    "# Converted from c\n\n[relay]\n# My relay\ntype = relay  # yes\n\n# Fixed\nbind_port = 3545\n" +
      "#interface_mtu = 1400\n# dropped, for clients: ServerAddress a.example\n# end\n\n" +
      "[log]\nfacility = user\ntarget = syslog\n",
  );
  assert.deepEqual(notices, [
    "c:7: ServerAddress: is for Teredo clients and ignored here; delete it",
  ]);
});

test("convertFile() converts a server's file", () => {
  const { text } = convert("ServerBindAddress 198.51.100.1\nPrefix 2001:0::\nInterfaceMTU 1280\n");
  assert.equal(
    text,
    "# Converted from c\n\n[server]\nbind_address = 198.51.100.1\nprefix = 2001::/32\n" +
      "interface_mtu = 1280\n",
  );
});

test("convertFile() refuses a native file, and one that would not load", () => {
  assert.throws(() => convert("[relay]\n"), /c: in the native syntax already; use it as it is/);
  assert.throws(() => convert("RelayType sponge\n"), ConfigError);
  for (const text of ["", "\n", "# BindPort 7\n"]) {
    assert.throws(() => convert(text), /c: no setting in it; there is nothing to convert/);
  }
});

test("sampleText() loads as the defaults, also with every comment sign taken away", () => {
  const { file: _, ...defaults } = loadConfig("relay", { readFile: memoryFiles({}) }).config;
  const { file: __, ...sample } = load("relay", sampleText());
  assert.deepEqual(sample, defaults);
  const bare = sampleText().replace(/^#(\w+ = \S)/gm, "$1").replace(/^(\w+ =) +#.*$/gm, "#$1");
  const { file: ___, ...all } = load("relay", bare);
  assert.deepEqual(all, defaults);
});

test("sampleText() holds every key", () => {
  for (const { key } of ENTRIES) assert.match(sampleText(), new RegExp(`^#${key} =`, "m"));
});

test("diffConfig() names changed keys and whether they need a restart", () => {
  const before = load("relay", "[relay]\nbind_port = 1\n[server]\nbind_address = 192.0.2.1\n");
  const after = load("relay", "[relay]\nserved = self\n[log]\nlevel = debug\n");
  assert.deepEqual(diffConfig(before, after, "relay"), [
    { id: "relay.bind_port", from: "1", to: "3545", reload: "restart" },
    { id: "relay.served", from: "any", to: "self", reload: "yes" },
    { id: "log.level", from: "info", to: "debug", reload: "yes" },
  ]);
  assert.deepEqual(diffConfig(before, before), []);
  assert.ok(diffConfig(before, after).some((change) => change.id === "server.bind_address"));
});

test("diffConfig() sees secrets that changed under the same path", () => {
  const file = "/s";
  const text = `[server]\nbind_address = 192.0.2.1\nsecrets_file = ${file}\n`;
  const of = (secrets: string) =>
    loadConfig("server", {
      path: FILE,
      readFile: memoryFiles({ [FILE]: text, [file]: secrets }, { [file]: 0o600 }),
    }).config;
  const a = of(`a text:${"k".repeat(16)}\n`);
  assert.deepEqual(diffConfig(a, of(`a text:${"k".repeat(16)}\n`)), []);
  assert.deepEqual(diffConfig(a, of(`a text:${"x".repeat(16)}\n`)), [
    { id: "server.secrets_file", from: file, to: "/s (new content)", reload: "yes" },
  ]);
});

test("SCHEMA names each setting once, with a flag of its own and a text", () => {
  for (const role of ROLES) {
    const flags = flagsOf(role).map((entry) => entry.flag);
    assert.equal(new Set(flags).size, flags.length);
  }
  assert.equal(new Set(ENTRIES.map((entry) => entry.id)).size, ENTRIES.length);
  for (const { id, doc, key, default: value, kind } of ENTRIES) {
    assert.match(key, /^[a-z][a-z0-9_]*$/);
    assert.match(doc, /\.$/, id);
    if (value === undefined) continue;
    assert.deepEqual(kind.parse(kind.format(value), "native"), { value });
  }
});

test("checkFile() is total: any text gives a verdict, and only a ConfigError stops a load", {
  timeout: 600_000,
}, () => {
  const word = fc.constantFrom(
    ...["[relay]", "[server]", "[", "]", "=", "#", ";", '"', "bind_port", "RelayType", "relay"],
    ...["__proto__", "1280", "3545", "\n", "\n", " ", "\t", "\r\n", "\0", "\ufeff", "\\"],
  );
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.array(word).map((w) => w.join("")),
  );
  fc.assert(
    fc.property(text, (content) => {
      const readFile = memoryFiles({ [FILE]: content });
      for (const role of [undefined, "relay", "server"] as const) {
        const { errors, notices } = checkFile(FILE, { role, readFile });
        for (const line of [...errors, ...notices]) assert.match(line, /^c(:\d+)?: [^\n\0]+$/);
      }
      for (
        const run of [() => load("relay", content), () => show(content), () => convert(content)]
      ) {
        try {
          run();
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
