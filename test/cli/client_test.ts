import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { problemsOf } from "#test/status/schema_validator.ts";
import { expectLines, onMachine } from "./namespace.ts";
import { teredo } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "teredo-client-"));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const CLIENT = file("client.conf", "RelayType client\nServerAddress 192.0.2.1\n");
const RELAY = file("relay.conf", "ServerAddress 192.0.2.1\nRelayType relay\n");
const NATIVE = file("client.ini", "[client]\nservers = 192.0.2.1\n");
const BARE = file("bare.ini", "[client]\n");
const DEBIAN = "/etc/miredo/miredo.conf";

const refused: readonly (readonly [readonly string[], status: number, stderr: string])[] = [
  [
    ["client", "-c", RELAY],
    78,
    `${RELAY}:2: RelayType: \`relay\` makes a relay; run \`teredo relay\`, or write \`client\` for a client`,
  ],
  [
    ["relay", "-c", CLIENT],
    78,
    `${CLIENT}:1: RelayType: \`client\` makes a Teredo client; run \`teredo client\`, or write \`relay\` ` +
    "for a relay",
  ],
  [
    ["relay", "-c", DEBIAN],
    78,
    `${DEBIAN}: with \`ServerAddress\` and without \`RelayType\` this is a Teredo client's file; run ` +
    "`teredo client`, or write `RelayType relay` for a relay",
  ],
  [
    ["client", "-c", BARE],
    78,
    `${BARE}: client.servers: not set; name a Teredo server, here or behind \`teredo client\`, e.g. one ` +
    "of docs/client.md",
  ],
  [
    ["client", "-c", BARE, "2001:db8::1"],
    2,
    "--servers: `2001:db8::1` is no IPv4 address; write A.B.C.D alone, as servers are asked at port 3544",
  ],
  [
    ["client", "-c", NATIVE, "--extensions", "upnp"],
    2,
    "--extensions: `upnp` does not exist yet; write the others, and open the port by hand",
  ],
  [
    ["client", "-c", NATIVE, "192.0.2.1", "--servers", "192.0.2.2"],
    2,
    "`192.0.2.1` and `--servers 192.0.2.2` say two things; leave out one",
  ],
  [["client", "-x"], 2, "No alias registered for -x"],
];

for (const [args, status, stderr] of refused) {
  test(`teredo ${args.join(" ").replaceAll(`${folder}/`, "")} is refused with ${status}`, () => {
    assert.deepEqual(teredo(args), { status, stdout: "", stderr: `teredo: ${stderr}\n` });
  });
}

/** What unshare(1) says, and what to do about it. */
const NO_NAMESPACES = [
  [
    "unshare: write failed /proc/self/uid_map: Operation not permitted",
    process.getuid!() === 0
      ? "in a container give it CAP_SYS_ADMIN and CAP_NET_ADMIN"
      : "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 " +
        "kernel.apparmor_restrict_unprivileged_userns=0",
  ],
  [
    "unshare: unshare failed: No space left on device",
    "there are as many as it allows: raise user.max_user_namespaces, user.max_net_namespaces and the " +
    "like, which `sysctl user` lists",
  ],
] as const;

for (const [refusal, mend] of NO_NAMESPACES) {
  test(`teredo client --run says what to do where ${refusal}`, () => {
    const bin = mkdtempSync(join(folder, "bin"));
    writeFileSync(join(bin, "unshare"), `#!/bin/sh\necho '${refusal}' >&2\nexit 1\n`, {
      mode: 0o755,
    });
    const { status, stdout, stderr } = teredo(["client", "192.0.2.1", "--run", "echo ran"], {
      PATH: `${bin}:${process.env["PATH"]}`,
    });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.equal(
      stderr,
      `teredo: \`--run\` needs namespaces, which this system refused (${refusal}); ${mend}\n`,
    );
  });
}

test("teredo client --run names the package of the program that it takes", () => {
  assert.deepEqual(teredo(["client", "192.0.2.1", "--run", "echo ran"], { PATH: "/nowhere" }), {
    status: 1,
    stdout: "",
    stderr: "teredo: `--run` takes the program `unshare`; install util-linux\n",
  });
});

test("teredo config knows the miredo.conf that Debian installs for a client's", () => {
  assert.deepEqual(teredo(["config", "check", DEBIAN]), {
    status: 0,
    stdout: `${DEBIAN}: ok, miredo syntax, for client\n`,
    stderr: "",
  });
  const { status, stdout, stderr } = teredo(["config", "convert", DEBIAN]);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^\[client\]$[^]*^interface_name = teredo$[^]*^servers = teredo-debian\./m);
  const shown = teredo(["config", "show", DEBIAN]);
  assert.match(shown.stdout, /^servers = teredo-debian\.remlab\.net +# .*miredo\.conf:6$/m);
  assert.match(shown.stdout, /^#port = +# not set: .*9546 for the client$/m);
});

test("teredo client --help has Miredo's letters, its servers, and a flag for every setting", () => {
  const { stdout } = teredo(["client", "--help"]);
  for (
    const text of [
      "-c [--config FILE]",
      "-f [--foreground]",
      "-u [--user USER]",
      "-t [--chroot PATH]",
      "-p [--pid-file PATH]",
      "[--when-native WORD]",
      "stand_back|relay|keep",
      "SERVER",
    ]
  ) assert.ok(stdout.includes(text), text);
});

/** A host behind a NAT: no IPv6 of its own. */
const BEHIND = `sysctl -qw net.ipv6.conf.all.forwarding=0
ip route add default dev eth0
printf '[client]\\n' > $work/client.ini
flush() { sed '/^ok/d; /^note/d; /^[0-9]* checks/d'; }
check() { teredo check client -c $work/client.ini "$@" | flush; }
`;

test("teredo check client on a host that is fit warns of nothing but who is let in", () => {
  expectLines(
    `${BEHIND}check 192.0.2.1
echo "exit status \${PIPESTATUS[0]}"
nft -f - << END
table ip6 t {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "teredo" ct state established accept
    iifname "teredo" drop
  }
}
END
check 192.0.2.1`,
    [
      "warn exposure: whoever knows this host's Teredo address reaches its services by teredo, past the NAT; mend: have a packet filter drop what comes in by teredo unasked, as in docs/client.md",
      "exit status 0",
    ],
  );
});

test("teredo check client beside a relay on the same host refuses, and its mend helps", () => {
  const { lines } = onMachine(`${BEHIND}
daemon relay relay -c $work/teredo.ini --interface-name relay0 --served self --drain-time 100ms
until_says relay msg=Ready
check 192.0.2.1 | grep ^FAIL
check 192.0.2.1 --interface-name relay0 | grep ^FAIL
kill $pid; ended
check 192.0.2.1 | grep ^FAIL
echo end`);
  assert.match(lines[0] ?? "", /^FAIL service_route: .*2001::\/32.*; mend: /, lines.join("\n"));
  assert.match(lines[1] ?? "", /^FAIL tun: .*relay0 is in use.*; mend: /, lines.join("\n"));
  assert.deepEqual(lines.slice(2), ["exit status 0", "end"]);
});

test("teredo check client tells of native IPv6, no IPv4, a taken port and labels", () => {
  const { lines } = onMachine(`${BEHIND}
flush() { grep -v exposure | sed '/^ok/d; /^note/d; /^[0-9]* checks/d'; }
mkdir -p /run/etc && mount -t overlay overlay -o lowerdir=/run/etc:/etc /etc 2> /dev/null
ip -6 addr add 2001:db8::7/64 dev eth0 nodad
ip -6 route add default dev eth0
check 192.0.2.1
check 192.0.2.1 --when-native keep
ip -6 route del default
ip route del default
check 192.0.2.1
ip route add default dev eth0
check 192.0.2.1/192.0.2.9
check 192.0.2.1 --bind-address 203.0.113.9
check 192.0.2.1 --hook /nowhere/hook
check none.invalid`);
  const want = [
    /^warn native: this host has IPv6 by eth0 \(2001:db8::7\): the client stands back and waits; /,
    /^warn ipv4_route: this host has no IPv4 route to the Internet, so that the client waits for one; /,
    /^warn secondary: 192\.0\.2\.9 is not 192\.0\.2\.1 plus one/,
    /^FAIL address: 203\.0\.113\.9 is not on this host; mend: ip addr add 203\.0\.113\.9\/32 dev eth0$/,
    /^FAIL hook: there is no file \/nowhere\/hook/,
    /^FAIL servers: (there is no host none\.invalid|none\.invalid cannot be looked up)/,
  ];
  assert.equal(lines.length, want.length, lines.join("\n"));
  want.forEach((line, i) => assert.match(lines[i]!, line));
});

test("teredo check client --json keeps to docs/status.schema.json", () => {
  const { lines, stderr } = onMachine(`${BEHIND}
teredo check client -c $work/client.ini 192.0.2.1 --json | tr -d '\\n'`);
  assert.equal(stderr, "");
  const report = JSON.parse(lines.at(-1)!);
  assert.deepEqual(problemsOf(report, "check_report"), []);
  assert.deepEqual([report.role, report.ok], ["client", true]);
});

test("teredo client asks from the port that it is told, or from one that it keeps", () => {
  const { lines } = onMachine(`
ip route add default via 198.51.100.9
printf '[client]\nservers = 192.0.2.1\nstate_file = %s\n' $work/state > $work/teredo.ini
for port in 4000 '' ''; do
  daemon client client -c $work/teredo.ini \${port:+--bind-port $port}
  until_says client msg=Ready
  grep -o 'listening=[^ ]*' $work/client.log
  kill $pid; ended
done`);
  const ports = lines.filter((line) => line.startsWith("listening="));
  assert.equal(ports[0], "listening=0.0.0.0:4000");
  assert.equal(ports[1], ports[2]);
  assert.deepEqual(lines.filter((line) => /^exit/.test(line)), Array(3).fill("exit status 0"));
});

test("teredo client --run takes a port of its own beside the host's client, unless a flag names one", () => {
  const { lines } = onMachine(`
printf '[client]\nservers = 192.0.2.1\nbind_port = 4000\n' > $work/teredo.ini
daemon client client -c $work/teredo.ini
until_says client msg=Ready
for flag in '' --bind-port=4000; do
  teredo client -c $work/teredo.ini $flag --wait=1s --run 'echo ran' 2>&1 |
    grep -oE 'Not qualified in time|UDP .* is in use|UDP .* taken.*'
done
echo end`);
  assert.deepEqual(lines, ["Not qualified in time", "UDP 0.0.0.0:4000 is in use", "end"]);
});

test("teredo client says that its bind_address is gone, and goes on when it is back", () => {
  const { lines } = onMachine(`
ip route add default via 198.51.100.9
daemon client client 192.0.2.1 --bind-address 198.51.100.2
until_says client msg=Ready
ip addr del 198.51.100.2/24 dev eth0
until_says client 'state=no_ipv4 reason="bind_address 198.51.100.2 is not on this host" mend='
ip addr add 198.51.100.2/24 dev eth0
until_says client 'state=probing reason="the network is another one"'
echo end`);
  assert.deepEqual(lines, ["end"]);
});
