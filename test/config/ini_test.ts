import assert from "node:assert/strict";
import test from "node:test";
import { checkFile } from "#src/config/inspect.ts";
import { memoryFiles } from "./memory_files.ts";

const FILE = "teredo.ini";

function errorsOf(text: string): readonly string[] {
  const { errors, notices } = checkFile(FILE, { readFile: memoryFiles({ [FILE]: text }) });
  assert.deepEqual(notices, []);
  return errors;
}

const EMPTY =
  "teredo.ini: no section and no setting in it; write `[relay]`, which alone gives the defaults";

const fine: readonly (readonly [string, string])[] = [
  ["sections and keys", "[relay]\nbind_port = 1\n[log]\nlevel = debug\n"],
  ["no blanks", "[relay]\nbind_port=1\n"],
  ["blanks everywhere", "  [ relay ]  \n\t bind_port \t=  1  \n"],
  ["comments", "# a\n; b\n[relay] # c\nbind_port = 1 # d\ninterface_name = x#y ; e\n"],
  ["quoted value", '[relay]\npid_file = "/run/a # b/pid"\n'],
  ["carriage returns", "[relay]\r\nbind_port = 1\r\n"],
  ["byte order mark", "\ufeff[relay]\nbind_port = 1\n"],
  ["times of every notation", "[relay]\ndrain_time = 0\nhold_age = 1m\n"],
  ["no last line feed", "[relay]\nbind_port = 1"],
  ["empty sections", "[relay]\n[status]\n"],
];

for (const [name, text] of fine) {
  test(`readIni() takes ${name}`, () => assert.deepEqual(errorsOf(text), []));
}

const wrong: readonly (readonly [string, string, readonly string[]])[] = [
  ["a key before any section", "bind_port = 1\n", [
    "teredo.ini:1: bind_port: stands before any section; put it below [relay] or [client]",
  ]],
  ["an unknown key before any section", "xyzzy = 1\n", [
    "teredo.ini:1: xyzzy: unknown key; put keys below a [section]",
  ]],
  ["a key of two sections before any", "prefix = 2001::/32\n", [
    "teredo.ini:1: prefix: stands before any section; put it below [relay] or [server] or [client]",
  ]],
  ["a key of another section", "[log]\nbind_port = 1\n", [
    "teredo.ini:2: bind_port: not a key of [log]; put it below [relay] or [client]",
  ]],
  ["a misspelt key", "[relay]\nbindport = 1\nmax_pears = 16\n", [
    "teredo.ini:2: bindport: unknown key; did you mean `bind_port`?",
    "teredo.ini:3: max_pears: unknown key; did you mean `max_peers`?",
  ]],
  ["a directive of Miredo's as key", "[relay]\nRelayType = cone\n", [
    "teredo.ini:2: RelayType: unknown key; did you mean `type`?",
  ]],
  ["a key like nothing known", "[log]\nxyzzy = 1\n", [
    "teredo.ini:2: xyzzy: unknown key; [log] knows level, format, target, facility, debug_peer",
  ]],
  ["names of the prototype of objects", "[log]\n__proto__ = 1\nconstructor = 1\n[toString]\n", [
    "teredo.ini:2: __proto__: unknown key; [log] knows level, format, target, facility, debug_peer",
    "teredo.ini:3: constructor: unknown key; [log] knows level, format, target, facility, debug_peer",
    "teredo.ini:4: [`toString`]: unknown section; write one of [relay], [server], [client], [status], [log]",
  ]],
  ["an unknown section, and nothing of what is in it", "[realy]\nfoo = 1\n[log]\nlevel = x\n", [
    "teredo.ini:1: [`realy`]: unknown section; write [relay]",
    "teredo.ini:4: level: `x` is not a choice; write error, warn, info, debug",
  ]],
  ["nothing at all", "", [EMPTY]],
  ["only comments", "# [server]\n\n; relay\n", [EMPTY]],
  ["a section not closed", "[relay]\n[log\nlevel = debug\n", [
    "teredo.ini:2: `[log`: not a section; write [log], alone in its line",
  ]],
  ["a section not opened", "relay]\nserved = self\n", [
    "teredo.ini:1: `relay]`: not a section; write [relay], alone in its line",
  ]],
  ["a section not opened behind a comment and a mark", "\ufeff# x\n  rely ] # y\nserved=self\n", [
    "teredo.ini:2: `rely ] # y`: not a section; write [relay], alone in its line",
  ]],
  ["a section like nothing known, not opened", "[relay]\nxyzzy]\n", [
    "teredo.ini:2: `xyzzy]`: not a section; write e.g. [relay]",
  ]],
  ["a section in capitals", "[Relay]\nserved = self\n", [
    "teredo.ini:1: [`Relay`]: unknown section; write [relay]",
  ]],
  ["junk behind a section", "[relay] bind_port = 1\n", [
    "teredo.ini:1: `[relay] bind_port = 1`: not a section; write [relay], alone in its line",
  ]],
  ["keys without a section", "served = self\nserved = any\n", [
    "teredo.ini:1: served: stands before any section; put it below [relay]",
    "teredo.ini:2: served: stands before any section; put it below [relay]",
  ]],
  [
    "problems in the order of the file",
    "[relay]\nhold_age = 1\n[log]\nlevel = x\nfoo = 1\n[realy]\n",
    [
      "teredo.ini:2: hold_age: `1` is not a duration; write e.g. 500ms, 2s, 5min or 1h",
      "teredo.ini:4: level: `x` is not a choice; write error, warn, info, debug",
      "teredo.ini:5: foo: unknown key; [log] knows level, format, target, facility, debug_peer",
      "teredo.ini:6: [`realy`]: unknown section; write [relay]",
    ],
  ],
  ["a section that stands twice", "[relay]\n[log]\n[relay]\n", [
    "teredo.ini:3: [relay]: section stands twice, first in line 1; join them",
  ]],
  ["a key that stands twice", "[relay]\nbind_port = 1\nbind_port = 1\n", [
    "teredo.ini:3: bind_port: set twice, first in line 2; delete one of them",
  ]],
  ["a missing value", '[relay]\nbind_port =\nbind_address = # later\ntype = ""\n', [
    "teredo.ini:2: bind_port: has no value; write one, or delete the line for the default",
    "teredo.ini:3: bind_address: has no value; write one, or delete the line for the default",
    "teredo.ini:4: type: has no value; write one, or delete the line for the default",
  ]],
  ["a line without `=`", "[relay]\nbind_port 3545\nBindPort 3545\nwhatever\n", [
    "teredo.ini:2: `bind_port 3545`: not `key = value`; write `bind_port = 3545`",
    "teredo.ini:3: `BindPort 3545`: not `key = value`; write `bind_port = 3545`",
    "teredo.ini:4: `whatever`: not `key = value`; write it so, or as a comment behind `#`",
  ]],
  ["a quote not closed", '[relay]\ntype = "cone\n', [
    'teredo.ini:2: type: quote is not closed; write `"` at its end',
  ]],
  ["a quote closed by two", '[relay]\ntype = "cone""\n', [
    'teredo.ini:2: type: quote is not closed; write `"` at its end',
  ]],
  ["a word that has quotes of its own", '[relay]\ntype = """cone"""\n', [
    'teredo.ini:2: type: `"cone"` is not a choice; write relay, restricted, cone',
  ]],
  ["junk behind a quote", '[relay]\ntype = "cone" x\n', [
    'teredo.ini:2: type: more behind the closing `"`; delete it, or start a comment with `#`',
  ]],
  ["junk behind a value", "[relay]\nbind_port = 3545 junk\n", [
    "teredo.ini:2: bind_port: `3545 junk` is not a whole number; write it in decimal digits",
  ]],
  ["wrong types, all of them", "[relay]\nbind_port = -1\nhold_age = 2\nhold_bytes = 9k\n", [
    "teredo.ini:2: bind_port: `-1` is not a whole number; write it in decimal digits",
    "teredo.ini:3: hold_age: `2` is not a duration; write e.g. 500ms, 2s, 5min or 1h",
    "teredo.ini:4: hold_bytes: `9k` is not a size; write e.g. 10240, 10KiB or 16MiB",
  ]],
  ["a host name", "[relay]\nbind_address = relay.example.net\n", [
    "teredo.ini:2: bind_address: `relay.example.net` is a host name, and names are not looked " +
    "up, since what they mean can change from start to start; write the IPv4 address A.B.C.D",
  ]],
  ["control characters", "[relay]\nbind_port = 1\0\n\x1b[2J\n", [
    "teredo.ini:2: control character 0x00; delete it",
    "teredo.ini:3: control character 0x1b; delete it",
  ]],
  ["an overlong line", `[relay]\nbind_port = ${" ".repeat(2000)}1\n`, [
    "teredo.ini:2: line of 2013 characters; write at most 1054",
  ]],
  ["a file that is none", "x".repeat(2 ** 20 + 1), [
    "teredo.ini: longer than 1048576 bytes; is it a configuration?",
  ]],
];

for (const [name, text, want] of wrong) {
  test(`readIni() names ${name}`, () => assert.deepEqual(errorsOf(text), want));
}

test("checkFile() names what both roles of a file lack, once each", () => {
  assert.deepEqual(errorsOf("[relay]\nhold_bytes = 1280\ninterface_mtu = 1400\n[server]\n"), [
    "teredo.ini:2: hold_bytes: 1280 bytes hold no packet of interface_mtu 1400; " +
    "write at least 1400",
    "teredo.ini: server.bind_address: not set; set the server's primary IPv4 address, here or by " +
    "the flag --bind-address",
  ]);
});

test("checkFile() names a file that cannot be read", () => {
  const { errors } = checkFile("/nowhere/teredo.ini", { readFile: memoryFiles({}) });
  assert.deepEqual(errors, ["/nowhere/teredo.ini: no such file; check the path"]);
});
