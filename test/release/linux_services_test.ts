import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";

const EXAMPLES = "docs/examples";
const DAEMONS = ["client", "relay", "server"] as const;
/** Those with an interface. */
const TUNNELS = ["client", "relay"] as const;
const SYSTEMS = ["openrc", "openwrt"] as const;
type System = typeof SYSTEMS[number];

/** Debian's package of OpenRC, unpacked by scripts/lib.sh. */
const OPENRC = "dist/foreign/openrc";

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(error, undefined, `${command} is needed`);
  return { status, said: stdout + stderr };
}

for (const system of SYSTEMS) {
  test(`${system} has a script for each daemon`, () => {
    const names = DAEMONS.map((daemon) => `teredo-${daemon}`);
    assert.deepEqual(readdirSync(join(EXAMPLES, system)).toSorted(), names);
  });

  for (const daemon of DAEMONS) {
    const path = join(EXAMPLES, system, `teredo-${daemon}`);
    test(`${path} is a shell script without a fault that sh and shellcheck see`, () => {
      assert.deepEqual(run("sh", "-n", path), { status: 0, said: "" });
      // SC2034: its variables are for those who run it; SC1008: as is its first line.
      const rules = "--exclude=SC2034,SC1008";
      assert.deepEqual(run("shellcheck", rules, "--shell=sh", path), { status: 0, said: "" });
    });

    test(`${path} differs from the other daemon's by its name and its needs alone`, () => {
      const other = daemon === "relay" ? "server" : "relay";
      const essence = (path: string) =>
        readFileSync(path, "utf8").replaceAll(/relay|server|client/g, "ROLE").split("\n")
          .filter((line) => !/^#|\/dev\/net\/tun/.test(line));
      assert.deepEqual(essence(path), essence(path.replace(daemon, other)));
    });
  }
}

test("scripts of the package for Debian have no fault that sh and shellcheck see", () => {
  for (const name of ["postinst", "prerm", "postrm"]) {
    const path = join("scripts/debian", name);
    assert.deepEqual(run("sh", "-n", path), { status: 0, said: "" });
    assert.deepEqual(run("shellcheck", "--shell=sh", path), { status: 0, said: "" });
  }
});

/** A machine with the files of a system over its own, the program, and all daemons' settings. */
function asSystem(system: System, files: string): string {
  return String.raw`
etc=$work/etc usr=$work/usr
mkdir -p $etc/init.d $etc/conf.d $etc/teredo $usr/bin $usr/local/bin
cp ${process.cwd()}/${EXAMPLES}/${system}/* $etc/init.d
cat > /run/teredo.ini << 'END'
[client]
servers = 198.51.100.1
drain_time = 300ms
[relay]
drain_time = 300ms
[server]
bind_address = 198.51.100.1
END
ln -s /run/teredo.ini $etc/teredo/teredo.ini
printf '#!/bin/sh\nexec %s "$@"\n' "$program" > $usr/bin/teredo
chmod +x $usr/bin/teredo
ln -s /usr/bin/teredo $usr/local/bin/teredo
${files}
mount -t overlay overlay -o lowerdir=$etc:/etc /etc
mount -t overlay overlay -o lowerdir=$usr:/usr /usr
# Debian's insserv, which its OpenRC looks for, is not there.
service() {
  /etc/init.d/$1 $2 > /run/said 2>&1
  local status=$?
  grep -v '^scandir: ' /run/said
  return $status
}
until_logged() {
  local i
  for i in $(seq 4000); do
    grep -q -- "$1" /run/syslog 2> /dev/null && return
    sleep 0.05
  done
  echo "never logged: $1"
  cat /run/syslog
  exit 99
}
`;
}

/** OpenRC itself, on a machine that has booted without it. */
function onOpenRc(script: string) {
  assert.ok(existsSync(OPENRC), `${OPENRC} is needed: scripts/test fetches it`);
  const root = join(process.cwd(), OPENRC);
  const files = String.raw`
cp -a ${root}/lib ${root}/sbin $usr
[ ! -e ${root}/usr/lib ] || cp -a ${root}/usr/lib $usr
cp ${root}/etc/rc.conf $etc
# Debian's own, and a machine whose network is there.
: > $etc/insserv.conf
mkdir -p $etc/runlevels/default /run/openrc/{starting,started,stopping,inactive,wasinactive}
mkdir -p /run/openrc/{failed,hotplugged,daemons,options,exclusive,scheduled,tmp}
: > /run/openrc/softlevel
printf '%s\n' 'rc_need="!net"' 'teredo_flags="--log-level debug"' error_log=/run/syslog |
  tee $etc/conf.d/teredo-{client,relay} > $etc/conf.d/teredo-server`;
  return onMachine(asSystem("openrc", files) + script);
}

/** Fails with everything that was said. */
function expectLines(done: ReturnType<typeof onMachine>, want: readonly (string | RegExp)[]): void {
  const shown = `${done.stdout}\n${done.stderr}`;
  const lines = done.lines.map((line) => line.trimStart());
  for (const [i, line] of want.entries()) {
    if (typeof line === "string") assert.equal(lines[i], line, shown);
    else assert.match(lines[i] ?? "", line, shown);
  }
  assert.equal(lines.length, want.length, shown);
}

for (const daemon of TUNNELS) {
  test(`teredo-${daemon} for OpenRC starts, starts again after a failure, and stops`, () => {
    const done = onOpenRc(String.raw`service teredo-${daemon} start > /dev/null; echo "start $?"
until_logged msg=Ready
service teredo-${daemon} status
tr '\0' ' ' < /proc/$(cat /run/teredo-${daemon}.pid)/cmdline | grep -o '${daemon} -c.*'
sed -i 's/^drain_time.*/drain_time = 200ms/' /run/teredo.ini
service teredo-${daemon} reload > /dev/null; echo "reload $?"
grep -c msg=Reloaded /run/syslog
: > /run/syslog
pkill -KILL -P $(cat /run/teredo-${daemon}.pid)
until_logged msg=Ready
ps -L -o ni= --ppid $(cat /run/teredo-${daemon}.pid) | sort -n | head -n 1
service teredo-${daemon} stop > /dev/null; echo "stop $?"
service teredo-${daemon} status
ip link show dev teredo 2>&1
grep -c msg=Ended /run/syslog`);
    expectLines(done, [
      "start 0",
      "* status: started",
      `${daemon} -c /etc/teredo/teredo.ini --log-level debug `,
      "reload 0",
      "1",
      "-10",
      "stop 0",
      "* status: stopped",
      'Device "teredo" does not exist.',
      "1",
    ]);
  });
}

test("teredo-server for OpenRC is not started without a configuration, or with a wrong one", () => {
  const done = onOpenRc(`service teredo-server checkconfig
echo 'bind_port = here' >> /run/teredo.ini
service teredo-server start > /dev/null; echo "start $?"
grep -o 'ERROR: .*' /run/said
service teredo-server status
rm /run/teredo.ini
service teredo-server start > /dev/null; echo "start $?"
ls /run/*.pid 2> /dev/null`);
  expectLines(done, [
    "/etc/teredo/teredo.ini: ok, native syntax, for server",
    "start 1",
    "ERROR: teredo-server failed to start",
    "* status: stopped",
    "start 1",
  ]);
});

for (const daemon of DAEMONS) {
  test(`teredo-${daemon} for OpenWrt starts by procd, at its priority, and stops`, () => {
    const common = join(process.cwd(), "test/release/rc/rc.common");
    const files = `cp ${common} $etc/rc.common; chmod +x $etc/rc.common`;
    const done = onMachine(
      asSystem("openwrt", files) + `service teredo-${daemon} configtest
service teredo-${daemon} start
until_logged msg=Ready
cat /run/procd
ps -L -o ni= -p $(cat /run/teredo-${daemon}.pid) | sort -n | head -n 1
service teredo-${daemon} reload > /dev/null; echo "reload $?"
service teredo-${daemon} stop
until_logged msg=Ended
echo '[log' > /run/teredo.ini
service teredo-${daemon} start; echo "start $?"`,
    );
    expectLines(done, [
      `/etc/teredo/teredo.ini: ok, native syntax, for ${daemon}`,
      `command /usr/bin/teredo ${daemon} -c /etc/teredo/teredo.ini`,
      "nice -10",
      "respawn 3600 2 0",
      "term_timeout 30",
      "stdout 1",
      "stderr 1",
      "-10",
      "reload 0",
      /^\/etc\/teredo\/teredo\.ini:1: /,
      "start 1",
    ]);
  });
}
