import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";
import { archiveOf, FOLDER } from "./release.ts";

const EXAMPLES = "docs/examples";
const SYSTEMS = ["freebsd", "netbsd", "openbsd"] as const;
type System = typeof SYSTEMS[number];
/** What runs the program where it is not compiled: as these systems package it, so old. */
const RUNTIMES = {
  deno: "test/floor/node_modules/@deno/linux-x64-glibc/deno",
  node: "test/floor/node_modules/node-floor/bin/node",
} as const;
type Runtime = keyof typeof RUNTIMES;
const DAEMONS = ["client", "relay", "server"] as const;

const scripts = SYSTEMS.flatMap((system) =>
  readdirSync(join(EXAMPLES, system)).map((name) => ({
    system,
    path: join(EXAMPLES, system, name),
  }))
);

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(error, undefined, `${command} is needed`);
  return { status, said: stdout + stderr };
}

test("each BSD has a script for each daemon", () => {
  const names = DAEMONS.map((daemon) => `teredo_${daemon}`);
  for (const system of SYSTEMS) assert.deepEqual(readdirSync(join(EXAMPLES, system)), names);
});

for (const { system, path } of [...scripts, { system: "any", path: "scripts/launcher" }]) {
  test(`${path} is a shell script without a fault that sh and shellcheck see`, () => {
    assert.deepEqual(run("sh", "-n", path), { status: 0, said: "" });
    // SC1091: rc.subr is not here; SC2034, SC2154: its variables are set for it and by it.
    const rules = "--exclude=SC1091,SC2034,SC2154";
    const shell = system === "openbsd" ? "ksh" : "sh";
    assert.deepEqual(run("shellcheck", rules, `--shell=${shell}`, path), { status: 0, said: "" });
  });
}

for (const { path } of scripts.filter(({ system }) => system !== "openbsd")) {
  test(`${path} tells rcorder(8) its place, and each variable that it reads`, () => {
    const text = readFileSync(path, "utf8");
    const name = path.slice(path.lastIndexOf("/") + 1);
    const header = text.split("\n").filter((line) => /^# [A-Z]+:/.test(line));
    assert.deepEqual(header, [
      `# PROVIDE: ${name}`,
      "# REQUIRE: NETWORKING syslogd",
      "# KEYWORD: shutdown",
    ]);
    const settable = [...text.matchAll(new RegExp(`: "\\$\\{(${name}[a-z_]*):?=`, "g"))];
    assert.ok(settable.length >= 3);
    // Named in the comment on top, except for rc.subr's own.
    for (const [, variable] of settable) {
      if (variable !== `${name}_nice`) assert.match(text, new RegExp(`^# ${variable}  `, "m"));
    }
  });
}

/**
 * Puts in front of what this Linux machine has, for one test, what a system has where: our scripts
 * in /rc.d as they are, rc.subr, daemon(8), ifconfig(8) and logger(1) of test/release/rc, and the
 * program, or what the archive without one has and the runtime, where the scripts look for them.
 */
function asSystem(system: System, runtime?: Runtime): string {
  const root = process.cwd();
  const prefix = system === "netbsd" ? "pkg" : "local";
  const program = runtime === undefined
    ? String.raw`printf '#!/bin/sh\nexec %s "$@"\n' "$program" > $usr/local/bin/teredo
chmod +x $usr/local/bin/teredo`
    : String.raw`tar -xzf ${join(root, FOLDER, archiveOf("node").file)} -C $work
cp $work/${archiveOf("node").folder}/teredo $usr/${prefix}/bin
mkdir $usr/${prefix}/share/teredo
cp $work/${archiveOf("node").folder}/teredo.mjs $usr/${prefix}/share/teredo
ln -s ${realpathSync(RUNTIMES[runtime])} $usr/${prefix}/bin/${runtime}`;
  const rc = join(root, "test/release/rc");
  const subr = system === "openbsd" ? "openbsd.subr $etc/rc.d/rc.subr" : "rc.subr $etc/rc.subr";
  return String.raw`
etc=$work/etc usr=$work/usr
mkdir -p $etc/rc.d $etc/teredo $usr/bin $usr/sbin $usr/local/bin $usr/local/etc $usr/local/share
mkdir -p $usr/pkg/bin $usr/pkg/share
cp ${rc}/${subr}
cp ${rc}/daemon ${rc}/ifconfig $usr/sbin
cp ${rc}/logger $usr/bin
cp ${root}/${EXAMPLES}/${system}/* $etc/rc.d
cat > $etc/teredo/teredo.ini << END
[relay]
drain_time = 300ms
pid_file = /run/relay.pid
[server]
bind_address = 198.51.100.1
pid_file = /run/server.pid
[client]
servers = 192.0.2.1
pid_file = /run/client.pid
END
cp $etc/teredo/teredo.ini $usr/local/etc
${program}
: > /run/rc.conf
ln -s /run/rc.conf $etc/rc.conf
mount -t overlay overlay -o lowerdir=$etc:/etc /etc
mount -t overlay overlay -o lowerdir=$usr:/usr /usr
export PATH=/sbin:/bin:/usr/sbin:/usr/bin
service() { sh /etc/rc.d/$1 $2; }
until_logged() {
  local i
  for i in $(seq 2000); do
    grep -q -- "$1" /run/syslog 2> /dev/null && return
    sleep 0.05
  done
  echo "never logged: $1"
  cat /run/syslog
  exit 99
}
`;
}

/** Fails with everything that was said. */
function expectLines(
  on: readonly [system: System, runtime?: Runtime],
  script: string,
  want: readonly (string | RegExp)[],
): void {
  const done = onMachine(asSystem(...on) + script);
  const shown = `${done.stdout}\n${done.stderr}`;
  for (const [i, line] of want.entries()) {
    if (typeof line === "string") assert.equal(done.lines[i], line, shown);
    else assert.match(done.lines[i] ?? "", line, shown);
  }
  assert.equal(done.lines.length, want.length, shown);
}

test("teredo_relay for FreeBSD starts, starts again, stops and cleans up", () => {
  expectLines(
    ["freebsd"],
    `service teredo_relay start
service teredo_relay status
cat > /run/rc.conf << END
teredo_relay_enable=YES
teredo_relay_flags="--log-level debug"
teredo_relay_interface=left0
END
export BUN_BE_BUN=1
service teredo_relay start
until_logged msg=Ready
cat /run/commands /run/modules
ps -L -o ni= -p $(cat /run/relay.pid) | sort -n | head -n 1
service teredo_relay status | sed "s/$(cat /run/teredo_relay.pid)/SUPERVISOR/"
service teredo_relay start | sed "s/$(cat /run/teredo_relay.pid)/SUPERVISOR/"
: > /run/syslog
kill -KILL $(cat /run/relay.pid)
until_logged msg=Ready
service teredo_relay reload
until_logged msg=Reloaded
ip link add left0 type veth peer name left1
service teredo_relay stop
cat /run/ifconfig
service teredo_relay stop
service teredo_relay graceful
ip link show dev teredo 2>&1
# Of a folder that others use it removes nothing.
find /run -maxdepth 1 -name '*.pid' -size +0`,
    [
      "Cannot 'start' teredo_relay. Set teredo_relay_enable to YES",
      "teredo_relay is not running.",
      "Starting teredo_relay.",
      "/usr/local/bin/teredo relay -c /usr/local/etc/teredo.ini --log-level debug",
      "if_tuntap",
      "-10",
      "teredo_relay is running as pid SUPERVISOR.",
      "teredo_relay already running? (pid=SUPERVISOR).",
      "Stopping teredo_relay.",
      "destroyed left0",
      "teredo_relay not running? (check /var/run/teredo_relay.pid).",
      "usage: start stop restart status configtest reload",
      'Device "teredo" does not exist.',
    ],
  );
});

test("teredo_relay for FreeBSD refuses a wrong configuration instead of trying forever", () => {
  expectLines(
    ["freebsd"],
    `echo teredo_relay_config=/run/wrong.ini > /run/rc.conf
service teredo_relay onestart
printf '[relay]\\nbind_address = here\\n' > /run/wrong.ini
service teredo_relay oneconfigtest 2>&1; echo "exit status $?"
service teredo_relay onestart 2>&1
ls /run/commands 2>/dev/null`,
    [
      "/run/wrong.ini is not readable.",
      /^\/run\/wrong\.ini:2: .*bind_address: /,
      "exit status 78",
      /^\/run\/wrong\.ini:2: .*bind_address: /,
      "failed precmd routine for teredo_relay",
    ],
  );
});

test("teredo_server for FreeBSD starts and stops", () => {
  expectLines(
    ["freebsd"],
    `echo teredo_server_enable=YES > /run/rc.conf
service teredo_server restart 2>&1
until_logged msg=Ready
cat /run/commands
service teredo_server stop
service teredo_server status
cat /run/ifconfig 2>/dev/null`,
    [
      "teredo_server not running? (check /var/run/teredo_server.pid).",
      "Starting teredo_server.",
      "/usr/local/bin/teredo server -c /usr/local/etc/teredo.ini",
      "Stopping teredo_server.",
      "teredo_server is not running.",
    ],
  );
});

test("teredo_client for FreeBSD starts, whatever its servers say, and stops", () => {
  expectLines(
    ["freebsd"],
    `echo teredo_client_enable=YES > /run/rc.conf
service teredo_client configtest
service teredo_client start
until_logged msg=Ready
cat /run/commands
service teredo_client reload
until_logged msg=Reloaded
service teredo_client stop
service teredo_client status`,
    [
      "/usr/local/etc/teredo.ini: ok, native syntax, for client",
      "Starting teredo_client.",
      "/usr/local/bin/teredo client -c /usr/local/etc/teredo.ini",
      "Stopping teredo_client.",
      "teredo_client is not running.",
    ],
  );
});

test("teredo_relay for FreeBSD reloads what Node runs", () => {
  expectLines(
    ["freebsd", "node"],
    `echo teredo_relay_enable=YES > /run/rc.conf
service teredo_relay start
until_logged msg=Ready
service teredo_relay reload
until_logged msg=Reloaded
service teredo_relay stop`,
    ["Starting teredo_relay.", "Stopping teredo_relay."],
  );
});

for (const daemon of DAEMONS) {
  test(`teredo_${daemon} for NetBSD runs by Node, is found, and stops`, () => {
    expectLines(
      ["netbsd", "node"],
      `echo 'teredo_${daemon}=YES teredo_${daemon}_flags="--log-format json"' > /run/rc.conf
service teredo_${daemon} configtest
service teredo_${daemon} start
until_logged 'teredo_${daemon}: {.*"msg":"Ready"'
tr '\\0' ' ' < /proc/$(cat /run/teredo_${daemon}.pid)/cmdline; echo
ps -L -o ni= -p $(cat /run/teredo_${daemon}.pid) | sort -n | head -n 1
service teredo_${daemon} status | sed "s/$(cat /run/teredo_${daemon}.pid)/NUMBER/"
service teredo_${daemon} reload
until_logged '"msg":"Reloaded"'
service teredo_${daemon} stop
service teredo_${daemon} status`,
      [
        `/etc/teredo/teredo.ini: ok, native syntax, for ${daemon}`,
        `Starting teredo_${daemon}.`,
        "node --experimental-ffi --disable-warning=ExperimentalWarning " +
        `/usr/pkg/bin/../share/teredo/teredo.mjs ${daemon} ` +
        `-c /etc/teredo/teredo.ini -p /var/run/teredo_${daemon}.pid --log-format json `,
        "-10",
        `teredo_${daemon} is running as pid NUMBER.`,
        `Reloading teredo_${daemon} config files.`,
        `Stopping teredo_${daemon}.`,
        `teredo_${daemon} is not running.`,
      ],
    );
  });

  test(`teredo_${daemon} for OpenBSD runs by Deno, is found by its pexp, and stops`, () => {
    expectLines(
      ["openbsd", "deno"],
      `service teredo_${daemon} configtest
service teredo_${daemon} start
until_logged 'teredo_${daemon}: .*msg=Ready'
tr '\\0' ' ' < /proc/$(cat /run/${daemon}.pid)/cmdline; echo
service teredo_${daemon} check && echo running
service teredo_${daemon} reload
until_logged 'msg=Reloaded'
service teredo_${daemon} stop
service teredo_${daemon} check || echo stopped
printf '[${daemon}]\\nbind_address = here\\n' > /run/wrong.ini
sed 's,^teredo_config=.*,teredo_config=/run/wrong.ini,' /etc/rc.d/teredo_${daemon} > /run/teredo_${daemon}
sh /run/teredo_${daemon} start 2>&1`,
      [
        `/etc/teredo/teredo.ini: ok, native syntax, for ${daemon}`,
        `teredo_${daemon}(ok)`,
        `deno run -A --quiet /usr/local/bin/../share/teredo/teredo.mjs ${daemon} ` +
        "-c /etc/teredo/teredo.ini ",
        "running",
        `teredo_${daemon}(ok)`,
        `teredo_${daemon}(ok)`,
        "stopped",
        `teredo_${daemon}(failed)`,
      ],
    );
  });
}
