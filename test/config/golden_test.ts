import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { checkFile } from "#src/config/inspect.ts";

/**
 * Files on which miredo-checkconf of Miredo 1.2.6 and we are both asked. It exits 255 for any
 * warning, so its word to the daemon's user is in its messages.
 */
interface Case {
  readonly name: string;
  /** Lines; each gets a line feed unless `unended`. */
  readonly lines: readonly string[];
  readonly unended?: true;
  /** First line of miredo-checkconf on stderr; undefined: it exits 0 and says nothing. */
  readonly miredo: string | undefined;
  /** Ours without the file's name. */
  readonly errors?: readonly string[];
  readonly notices?: readonly string[];
  /** Where we differ from Miredo: why. */
  readonly why?: string;
}

const relay = "RelayType relay";

const cases: readonly Case[] = [
  {
    name: "every directive of a relay",
    lines: [
      relay,
      "InterfaceName teredo",
      "BindAddress 198.51.100.50",
      "BindPort 3545",
      "Prefix 2001:0::",
      "InterfaceMTU 1280",
      "SyslogFacility local7",
    ],
    miredo: undefined,
  },
  {
    name: "last line without a line feed",
    lines: ["RelayType cone", "BindPort 3545"],
    unended: true,
    miredo: "Skipped overly long line 2",
    notices: [
      ":2: last line without a line feed counts here, but Miredo ignores it; end it with a line feed",
    ],
    why: "Miredo ignores the line; who wrote it meant it",
  },
  {
    name: "unknown directive",
    lines: [relay, "Foo bar"],
    miredo: "Superfluous directive Foo at line 2",
    notices: [":2: Foo: unknown directive, ignored; delete it"],
  },
  {
    name: "misspelt directive",
    lines: [relay, "BindPrt 3545"],
    miredo: "Superfluous directive BindPrt at line 2",
    notices: [":2: BindPrt: unknown directive, ignored; did you mean `BindPort`?"],
  },
  {
    name: "names of the prototype of objects",
    lines: [relay, "__proto__ 1", "constructor 1", "toString 1"],
    miredo: "Superfluous directive __proto__ at line 2",
    notices: ["__proto__", "constructor", "toString"].map((name, i) =>
      `:${i + 2}: ${name}: unknown directive, ignored; delete it`
    ),
  },
  {
    name: "directive without a value",
    lines: [relay, "BindPort"],
    miredo: "Ignoring line 2: BindPort",
    notices: [":2: BindPort: has no value and is ignored; write one, or delete the line"],
  },
  {
    name: "directive given twice",
    lines: [relay, "BindPort 1", "BindPort 2"],
    miredo: "Superfluous directive BindPort at line 3",
    notices: [":3: BindPort: given twice, and the first in line 2 counts; delete one of them"],
  },
  { name: "hexadecimal number", lines: [relay, "BindPort 0x10"], miredo: undefined },
  {
    name: "octal number",
    lines: [relay, "BindPort 010"],
    miredo: undefined,
    notices: [":2: BindPort: `010` is octal and means 8; write 8"],
    why: "Miredo reads 8 in silence, and few mean that",
  },
  ...["089", "-1", "3545x"].map((port): Case => ({
    name: `number ${port}`,
    lines: [relay, `BindPort ${port}`],
    miredo: `Invalid integer value "${port}" for BindPort`,
    errors: [`:2: BindPort: \`${port}\` is not a whole number; write it in decimal digits`],
  })),
  {
    name: "number above 16 bits",
    lines: [relay, "BindPort 65536"],
    miredo: 'Invalid integer value "65536" for BindPort',
    errors: [":2: BindPort: `65536` is out of range; write a number from 0 to 65535"],
  },
  {
    name: "any case, tabs, comment and junk behind values",
    lines: ["\trElAyTyPe\tCoNe # c", "bindport 3545 junk"],
    miredo: undefined,
    notices: [
      ":2: BindPort: `junk` behind the value is ignored; delete it, or put `#` before it",
    ],
    why: "Miredo ignores the junk in silence",
  },
  {
    name: "comment sign right behind a name",
    lines: [relay, "BindPort #x"],
    miredo: 'Invalid integer value "#x" for BindPort',
    errors: [":2: BindPort: `#x` is not a whole number; write it in decimal digits"],
    notices: [
      ":2: BindPort: `#x` is taken as the value, not as a comment; write a value first",
    ],
  },
  {
    name: "comments and blank lines",
    lines: ["#Foo", "  # Bar baz", "", " \t", relay, `#${"x".repeat(1500)}`],
    miredo: "Skipped overly long line 6",
    why: "a long comment changes nothing, so we pass it over",
  },
  {
    name: "overlong line",
    lines: [relay, `BindPort 3545 ${"x".repeat(1100)}`],
    miredo: "Skipped overly long line 2",
    notices: [":2: line of 1114 characters is skipped, as Miredo does; shorten it"],
  },
  { name: "carriage returns", lines: ["RelayType relay\r", "BindPort 3545\r"], miredo: undefined },
  {
    name: "byte order mark",
    lines: [`\ufeff${relay}`],
    miredo: "Server address not specified",
    notices: [
      ":1: byte order mark, ignored here, makes Miredo miss the first directive; delete it",
    ],
    why: "Miredo misses the first directive, and becomes a client",
  },
  {
    name: "zero byte at the start of a line",
    lines: [relay, "\0BindPort 1", "BindPort 2"],
    miredo: "Skipped overly long line 2",
    errors: [":2: control character 0x00; delete it"],
    why: "Miredo reads outside its buffer, and what it drops differs from run to run",
  },
  {
    name: "quoted value",
    lines: ['RelayType "cone"'],
    miredo: 'Invalid relay type ""cone"" at line 1',
    errors: [':1: RelayType: `"cone"` is not a choice; write relay, restricted, cone'],
  },
  {
    name: "name of more than 31 characters",
    lines: [relay, "AVeryLongNameWithMoreThanThirtyOneCharacters"],
    miredo: "Superfluous directive AVeryLongNameWithMoreThanThirty at line 2",
    notices: [
      ":2: `AVeryLongNameWithMoreThanThirtyOneCharacters`: unknown directive, ignored; delete it",
    ],
  },
  {
    name: "seven unknown directives",
    lines: [relay, ..."ABCDEFG".split("").map((name) => `${name} 1`)],
    miredo: "Superfluous directive A at line 2",
    notices: "ABCDEFG".split("").map((name, i) =>
      `:${i + 2}: ${name}: unknown directive, ignored; delete it`
    ),
    why: "Miredo stops after five; each is named here",
  },
  {
    name: "restricted relay",
    lines: ["RelayType restricted"],
    miredo: undefined,
    notices: [
      ":1: RelayType: a restricted relay is slower to reach clients; open its UDP port and write `relay`",
    ],
    why: "Miredo's daemon says so to syslog",
  },
  {
    name: "unknown relay type",
    lines: ["RelayType sponge"],
    miredo: 'Invalid relay type "sponge" at line 1',
    errors: [":1: RelayType: `sponge` is not a choice; write relay, restricted, cone"],
  },
  {
    name: "client",
    lines: ["RelayType client", "ServerAddress 192.0.2.1"],
    miredo: undefined,
    errors: [
      ":1: RelayType: `client` makes a Teredo client; run `teredo client`, or write `relay` for a relay",
    ],
    notices: [":2: ServerAddress: is for Teredo clients and ignored here; delete it"],
    why: "a relay by command",
  },
  {
    name: "no relay type",
    lines: ["BindPort 3545"],
    miredo: "Server address not specified",
    notices: [
      ": RelayType: not given, which makes Miredo a client, but this is a relay; " +
      "write `RelayType relay`",
    ],
    why: "Miredo needs a client's server; we are a relay by command",
  },
  {
    name: "empty file",
    lines: [],
    miredo: "Server address not specified",
    errors: [
      ": no section and no setting in it; write `[relay]`, which alone gives the defaults",
    ],
    why: "a file that lost its content must not become a relay that serves anyone",
  },
  {
    name: "nothing but unknown directives",
    lines: ["Foo bar", "BindPrt 3545"],
    miredo: "Server address not specified",
    errors: [
      ":2: BindPrt: unknown directive; did you mean `BindPort`?",
      ": no setting of teredo or Miredo in it; write some as teredo.ini(5) has them, or name " +
      "another file",
    ],
    why: "Miredo becomes a client; a relay would serve anyone",
  },
  {
    name: "client without a relay type",
    lines: ["InterfaceName teredo", "ServerAddress 192.0.2.1"],
    miredo: undefined,
    errors: [
      ": with `ServerAddress` and without `RelayType` this is a Teredo client's file; run " +
      "`teredo client`, or write `RelayType relay` for a relay",
    ],
    notices: [":2: ServerAddress: is for Teredo clients and ignored here; delete it"],
    why: "a relay by command",
  },
  {
    name: "relay type without a value in a client's file",
    lines: ["RelayType", "serveraddress 192.0.2.1"],
    miredo: "Ignoring line 1: RelayType",
    errors: [
      ": with `ServerAddress` and without `RelayType` this is a Teredo client's file; run " +
      "`teredo client`, or write `RelayType relay` for a relay",
    ],
    notices: [
      ":1: RelayType: has no value and is ignored; write one, or delete the line",
      ":2: ServerAddress: is for Teredo clients and ignored here; delete it",
    ],
    why: "a relay by command",
  },
  ...["serves = self", "served=self", "[relay", "[log]", "relay]", "served: self", "{"].map((
    line,
  ): Case => ({
    name: `a line in another syntax, ${line}`,
    lines: [relay, "BindPort 3545", line],
    miredo: line.includes(" ")
      ? `Superfluous directive ${line.split(" ")[0]} at line 3`
      : `Ignoring line 3: ${line}`,
    ...(line === "[log]"
      ? {
        errors: [
          ":1: `RelayType relay`: not `key = value`; write `type = relay`",
          ":2: `BindPort 3545`: not `key = value`; write `bind_port = 3545`",
        ],
      }
      : {
        errors: [
          ":3: `" + line + "`: not `Directive value`, as Miredo's files are written; delete it",
        ],
      }),
    why: "whoever wrote it relies on what it says",
  })),
  {
    name: "a key of the native syntax",
    lines: [relay, "served self"],
    miredo: "Superfluous directive served at line 2",
    errors: [
      ":2: served: a key of the native syntax; delete it, turn the file into a native one by " +
      "`teredo config convert`, and write `served = VALUE` there",
    ],
    why: "whoever wrote it relies on what it says",
  },
  {
    name: "an interface name behind `=`",
    lines: [relay, "InterfaceName = teredo"],
    miredo: undefined,
    errors: [":2: InterfaceName: `=` has no place here; write `InterfaceName teredo`"],
    why: "Miredo makes an interface that is called `=`",
  },
  {
    name: "client's directive in a relay's file",
    lines: [relay, "ServerAddress 192.0.2.1", "ServerAddress2 192.0.2.2"],
    miredo: "Superfluous directive ServerAddress at line 2",
    notices: [
      ":2: ServerAddress: is for Teredo clients and ignored here; delete it",
      ":3: ServerAddress2: is for Teredo clients and ignored here; delete it",
    ],
  },
  {
    name: "server's directive in a relay's file",
    lines: [relay, "ServerBindAddress 192.0.2.1"],
    miredo: "Superfluous directive ServerBindAddress at line 2",
    notices: [":2: ServerBindAddress: is for the server and ignored by the relay; delete it"],
  },
  {
    name: "directives of Miredo's unreleased sources",
    lines: [relay, "LocalDiscovery enabled"],
    miredo: "Superfluous directive LocalDiscovery at line 2",
    notices: [":2: LocalDiscovery: is for Teredo clients and ignored here; delete it"],
  },
  {
    name: "multicast prefix",
    lines: [relay, "Prefix ff02::"],
    miredo: undefined,
    errors: [":2: Prefix: `ff02::` cannot hold unicast addresses; write e.g. 2001::/32"],
    why: "Miredo tests the wrong byte on little-endian machines",
  },
  {
    name: "prefix whose fourth byte is ff",
    lines: [relay, "Prefix 2001:ff::"],
    miredo: "Invalid Teredo IPv6 prefix: ff000120::/32",
    why: "Miredo tests the wrong byte on little-endian machines",
  },
  {
    name: "prefix with its length",
    lines: [relay, "Prefix 2001:0::/32"],
    miredo: 'Invalid hostname "2001:0::/32" at line 2: Name or service not known',
    why: "the length says what is meant anyway",
  },
  {
    name: "prefix with bits past the 32nd",
    lines: [relay, "Prefix 2001:0:1::"],
    miredo: undefined,
    notices: [":2: Prefix: `2001:0:1::` has bits past the 32nd, ignored; write 2001::/32"],
    why: "Miredo drops them in silence",
  },
  {
    name: "short IPv4 address",
    lines: [relay, "BindAddress 10.1"],
    miredo: undefined,
    errors: [":2: BindAddress: `10.1` is short for an IPv4 address; write 10.0.0.1 in full"],
    why: "an address that two readers may read otherwise is not guessed at",
  },
  {
    name: "MTU under that of IPv6",
    lines: [relay, "InterfaceMTU 100"],
    miredo: undefined,
    errors: [":2: InterfaceMTU: `100` is out of range; write a number from 1280 to 65507"],
    why: "Miredo's check passes, then its daemon fails to create the interface",
  },
  {
    name: "MTU above what 16 bits hold",
    lines: [relay, "InterfaceMTU 65536"],
    miredo: 'Invalid integer value "65536" for InterfaceMTU',
    errors: [":2: InterfaceMTU: `65536` is out of range; write a number from 1280 to 65507"],
  },
  {
    name: "MTU above what UDP carries",
    lines: [relay, "InterfaceMTU 65535"],
    miredo: undefined,
    notices: [":2: InterfaceMTU: `65535` is more than UDP carries, 65507 is used; write 65507"],
    why: "Miredo fails to send what is longer, in silence",
  },
  {
    name: "interface name that is too long",
    lines: [relay, "InterfaceName teredo_interface"],
    miredo: undefined,
    errors: [":2: InterfaceName: `teredo_interface` has 16 characters; write at most 15"],
    why: "Miredo's check passes, then its daemon fails to create the interface",
  },
  {
    name: "unknown syslog facility",
    lines: [relay, "SyslogFacility foo"],
    miredo: 'Unknown syslog facility "foo" at line 2',
    notices: [
      ":2: SyslogFacility: `foo` is not a syslog facility, `daemon` is used; write auth, authpriv, " +
      "cron, daemon, ftp, kern, local0, local1, local2, local3, local4, local5, local6, local7, " +
      "lpr, mail, news, syslog, user, uucp",
    ],
  },
  {
    name: "facility in capitals",
    lines: [relay, "SyslogFacility LOCAL0"],
    miredo: undefined,
  },
];

for (const c of cases) {
  test(`checkFile() and miredo-checkconf: ${c.name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-golden-"));
    try {
      const file = join(folder, "miredo.conf");
      writeFileSync(file, c.lines.join("\n") + (c.unended || c.lines.length === 0 ? "" : "\n"));
      assert.deepEqual(askMiredo(file), {
        status: c.miredo === undefined ? 0 : 255,
        first: c.miredo ?? "",
      });
      const ours = checkFile(file, { role: "relay" });
      const bare = (texts: readonly string[]) => texts.map((text) => text.replace(file, ""));
      assert.deepEqual(bare(ours.errors), c.errors ?? []);
      assert.deepEqual(bare(ours.notices), c.notices ?? []);
      const differs = (ours.errors.length + ours.notices.length > 0) !== (c.miredo !== undefined);
      assert.ok(!differs || c.why !== undefined, "verdicts differ: the table must say why");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function askMiredo(file: string): { status: number | null; first: string } {
  const run = spawnSync("miredo-checkconf", [file], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, LC_ALL: "C" },
  });
  if (run.error !== undefined) throw new Error(`miredo-checkconf: ${run.error.message}`);
  // What stands behind "for NAME" is an errno that was left over from something else.
  const first = run.stderr.split("\n")[0]!.replace(/^(Invalid integer value .*):.*$/, "$1");
  return { status: run.status, first };
}

test("checkFile() knows the files that Debian's packages install", () => {
  const client = checkFile("/etc/miredo.conf");
  assert.deepEqual([client.roles, client.errors, client.notices], [["client"], [], []]);
  const server = checkFile("/etc/miredo-server.conf");
  assert.deepEqual([server.roles, server.errors, server.notices], [["server"], [], []]);
});
