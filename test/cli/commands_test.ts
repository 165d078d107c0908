import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { flagsOf } from "#src/config/settings.ts";
import { command, teredo } from "./run.ts";

/** 2001:0:c633:6401:0:f227:34ff:8ef0 is server 198.51.100.1, mapped 203.0.113.15:3544. */
const ADDRESS = "2001:0:c633:6401:0:f227:34ff:8ef0";

/** A file that says nothing, so that none of this machine's own is found. */
const EMPTY = join(mkdtempSync(join(tmpdir(), "teredo-cli-")), "empty.ini");
writeFileSync(EMPTY, "[relay]\n");

interface Case {
  readonly args: readonly string[];
  readonly status?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const RESERVED = "is in a range reserved after RFC 4380";

const cases: readonly Case[] = [
  // decode
  {
    args: ["decode", ADDRESS],
    stdout: `${ADDRESS}
  prefix          2001::/32
  server address  198.51.100.1
  flags           0x0000 (not cone, random bits 0x0000)
  mapped address  203.0.113.15
  mapped port     3544
  note            server address ${RESERVED}
  note            no random flag bits: a client older than RFC 5991
  note            mapped address ${RESERVED}
`,
  },
  {
    args: ["decode", "2001:0:102:304:FFFF:fe95:f5ff:fff5", "2001:0:a01:203:1234:ffff::"],
    stdout: `2001:0:102:304:ffff:fe95:f5ff:fff5
  prefix          2001::/32
  server address  1.2.3.4
  flags           0xffff (cone, random bits 0x3cff)
  mapped address  10.0.0.10
  mapped port     362
  note            cone bit is set: clients since RFC 5991 leave it 0
  note            reserved flag 0x4000 is set
  note            universal bit 0x0200 is set, which must be 0
  note            group bit 0x0100 is set, which must be 0
  note            mapped address is not global unicast: packets are discarded (RFC 4380 section 5.2.4)

2001:0:a01:203:1234:ffff::
  prefix          2001::/32
  server address  10.1.2.3
  flags           0x1234 (not cone, random bits 0x1034)
  mapped address  255.255.255.255
  mapped port     0
  note            server address is not global unicast: packets are discarded (RFC 4380 section 5.2.4)
  note            universal bit 0x0200 is set, which must be 0
  note            mapped address is not global unicast: packets are discarded (RFC 4380 section 5.2.4)
  note            mapped port 0 cannot be written to
`,
  },
  {
    args: ["decode", "--json", "2001:0:102:304:0:fe95:f7f7:f7f7"],
    stdout: `${
      JSON.stringify(
        {
          version: 1,
          addresses: [{
            address: "2001:0:102:304:0:fe95:f7f7:f7f7",
            prefix: "2001::/32",
            server_address: "1.2.3.4",
            flags: "0x0000",
            cone: false,
            random_flags: "0x0000",
            mapped_address: "8.8.8.8",
            mapped_port: 362,
            notes: ["no random flag bits: a client older than RFC 5991"],
          }],
        },
        null,
        2,
      )
    }\n`,
  },
  {
    args: ["decode", "::1", "nonsense", "2001:0:102:304::1%eth0"],
    status: 2,
    stderr: "teredo: ::1 is not a Teredo address: it is not in 2001::/32\n" +
      "teredo: nonsense is not an IPv6 address\n" +
      "teredo: 2001:0:102:304::1%eth0 is not an IPv6 address\n",
  },
  {
    args: ["decode", "--prefix", "3ffe:831f::/32", ADDRESS],
    status: 2,
    stderr: `teredo: ${ADDRESS} is not a Teredo address: it is not in 3ffe:831f::/32\n`,
  },
  {
    args: ["decode", "--prefix", "2001::/16", ADDRESS],
    status: 2,
    stderr:
      'teredo: Failed to parse "2001::/16" for prefix: 2001::/16 is not a prefix of 32 bits, ' +
      "such as 2001::/32\n",
  },
  {
    args: ["decode"],
    status: 2,
    stderr: "teredo: Expected at least 1 argument(s) for ADDR but found none\n",
  },
  // encode
  {
    args: ["encode", "--server", "198.51.100.1", "--address", "203.0.113.15", "--port", "3544"],
    stdout: `${ADDRESS}\n`,
    stderr: `note: server address ${RESERVED}\nnote: mapped address ${RESERVED}\n`,
  },
  {
    args: [
      ...["encode", "--server", "1.2.3.4", "--address", "8.8.8.8", "--port", "362"],
      ...["--flags", "0x1234", "--cone", "--json"],
    ],
    stdout: `${
      JSON.stringify(
        {
          version: 1,
          address: "2001:0:102:304:9234:fe95:f7f7:f7f7",
          link_local: "fe80::9234:fe95:f7f7:f7f7",
          notes: [],
        },
        null,
        2,
      )
    }\n`,
  },
  {
    args: ["encode", "--server", "1.2.3", "--address", "8.8.8.8", "--port", "65536"],
    status: 2,
    stderr: 'teredo: Failed to parse "1.2.3" for server: 1.2.3 is not an IPv4 address\n' +
      'teredo: Failed to parse "65536" for port: 65536 is not a number from 0 to 65535\n',
  },
  {
    args: ["encode", "--server", "1.2.3.4"],
    status: 2,
    stderr: "teredo: Expected input for flag --address\nteredo: Expected input for flag --port\n",
  },
  // the command line itself
  {
    args: ["rely"],
    status: 2,
    stderr: 'teredo: there is no command "rely"; did you mean `relay`?\nTry: teredo help\n',
  },
  { args: ["relay", "--bogus"], status: 2, stderr: "teredo: No flag registered for --bogus\n" },
  { args: ["relay", "-x"], status: 2, stderr: "teredo: No alias registered for -x\n" },
  {
    args: ["relay", "extra"],
    status: 2,
    stderr: 'teredo: Too many arguments, expected 0 but encountered "extra"\n',
  },
  {
    args: ["relay", "--config=/a", "--conf=/b"],
    status: 2,
    stderr: 'teredo: Too many arguments for --config, encountered "/b" after "/a"\n',
  },
  {
    args: ["server", "host.example"],
    status: 2,
    stderr: "teredo: host.example is not an IPv4 address\n",
  },
  {
    args: ["server", "1.2.3.4", "5.6.7.8"],
    status: 2,
    stderr: 'teredo: Too many arguments, expected 1 but encountered "5.6.7.8"\n',
  },
  { args: ["probe"], status: 2, stderr: "teredo: Expected argument for SERVER\n" },
  {
    args: ["probe", "192.0.2.1", "--count", "0"],
    status: 2,
    stderr: 'teredo: Failed to parse "0" for count: 0 is not a number from 1 to 1000000\n',
  },
  ...[
    ["", "0 servers; write 1 to 32"],
    [
      "1.2.3.4:3544",
      "`1.2.3.4:3544` is no IPv4 address; write A.B.C.D alone, as servers are asked at port 3544",
    ],
    [
      "1.2.3.4/1.2.3.4",
      "`1.2.3.4/1.2.3.4` has one address twice; write the secondary one, or none",
    ],
  ].map(([server, problem]): Case => ({
    args: ["netcheck", server!],
    status: 2,
    stderr: `teredo: Failed to parse "${server}" for SERVER: ${problem}\n`,
  })),
  {
    args: ["netcheck", "1.2.3.4", "--stun", "a:b:c"],
    status: 2,
    stderr: 'teredo: Failed to parse "a:b:c" for stun: a:b:c is no HOST or HOST:PORT\n',
  },
  {
    args: ["netcheck", "-c", EMPTY],
    status: 78,
    stderr:
      `teredo: ${EMPTY}: for the relay only; run \`teredo relay\`, or write \`[client]\` with ` +
      "what the client needs\n",
  },
  {
    args: ["netcheck", "192.168.1.1"],
    status: 1,
    stderr: "Server 192.168.1.1 is not a public address: no Teredo server is there\n",
  },
  {
    args: ["demo", "--nat", "cone"],
    status: 2,
    stderr: 'teredo: Expected "cone" to be one of (none|firewall|full-cone|restricted|' +
      'port-restricted|symmetric|port-preserving|sequential|address-symmetric), did you mean "none"?\n',
  },
  {
    args: ["demo", "--clients", "2", "--nat", "none,symmetric,none"],
    status: 2,
    stderr: "teredo: --nat none,symmetric,none names 3 NATs, for 2 of --clients; leave some out\n",
  },
  {
    args: ["server", "192.0.2.1", "--bind-address", "192.0.2.2"],
    status: 2,
    stderr: "teredo: `192.0.2.1` and `--bind-address 192.0.2.2` say two things; leave out one\n",
  },
  {
    args: ["completion", "tcsh"],
    status: 2,
    stderr: 'teredo: Failed to parse "tcsh" for SHELL: tcsh is none of bash, zsh, fish\n',
  },
  // words that name nothing, or hide something
  ...["__proto__", "constructor", "", "xyzzy", "--bogus", "\u001b[2J"].map((word): Case => ({
    args: [word],
    status: 2,
    stderr: `teredo: there is no command "${word.replace("\u001b", "\ufffd")}"\nTry: teredo help\n`,
  })),
  ...["constructor", "toString=1", "__proto__", "hasOwnProperty="].map((flag): Case => ({
    args: ["relay", "-c", EMPTY, `--${flag}`],
    status: 2,
    stderr: `teredo: No flag registered for --${flag.replace(/=.*/, "")}\n`,
  })),
  {
    args: ["config", "chekc"],
    status: 2,
    stderr: 'teredo: there is no command "chekc"; did you mean `check`?\nTry: teredo help\n',
  },
  {
    args: ["relay", "--bindport", "1"],
    status: 2,
    stderr: "teredo: No flag registered for --bindport, did you mean --bind-port?\n",
  },
  {
    args: ["relay", "-c", "a", "-c", "b"],
    status: 2,
    stderr: 'teredo: Too many arguments for --config, encountered "b" after "a"\n',
  },
  ...[["relay", "-c", ""], ["server", "--config="], ["status", "-c", ""]].map((args): Case => ({
    args,
    status: 2,
    stderr: 'teredo: Failed to parse "" for config: an empty word names no file\n',
  })),
  ...["check", "show", "convert"].map((name): Case => ({
    args: ["config", name, ""],
    status: 2,
    stderr: 'teredo: Failed to parse "" for FILE: an empty word names no file\n',
  })),
  {
    args: ["relay", "-c", EMPTY, "--user=", "--bind-port="],
    status: 2,
    stderr: "teredo: --bind-port: `` is not a whole number; write it in decimal digits\n" +
      "teredo: --user: `` cannot be a user name; write one that `id` knows\n",
  },
  {
    args: ["relay", "-c", EMPTY, "--bind-port", "\u001b[2J\n"],
    status: 2,
    stderr:
      "teredo: --bind-port: `\ufffd[2J\ufffd` is not a whole number; write it in decimal digits\n",
  },
  { args: ["server", ""], status: 2, stderr: "teredo: an empty word is not an IPv4 address\n" },
  { args: ["decode", ""], status: 2, stderr: "teredo: an empty word is not an IPv6 address\n" },
  {
    args: ["decode", "--", "--json"],
    status: 2,
    stderr: "teredo: --json is not an IPv6 address\n",
  },
  {
    args: ["decode", "\u001b]0;x\u0007"],
    status: 2,
    stderr: "teredo: \ufffd]0;x\ufffd is not an IPv6 address\n",
  },
  {
    args: ["encode", "--server", "", "--address", "8.8.8.8", "--port", ""],
    status: 2,
    stderr: 'teredo: Failed to parse "" for server: an empty word is not an IPv4 address\n' +
      'teredo: Failed to parse "" for port: an empty word is not a number from 0 to 65535\n',
  },
  ...["", "a b", "[::1]", "1.2.3.4:3544", "http://x", "\u001b"].map((host): Case => ({
    args: ["probe", host],
    status: 2,
    stderr: `teredo: Failed to parse "${host.replace("\u001b", "\ufffd")}" for SERVER: ${
      host.replace("\u001b", "\ufffd") || "an empty word"
    } is neither an IPv4 address nor a host name\n`,
  })),
  ...["1e3", "-1", "1.5", "", "1000001", "99999999999"].map((count): Case => ({
    args: ["probe", "192.0.2.1", `--count=${count}`],
    status: 2,
    stderr: `teredo: Failed to parse "${count}" for count: ${
      count || "an empty word"
    } is not a number from 1 to 1000000\n`,
  })),
  ...["1x", "-1s", "1.5s", ""].map((time): Case => ({
    args: ["probe", "192.0.2.1", "--interval", time],
    status: 2,
    stderr:
      `teredo: Failed to parse "${time}" for interval: \`${time}\` is not a duration; write ` +
      "e.g. 500ms, 2s, 5min or 1h\n",
  })),
  ...["0", "0s", "2h"].map((time): Case => ({
    args: ["probe", "192.0.2.1", "--interval", time],
    status: 2,
    stderr: `teredo: Failed to parse "${time}" for interval: \`${time}\` is out of range; write ` +
      "1ms to 1h\n",
  })),
  {
    args: ["probe", "192.0.2.1", "--secondary", "1.2", "--ping", "x"],
    status: 2,
    stderr: 'teredo: Failed to parse "1.2" for secondary: 1.2 is not an IPv4 address\n' +
      'teredo: Failed to parse "x" for ping: x is not an IPv6 address\n',
  },
  {
    args: ["status", "rely"],
    status: 2,
    stderr: 'teredo: Failed to parse "rely" for ROLE: rely is none of relay, server, client\n',
  },
  {
    args: ["status", "--url", "a:1", "-c", EMPTY],
    status: 2,
    stderr: "teredo: --url and --config name two places; give one\n",
  },
  // configuration
  {
    args: ["relay", "-c", "/nowhere/teredo.ini"],
    status: 78,
    stderr: "teredo: /nowhere/teredo.ini: no such file; check the path\n",
  },
  {
    args: ["relay", "-c", EMPTY, "--bind-port", "70000"],
    status: 2,
    stderr: "teredo: --bind-port: `70000` is out of range; write a number from 0 to 65535\n",
  },
  {
    args: ["config", "check", "/nowhere/teredo.ini"],
    status: 78,
    stderr: "/nowhere/teredo.ini: no such file; check the path\n",
  },
  // status
  {
    args: ["status", "--url", "http://127.0.0.1:1"],
    status: 3,
    stderr: "teredo: not running: nothing listens at http://127.0.0.1:1\n",
  },
  {
    args: ["status", "--url", "unix:/nowhere/teredo.sock"],
    status: 3,
    stderr: "teredo: not running: there is no socket unix:/nowhere/teredo.sock\n",
  },
  {
    args: ["status", "--url", "ftp://127.0.0.1"],
    status: 2,
    stderr: "teredo: `ftp://127.0.0.1` is no place of status pages; write 127.0.0.1:9545, " +
      "[::1]:9545, http://HOST:PORT or unix:/PATH\n",
  },
];

for (const { args, status = 0, stdout = "", stderr = "" } of cases) {
  test(`teredo ${args.join(" ").replace(EMPTY, "FILE")}`, () => {
    assert.deepEqual(teredo(args), { status, stdout, stderr });
  });
}

test("teredo --version prints the version alone", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const flag of ["--version", "-V", "version"]) {
    const done = teredo([flag]);
    assert.equal(done.status, 0);
    assert.equal(done.stderr, "");
    // The binary may add the commit it was built from.
    assert.match(done.stdout, process.env["TEREDO_BIN"] ? /^\d+\.\d+\.\d+\S*\n$/ : /^\S+\n$/);
    if (!process.env["TEREDO_BIN"]) assert.equal(done.stdout, `${version}\n`);
  }
});

const COMMANDS =
  "relay server check config announce status peers why decode encode explain probe netcheck demo completion version"
    .split(" ");

test("teredo help lists every command on standard output", () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    const { status, stdout, stderr } = teredo(args);
    assert.equal(status, 0);
    assert.equal(stderr, "");
    for (const name of COMMANDS) assert.match(stdout, new RegExp(`^  ${name} +[A-Z]`, "m"));
  }
});

for (const args of [[], ["check"], ["config"]]) {
  test(`teredo ${args.join(" ")} alone is a usage error with help on standard error`, () => {
    const { status, stdout, stderr } = teredo(args);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^USAGE\n/);
  });
}

for (const name of COMMANDS) {
  test(`teredo help ${name} is teredo ${name} --help`, () => {
    const asked = teredo(["help", name]);
    assert.equal(asked.status, 0);
    assert.match(asked.stdout, new RegExp(`^USAGE\n  teredo ${name}`));
    assert.deepEqual(teredo([name, "--help"]), asked);
  });
}

test("teredo relay --help has a flag for every setting and Miredo's letters", () => {
  const { stdout } = teredo(["relay", "--help"]);
  for (
    const text of [
      "-c [--config FILE]",
      "-u [--user USER]",
      "-t [--chroot PATH]",
      "-p [--pid-file PATH]",
    ]
  ) assert.ok(stdout.includes(text), text);
  for (const id of ["relay.bind_port", "status.socket", "log.level"]) {
    assert.ok(stdout.includes(`(${id})`));
  }
});

test("teredo relay --help has name, values and default of each flag's value, in columns", () => {
  for (const role of ["relay", "server"] as const) {
    const rows = teredo([role, "--help"]).stdout.split("\n");
    for (const { flag, kind, id } of flagsOf(role)) {
      const row = rows.find((line) => line.includes(`[${flag} `)) ?? "";
      assert.match(row, / {2}[A-Z].* \([a-z_.0-9]+\) \[.+, default .+\]$/, flag);
      assert.ok(row.includes(kind.placeholder) && row.includes(`(${id})`), row);
    }
  }
  const { stdout } = teredo(["relay", "--help"]);
  for (
    const text of [
      "[--type WORD]",
      "[relay|restricted|cone, default relay]",
      "[--bind-port N]",
      "[0 to 65535, default 3545]",
      "[--drain-time TIME]",
      "[0 to 1min, default 1s; 10s with announce]",
      "[--refuse-reserved [yes|no]]",
      "[yes|no, default no]",
      "[an absolute path, default nothing]",
      "[auto, or 1 to 64, default auto]",
    ]
  ) assert.ok(stdout.includes(text), text);
  const columns = stdout.split("\n").map((line) =>
    /^( {2}.. .--.*? {2,})\S/.exec(line)?.[1]?.length
  )
    .filter((width) => width !== undefined);
  assert.equal(new Set(columns).size, 1, stdout);
});

test("teredo writes no colours into a pipe, and does not wait for a reader that left", () => {
  const [path, argv] = command(["help", "relay"]);
  const shell = `"$0" "$@" | head -n 1`;
  const done = teredo(["help", "relay"]);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(done.stdout, /\x1b/);
  const { status, stdout } = run("sh", ["-c", shell, path, ...argv]);
  assert.equal(status, 0);
  assert.equal(stdout, "USAGE\n");
});

function run(path: string, args: readonly string[], env: Record<string, string> = {}) {
  const done = spawnSync(path, args, { encoding: "utf8", env: { ...process.env, ...env } });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

const proposals: readonly [string[], string[]][] = [
  [["re"], ["relay", "reload", "record"]],
  [["c"], ["client", "check", "config", "completion"]],
  [["check", ""], ["relay", "server", "client"]],
  [["config", "co"], ["convert"]],
  [["relay", "--bind-p"], ["--bind-port"]],
  [["demo", "--nat", "s"], ["symmetric", "sequential"]],
  [["completion", ""], ["bash", "zsh", "fish"]],
  [["nothing", ""], []],
];

for (const [words, want] of proposals) {
  test(`completion proposes after "teredo ${words.join(" ")}"`, () => {
    const { status, stdout } = teredo(["__complete", ...words]);
    assert.equal(status, 0);
    const names = stdout.split("\n").map((line) => line.split("\t")[0]!).filter((it) => it !== "");
    assert.deepEqual(names.filter((it) => !["--help", "-h", "--"].includes(it)), want);
  });
}
