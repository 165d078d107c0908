import assert from "node:assert/strict";
import test from "node:test";
import { problemsOf } from "#test/status/schema_validator.ts";
import { expectLines, onMachine } from "./namespace.ts";
import { runArguments } from "./run.ts";

const RELAY = "relay -c $work/teredo.ini --drain-time 100ms";
const SERVER = "server -c $work/teredo.ini --bind-address 198.51.100.1";

test("teredo relay makes its interface, serves, and leaves its history alone after SIGTERM", () => {
  expectLines(
    `daemon relay ${RELAY} -f -p /run/relay.pid --status-socket /run/relay.sock
until_says relay msg=Ready
[ "$(cat /run/relay.pid)" = $pid ] && echo "pid file"
ip -brief -6 addr show dev teredo | tr -s ' '
ip -6 route show 2001::/32
teredo status --url unix:/run/relay.sock | head -n 1
kill -HUP $pid
until_says relay msg=Reloaded
kill -TERM $pid
ended
ip link show dev teredo 2>&1
find /run -type f`,
    [
      "pid file",
      /^teredo UNKNOWN fe80::ffff:ffff:ffff\/64 ?$/,
      /^2001::\/32 dev teredo metric 10 /,
      /^teredo relay \S+ {2}ready$/,
      "exit status 0",
      'Device "teredo" does not exist.',
      "/run/teredo-relay/history",
    ],
  );
});

for (const [role, command] of [["relay", RELAY], ["server", SERVER]] as const) {
  test(`the pages of a ${role} give way to its packets`, () => {
    expectLines(
      `daemon ${role} ${command}
until_says ${role} msg=Ready
more() { # of a thread that has not ended meanwhile
  local stat
  stat=$(sed 's/.*) //' /proc/$pid/task/$1/stat 2> /dev/null | cut -d ' ' -f 17)
  [ -z "$stat" ] || echo $((stat - $(nice)))
}
echo "main thread $(more $pid)"
for task in /proc/$pid/task/*; do more \${task##*/}; done | sort -n | head -n 1
kill $pid; ended`,
      ["main thread 10", "0", "exit status 0"],
    );
  });
}

test("teredo status --json of a live relay keeps to docs/status.schema.json", () => {
  const { lines, stderr } = onMachine(`daemon relay ${RELAY}
until_says relay msg=Ready
teredo status --json
kill $pid; ended`);
  assert.equal(stderr, "");
  const status = JSON.parse(lines[0]!);
  assert.deepEqual(problemsOf(status), []);
  assert.deepEqual(status.listening, ["0.0.0.0:3545"]);
  assert.equal(status.interface_name, "teredo");
});

/** `pages PORT`: each status page of a daemon, one a line; what follows its headers. */
const PAGES = String.raw`
page() {
  exec 3<> /dev/tcp/127.0.0.1/$1
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' $2 >&3
  sed '1,/^\r$/d' <&3
  echo
}
pages() { for path in /status /readyz /healthz /nowhere; do page $1 $path; done; }
`;

for (const [role, command, port] of [["relay", RELAY, 9545], ["server", SERVER, 9544]] as const) {
  test(`every status page of a live ${role} keeps to docs/status.schema.json`, () => {
    const { lines, stderr } = onMachine(`${PAGES}
daemon ${role} ${command}
until_says ${role} msg=Ready
pages ${port}
kill $pid; ended`);
    assert.equal(stderr, "");
    const [status, ready, health, error] = lines.map((line) =>
      line.startsWith("{") ? JSON.parse(line) : line
    );
    assert.deepEqual(problemsOf(status), []);
    assert.deepEqual(problemsOf(ready, "ready"), []);
    assert.deepEqual(problemsOf(health, "health"), []);
    assert.deepEqual(problemsOf(error, "error"), []);
    assert.equal(status.role, role);
    assert.equal(ready.ready, true);
    assert.ok(status.process.open_fds > 2);
  });
}

test("every answer of a live control socket keeps to docs/status.schema.json", () => {
  const { lines, stderr } = onMachine(String.raw`
post() { curl -s -X POST --unix-socket /run/teredo-relay/control "http://localhost/$1"; echo; }
printf '[relay]\nmax_peers = 1000\n' > $work/teredo.ini
daemon relay relay -c $work/teredo.ini
until_says relay msg=Ready
post drain
post undrain
post log/debug?peer=192.0.2.1
post log/off
printf '[relay]\nbind_port = 3546\nmax_peers = 2000\n' > $work/teredo.ini
post reload?dry_run=1
post reload?confirm_within_ms=60000
post reload/confirm
printf '[relay]\nnonsense = 1\n' > $work/teredo.ini
teredo reload relay --json
post log/debug?nonsense=1
post nonsense
kill $pid; ended`);
  assert.equal(stderr, "");
  const reports = ["drain", "drain", "log", "log", "reload", "reload", "reload", "reload"]
    .map((name) => `${name}_report`);
  const names = [...reports, "error", "error"];
  const documents = lines.slice(0, -1).map((line) => JSON.parse(line));
  assert.deepEqual(
    documents.flatMap((it, at) => problemsOf(it, names[at])),
    [],
    lines.join("\n"),
  );
  assert.equal(documents.length, names.length);
});

for (const [role, command, port] of [["relay", RELAY, 9545], ["server", SERVER, 9544]] as const) {
  test(`promtool finds nothing to say of the metrics of a live ${role}`, () => {
    const { stdout, stderr } = onMachine(`${PAGES}
daemon ${role} ${command}
until_says ${role} msg=Ready
page ${port} /metrics > $work/metrics
sed -i '\${/^$/d}' $work/metrics
promtool check metrics < $work/metrics
echo "promtool $?"
grep -c '^process_' $work/metrics
kill $pid; ended`);
    assert.equal(stderr, "");
    assert.equal(stdout, "promtool 0\n6\nexit status 0\n");
  });
}

test("teredo server listens on both addresses and ends with SIGINT", () => {
  expectLines(
    `daemon server ${SERVER}
until_says server msg=Ready
teredo status | sed -n 's/^teredo \\(server\\) .*  /\\1 /p; /listening/p'
kill -INT $pid
ended`,
    ["server ready", "  listening  UDP 198.51.100.1:3544, 198.51.100.2:3544", "exit status 0"],
  );
});

test("teredo relay -u -t gives up every privilege and still serves", () => {
  expectLines(
    `mkdir /run/jail
program="setpriv --groups 4,24 $program" # as a login may leave them
daemon relay ${RELAY} -u nobody -t /run/jail -p /run/relay.pid
until_says relay msg=Ready
grep -hsE '^(Uid|Gid|Groups|CapEff|CapPrm):' /proc/$pid/task/*/status | sort -u | tr -s '\\t ' ' '
sleep 1.2 # beyond the next look at readiness
teredo status --json | grep -c '"ok":false'
kill $pid
ended
ip link show dev teredo 2>&1
[ -s /run/relay.pid ] || echo "pid file empty"
grep -o 'level=warn msg="Pid file.*' $work/relay.log
daemon again ${RELAY} -p /run/relay.pid
until_says again msg=Ready
kill $pid
ended`,
    [
      "CapEff: 0000000000000000",
      "CapPrm: 0000000000000000",
      "Gid: 65534 65534 65534 65534",
      "Groups: 65534 ",
      "Uid: 65534 65534 65534 65534",
      "0",
      "exit status 0",
      'Device "teredo" does not exist.',
      "pid file empty",
      'level=warn msg="Pid file will be left empty at the end" path=/run/relay.pid user=nobody ' +
      'chroot=/run/jail mend="put it in a folder of that user\'s, outside any chroot"',
      "exit status 0",
    ],
  );
});

test("teredo relay -u leaves nothing in a folder of that user's, whose group may ask for status", () => {
  expectLines(
    `install -d -o nobody -g nogroup /run/teredo
daemon relay ${RELAY} -u nobody -p /run/teredo/pid --status-socket /run/teredo/status
until_says relay msg=Ready
stat -c '%a %U %G' /run/teredo/pid /run/teredo/status
setpriv --reuid nobody --regid nogroup --clear-groups $program status --url unix:/run/teredo/status | head -n 1
kill $pid
ended
ls -A /run/teredo
grep "Pid file" $work/relay.log`,
    [
      "600 root root",
      "660 root nogroup",
      /^teredo relay \S+ {2}ready$/,
      "exit status 0",
    ],
  );
});

test("a daemon that root starts in a stranger's folder follows nothing that stands there", () => {
  expectLines(
    `install -d -o nobody /run/theirs /run/theirs/inner
echo precious > /run/victim
ln -s /run/victim /run/theirs/link
ln /run/victim /run/theirs/hard
mkfifo /run/theirs/fifo
for name in link hard fifo inner/new; do
  teredo ${RELAY} --log-level error -p /run/theirs/$name 2>&1
  teredo ${RELAY} --log-level error --status-socket /run/theirs/$name 2>&1
done
cat /run/victim
stat -c '%a %U' /run/victim
find /run/theirs -newer /run/victim -type f`,
    [
      /^teredo: the pid file \/run\/theirs\/link cannot be written: it is a symbolic link; /,
      /^teredo: \/run\/theirs\/link exists and is not a socket; /,
      /^teredo: \/run\/theirs\/hard has another name besides: it is a hard link; /,
      /^teredo: \/run\/theirs\/hard exists and is not a socket; /,
      /^teredo: \/run\/theirs\/fifo is not a regular file; /,
      /^teredo: \/run\/theirs\/fifo exists and is not a socket; /,
      /^teredo: \/run\/theirs\/inner\/new: \/run\/theirs belongs to user 65534, and could be made /,
      /^teredo: \/run\/theirs\/inner\/new: \/run\/theirs belongs to user 65534, and could be made /,
      "precious",
      "644 root",
    ],
  );
});

test("SIGUSR1 drains a relay that goes on, and a second one takes it back", () => {
  expectLines(
    `daemon relay ${RELAY}
until_says relay msg=Ready
kill -USR1 $pid
until_says relay 'msg="Draining until told otherwise"'
teredo status | head -n 1
teredo status --json | grep -o '"draining": *[a-z][a-z]*'
kill -USR2 $pid
until_says relay 'msg=State.* detail=draining'
ip link show dev teredo | grep -c LOWER_UP
kill -USR1 $pid
until_says relay 'msg="Serving again"'
teredo status | head -n 1
kill -USR2 $pid
until_says relay 'msg=State.* detail=ready'
kill $pid
ended
grep -c 'Not ready' $work/relay.log`,
    [
      /^teredo relay \S+ {2}draining$/,
      /^"draining": *true$/,
      "1",
      /^teredo relay \S+ {2}ready$/,
      "exit status 0",
      "0",
    ],
  );
});

/** Deno does not let a program take these. */
const UNKNOWN_TO_DENO = ["PWR", "XFSZ"];
const known = (names: readonly string[]) =>
  "deno" in process.versions ? names.filter((it) => !UNKNOWN_TO_DENO.includes(it)) : names;

/** Every signal whose default action is to end the process, signal(7), and what it does here. */
const signals: readonly [what: string, names: readonly string[], outcome: string][] = [
  ["ends a daemon as told", ["TERM", "INT", "QUIT", "XCPU"], "ended"],
  ["is ignored with a line", ["ALRM", "VTALRM", "PROF"], "line"],
  [
    "is ignored without a word",
    ["PIPE", "PWR", "XFSZ", "STKFLT", "IO", "RTMIN", "RTMAX"],
    "silence",
  ],
];

for (const [what, all, outcome] of signals) {
  const names = known(all);
  test(`each of SIG${names.join(", SIG")} ${what}`, () => {
    const each = {
      ended: "ended",
      line: `until_says server 'msg="Signal ignored" signal=SIG'$name\nkill $pid; ended`,
      silence: `sleep 0.2; teredo status | grep -o 'ready$'; kill $pid; ended`,
    }[outcome];
    const script = `for name in ${names.join(" ")}; do
daemon server ${SERVER} -p /run/server.pid
until_says server msg=Ready
kill -$name $pid
${each}
tail -n 1 $work/server.log | grep -o 'msg=Ended$'
find /run -type f
done`;
    const lines = ["exit status 0", "msg=Ended", "/run/teredo-server/history"];
    const one = outcome === "silence" ? ["ready", ...lines] : lines;
    expectLines(script, names.flatMap(() => one));
  });
}

test("teredo relay drains after SIGTERM, and a second signal ends it at once", () => {
  expectLines(
    `daemon relay relay -c $work/teredo.ini --drain-time 60s
until_says relay msg=Ready
kill -TERM $pid
until_says relay 'msg=Draining seconds=60$'
teredo status | head -n 1
kill -TERM $pid
ended
tail -n 1 $work/relay.log | cut -d ' ' -f 2-
ip link show dev teredo 2>&1`,
    [
      /^teredo relay \S+ {2}draining$/,
      "exit status 1",
      'level=warn msg="Ended at once by a second signal" signal=SIGTERM',
      'Device "teredo" does not exist.',
    ],
  );
});

const floods: readonly (readonly [who: string, status: string, args: string])[] = [
  ["of this host", "", "http://127.0.0.1:9545"],
  [
    "from elsewhere, and 20 that guess the token,",
    "address = 198.51.100.1\\ntoken_file = token",
    `http://198.51.100.1:9545`,
  ],
];

for (const [who, status, url] of floods) {
  test(`300 clients ${who} that ask without end and never read cost a relay no memory, and keep nobody out`, () => {
    const flood = [process.execPath, ...runArguments.file("test/cli/http_flood.ts")].join(" ");
    const token = status === "" ? "" : "0123456789abcdefghijkl";
    const start = performance.now();
    const { lines, stderr } = onMachine(
      `(umask 027; echo ${token} > $work/token)
printf '[relay]\n[status]\n${status}\n' > $work/teredo.ini
daemon relay ${RELAY}
until_says relay msg=Ready
${flood} ${url} $pid 8 ${token}
grep -c 'Wrong token' $work/relay.log
kill $pid
ended`,
    );
    const minutes = Math.ceil((performance.now() - start) / 60_000);
    const shown = `${lines.join("\n")}\n${stderr}`;
    assert.deepEqual([lines.length, lines.at(-1), stderr], [3, "exit status 0", ""], shown);
    const found = /^slowest answer \d+ ms, (\d+) wrong tokens answered, largest memory (\d+) MB$/
      .exec(lines[0]!);
    // 145 to 179 MB where it was measured, and never more than 232, however many rounds; when the
    // runtime collects is its own affair. From source it compiles as well, and Deno is another.
    const limit = (process.env["TEREDO_BIN"] ?? "") === "" ? 400 : 340;
    assert.ok(Number(found?.[2]) < limit, shown);
    assert.equal(Number(found?.[1]) > 100, token !== "", shown);
    // Five a minute, however long it took.
    const most = Math.max(30, 5 * (minutes + 1));
    assert.ok(Number(lines[1]) <= most && Number(lines[1]) > 0 === (token !== ""), shown);
  });
}

test("a relay whose log nobody reads serves all the same, and ends when it is told", () => {
  expectLines(
    `mkfifo /run/log
exec 9<> /run/log
dd if=/dev/zero of=/run/log bs=4k oflag=nonblock 2> /dev/null # until it is full
$program ${RELAY} 2>&9 &
pid=$!
until teredo status > /run/status 2> /dev/null; do kill -0 $pid || break; sleep 0.05; done
head -n 1 /run/status
dropped() { teredo status --json | grep -o '"log_lines_dropped":[0-9]*'; }
dropped
while [ "$(dropped)" = '"log_lines_dropped":0' ]; do
  for i in $(seq 400); do
    for signal in USR2 ALRM VTALRM PROF IO; do kill -$signal $pid; done
  done
done
teredo status | head -n 1
kill $pid
ended`,
    [
      /^teredo relay \S+ {2}ready$/,
      '"log_lines_dropped":0',
      /^teredo relay \S+ {2}ready$/,
      "exit status 0",
    ],
  );
});

test("teredo relay takes over after a killed process", () => {
  expectLines(
    `daemon relay ${RELAY} -p /run/relay.pid --status-socket /run/relay.sock
until_says relay msg=Ready
kill -KILL $pid
wait $pid 2> /dev/null
daemon again ${RELAY} -p /run/relay.pid --status-socket /run/relay.sock
until_says again msg=Ready
[ "$(cat /run/relay.pid)" = $pid ] && echo "pid file"
teredo status --url unix:/run/relay.sock | head -n 1
kill $pid
ended`,
    ["pid file", /ready$/, "exit status 0"],
  );
});

test("a relay whose interface is taken away makes it again, and says so", () => {
  expectLines(
    `daemon relay ${RELAY} -p /run/relay.pid
until_says relay msg=Ready
ip link del teredo
until_says relay 'msg=Restored what=route'
ip -6 route show 2001::/32
kill $pid
ended
find /run -type f`,
    [/^2001::\/32 dev teredo /, "exit status 0", "/run/teredo-relay/history"],
  );
});

test("readiness follows the machine in what is not the relay's own", () => {
  expectLines(
    `daemon relay ${RELAY}
until_says relay msg=Ready
sysctl -qw net.ipv6.conf.all.forwarding=0
until_says relay 'check=forwarding'
grep -o 'msg="Not ready".*' $work/relay.log
teredo status | sed -n '1p; /FAIL/p'
sysctl -qw net.ipv6.conf.all.forwarding=1
until_says relay 'msg="Ready again" check=forwarding'
teredo status | head -n 1
kill $pid
ended`,
    [
      'msg="Not ready" check=forwarding detail="the kernel does not forward IPv6 packets" ' +
      'mend="sysctl -w net.ipv6.conf.all.forwarding=1"',
      /not ready$/,
      "  FAIL       forwarding: the kernel does not forward IPv6 packets; " +
      "mend: sysctl -w net.ipv6.conf.all.forwarding=1",
      / {2}ready$/,
      "exit status 0",
    ],
  );
});

test("a relay that serves its own host follows the host's addresses (H rows)", () => {
  expectLines(
    `sysctl -qw net.ipv6.conf.all.forwarding=0
ip -6 addr add 2001:db8::7/64 dev eth0 nodad
daemon relay ${RELAY} --served self
until_says relay msg=Ready
grep -o 'msg="Serving own addresses" .*' $work/relay.log
teredo status | head -n 1
kill $pid
ended`,
    [
      'msg="Serving own addresses" served=2001:db8::7/128',
      / {2}ready$/,
      "exit status 0",
    ],
  );
});

test("teredo check and the daemon refuse with the same words", () => {
  expectLines(
    `sysctl -qw net.ipv6.conf.all.forwarding=0
teredo check relay -c $work/teredo.ini | grep -E '^FAIL'
echo "exit status \${PIPESTATUS[0]}"
teredo ${RELAY} 2>&1 | grep FAIL
echo "exit status \${PIPESTATUS[0]}"
ip addr del 198.51.100.2/24 dev eth0
teredo check server -c $work/teredo.ini 198.51.100.1 | grep -E '^FAIL'
teredo ${SERVER} 2>&1 | grep FAIL`,
    [
      "FAIL forwarding: the kernel does not forward IPv6 packets; mend: sysctl -w net.ipv6.conf.all.forwarding=1",
      "exit status 1",
      "teredo: FAIL forwarding: the kernel does not forward IPv6 packets; mend: sysctl -w net.ipv6.conf.all.forwarding=1",
      "exit status 1",
      "FAIL address: 198.51.100.2 is not on this host; mend: ip addr add 198.51.100.2/32 dev eth0",
      "teredo: FAIL address: 198.51.100.2 is not on this host; mend: ip addr add 198.51.100.2/32 dev eth0",
    ],
  );
});

test("teredo check passes once each mend was done, and --json says so", () => {
  const { lines, stderr } = onMachine(`sysctl -qw net.ipv6.conf.all.forwarding=0
mend() { teredo check relay -c $work/teredo.ini | sed -n 's/^FAIL.*; mend: //p' | sh; }
mend
ip route add default dev eth0
ip -6 addr add 2001:db8::7/64 dev eth0 nodad
ip -6 route add default dev eth0
teredo check relay -c $work/teredo.ini --json | tr -d '\\n'`);
  assert.equal(stderr, "");
  const report = JSON.parse(lines.at(-1)!);
  assert.deepEqual(problemsOf(report, "check_report"), []);
  assert.equal(report.role, "relay");
  assert.equal(report.ok, true);
  const odd = report.checks.filter((it: { verdict: string }) => it.verdict !== "ok");
  assert.deepEqual(odd, []);
});

/** A host fit for both roles. */
const FIT = `ip route add default dev eth0
ip -6 addr add 2001:db8::7/64 dev eth0 nodad
ip -6 route add default dev eth0
`;
/** What is not ok, and the exit status. */
const check = (args: string) =>
  `teredo check ${args} -c $work/teredo.ini | sed "s/process $pid/process PID/; /^ok/d; /^[0-9]* checks/d"
echo "exit status \${PIPESTATUS[0]}"
`;

test("teredo check beside a healthy daemon of the role tells that it is ready", () => {
  for (
    const [role, command, address] of [["relay", RELAY, ""], ["server", SERVER, " 198.51.100.1"]]
  ) {
    expectLines(
      `${FIT}daemon ${role} ${command}
until_says ${role} msg=Ready
${check(role + address!)}
teredo check ${role}${address} -c $work/teredo.ini | grep -E '^ok   (running|tun|port|status)' |
  sed "s/process $pid/process PID/; s/teredo ${role} [^ ]*/teredo ${role} VERSION/"
kill $pid
ended`,
      [
        "exit status 0",
        `ok   running: teredo ${role} VERSION runs as process PID and is ready`,
        ...(role === "relay"
          ? [
            "ok   tun: teredo is of the running relay, process PID",
            "ok   port: UDP 0.0.0.0:3545 is of the running relay, process PID",
            "ok   status: the running relay answers at TCP 127.0.0.1:9545",
          ]
          : [
            "ok   port: UDP 198.51.100.1:3544 is of the running server, process PID",
            "ok   port: UDP 198.51.100.2:3544 is of the running server, process PID",
            "ok   status: the running server answers at TCP 127.0.0.1:9544",
          ]),
        "exit status 0",
      ],
    );
  }
});

test("teredo check beside a daemon that is not ready tells why, and the mends", () => {
  expectLines(
    `${FIT}daemon relay ${RELAY}
until_says relay msg=Ready
ip -6 route add 2001::/32 dev eth0 metric 1
until_says relay 'check=route'
${check("relay")}
kill $pid
ended`,
    [
      /^FAIL running: teredo relay \S+ runs as process PID and is not ready: route: 2001::\/32 leads to eth0 \(proto boot, metric 1, table main\); mend: take the other route away, or let it have a higher metric; `ip -6 route get fibmatch 2001::1` shows it$/,
      /^FAIL service_route: 2001::\/32 is already routed to eth0 \(proto boot, metric 1\), which wins/,
      "exit status 1",
      "exit status 0",
    ],
  );
});

test("teredo check beside a daemon whose status pages are off says that it does not answer", () => {
  expectLines(
    `${FIT}printf '[status]\nenabled = no\n' >> $work/teredo.ini
daemon relay ${RELAY} -p /run/relay.pid
until_says relay msg=Ready
${check("relay -p /run/relay.pid")}
kill $pid
ended`,
    [
      "warn running: teredo relay runs as process PID and does not answer, so that its state is not " +
      "known; mend: have its status pages answer: enabled = yes in [status]",
      "exit status 0",
      "exit status 0",
    ],
  );
});

test("teredo check names another program at the daemon's ports", () => {
  expectLines(
    `${FIT}daemon relay ${RELAY} --bind-port 3600 --prefix 2001:5::/32
until_says relay msg=Ready
${check("server 198.51.100.1 --status-port 9545")}
${check("relay --bind-port 3600 --interface-name other --status-port 3601")}
kill $pid
ended`,
    [
      "FAIL status: the status pages cannot listen on 127.0.0.1, port 9545: another program does " +
      "(EADDRINUSE); mend: choose another port in [status], or enabled = no",
      "exit status 1",
      /^(warn running: teredo relay runs as process PID and does not answer|FAIL port: UDP 0\.0\.0\.0:3600 is taken by (bun|deno|node-MainThread)(\.exe)? \(process PID\); mend: `ps -p (PID|\d+)`)/,
      /^exit status [01]$/,
      "exit status 0",
    ],
  );
});

test("a server is ready on addresses that no interface shows, while the kernel takes their packets", () => {
  expectLines(
    `${PAGES}
${FIT}ip route add local 203.0.113.20/31 dev lo
daemon server server -c $work/teredo.ini --bind-address 203.0.113.20
until_says server msg=Ready
page 9544 /readyz | grep -o '"ready":[a-z]*'
ip route del local 203.0.113.20/31 dev lo
until_says server 'check=sockets'
page 9544 /readyz | grep -o '"name":"sockets".*"mend":"[^"]*"' | sed 's/"since":"[^"]*",//'
kill $pid
ended`,
    [
      '"ready":true',
      '"name":"sockets","ok":false,"detail":"203.0.113.20 is not on this host; 203.0.113.21 is not on ' +
      'this host","mend":"ip addr add 203.0.113.20/32 dev eth0; ip addr add 203.0.113.21/32 dev eth0"',
      "exit status 0",
    ],
  );
});

test("a second relay is refused by the pid file, by the route and by the status port", () => {
  expectLines(
    `daemon relay ${RELAY} -p /run/relay.pid
until_says relay msg=Ready
second="teredo ${RELAY} --interface-name other --bind-port 3600 --log-level error"
$second 2>&1 | sed "s/$pid/PID/g"
$second --prefix 2001:5::/32 -p /run/relay.pid 2>&1 | sed "s/process $pid/process PID/"
$second --prefix 2001:5::/32 2>&1
teredo ${RELAY} --prefix 2001:5::/32 --interface-name other --log-level error 2>&1 | sed "s/$pid/PID/g"
ip link show dev other 2>&1
kill $pid
ended`,
    [
      /^teredo: FAIL service_route: 2001::\/32 is already routed to teredo \(proto boot, metric 10\), an interface of process PID \((teredo|bun|deno|node-MainThread)(\.exe)?\), which wins over a route of metric 10; mend: stop that process, `ps -p PID` shows what it is: of relays and clients one has 2001::\/32 on a host, or in a network namespace$/,
      "teredo: the pid file /run/relay.pid is held by process PID, which runs; stop it first, or " +
      "choose another pid_file",
      "teredo: the status pages cannot listen on 127.0.0.1, port 9545: another program does " +
      "(EADDRINUSE); choose another port in [status], or enabled = no",
      /^teredo: FAIL port: UDP 0\.0\.0\.0:3545 is taken by (teredo|bun|deno|node-MainThread)(\.exe)? \(process PID\); mend: `ps -p PID` shows what it is; choose another bind_port$/,
      'Device "other" does not exist.',
      "exit status 0",
    ],
  );
});

test("a configuration that is wrong ends a daemon with 78, and every problem is named", () => {
  expectLines(
    `printf '[relay]\\nbind_port = 99999\\nbogus = 1\\n' > $work/wrong.ini
teredo relay -c $work/wrong.ini 2>&1 | sort
echo "exit status \${PIPESTATUS[0]}"
teredo check relay -c $work/wrong.ini | grep FAIL | cut -d ' ' -f 1-3 | sort
teredo config check $work/wrong.ini 2>&1 | wc -l`,
    [
      /^teredo: \$work\/wrong\.ini:2: bind_port: /,
      /^teredo: \$work\/wrong\.ini:3: bogus: /,
      "exit status 78",
      /^FAIL configuration: \$work\/wrong\.ini:2:/,
      /^FAIL configuration: \$work\/wrong\.ini:3:/,
      "2",
    ],
  );
});

test("a miredo.conf starts a relay unchanged, and config convert keeps its meaning", () => {
  expectLines(
    `printf 'RelayType cone\\nInterfaceName mire\\nBindPort 3590\\nBindAddress 198.51.100.2\\n' > $work/miredo.conf
teredo config convert $work/miredo.conf > $work/native.ini
for file in miredo.conf native.ini; do
  daemon relay relay --conf $work/$file --drain-time 0s --pidfile /run/$file.pid
  until_says relay msg=Ready
  teredo status | grep -E 'listening|interface'
  kill $pid
  ended
done`,
    [
      "  listening  UDP 198.51.100.2:3590",
      "  interface  mire, MTU 1280, 2001::/32",
      "exit status 0",
      "  listening  UDP 198.51.100.2:3590",
      "  interface  mire, MTU 1280, 2001::/32",
      "exit status 0",
    ],
  );
});
