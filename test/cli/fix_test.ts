import assert from "node:assert/strict";
import test from "node:test";
import { LINUX_MENDER } from "#src/daemon/host/linux/mends.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { onMachine } from "./namespace.ts";
import { runArguments } from "./run.ts";

const OPTIONS = { timeout: 600_000 };
const ADVERTISE = [process.execPath, ...runArguments.file("test/cli/advertise.ts")].join(" ");

/** A host that does not forward, and has its IPv6 default route by advertisement. */
const advertised = (uplink: string) => `
uplink='${uplink}'
ip link set eth0 down
ip link set eth0 name "$uplink" up
echo 1 > "/proc/sys/net/ipv6/conf/$uplink/accept_ra"
sysctl -qw net.ipv6.conf.all.forwarding=0
ip route add default dev "$uplink"
ip -6 address add 2001:db8:1::1/64 dev "$uplink" nodad
until ip -6 address show dev eth1 scope link -tentative | grep -q fe80; do sleep 0.05; done
advertise() {
  ${ADVERTISE} $(ip -o link show eth1 | cut -d : -f 1)
  local i
  for i in $(seq 2000); do ip -6 route show default | grep -q 'proto ra' && return; sleep 0.05; done
  echo 'no route by advertisement'
}
advertise
default_route() { ip -6 route show default | grep -o 'proto ra' || echo 'no default route'; }
`;
/** Files of the system that vanish with the machine. */
const ETC = `
cp -a /etc $work/etc
mount --bind $work/etc /etc
rm -f /etc/sysctl.d/99-teredo.conf /etc/modules-load.d/teredo.conf
`;
const check = (flags: string) => `teredo check relay -c $work/teredo.ini ${flags}`;

test(
  "an advertised default route goes when forwarding comes first, which --fix sees to",
  OPTIONS,
  () => {
    const { lines, stderr } = onMachine(`
    ${advertised("uplink")}
    default_route
    sysctl -qw net.ipv6.conf.all.forwarding=1
    default_route
    sysctl -qw net.ipv6.conf.all.forwarding=0
    advertise
    ${check("--fix")} > $work/out
    echo "exit status $?"
    grep -E '^(mend|left)|accept_ra|forwarding' $work/out
    tail -n 1 $work/out | grep -o ', 0 failed.*'
    default_route
  `);
    assert.deepEqual(lines, [
      "proto ra",
      "no default route",
      "exit status 0",
      "FAIL forwarding: the kernel does not forward IPv6 packets; mend: sysctl -w net.ipv6.conf.all.forwarding=1",
      "FAIL accept_ra: uplink will lose its IPv6 default route: it came by router advertisement, which a " +
      "forwarding host ignores unless accept_ra is 2; mend: sysctl -w net.ipv6.conf.uplink.accept_ra=2",
      "mend sysctl -w net.ipv6.conf.uplink.accept_ra=2",
      "ok   accept_ra: uplink keeps its advertised default route",
      "mend sysctl -w net.ipv6.conf.all.forwarding=1",
      "ok   forwarding: IPv6 is forwarded",
      ", 0 failed, 2 mended",
      "proto ra",
    ], stderr);
  },
);

test("--fix adds the server's addresses, and loosens reverse-path filtering", OPTIONS, () => {
  const { lines, stderr } = onMachine(`
    ip route add default dev eth1
    sysctl -qw net.ipv4.conf.all.rp_filter=1
    server() { teredo check server --fix --bind-address $1 | grep -E '^(mend|left)'; }
    server 198.51.100.7
    ip -o addr show dev eth0 | grep -o '198.51.100.[78]/32'
    server 198.51.100.1
    sysctl -n net.ipv4.conf.eth0.rp_filter
  `);
  assert.deepEqual(lines, [
    "mend ip addr add 198.51.100.7/32 dev eth0",
    "mend ip addr add 198.51.100.8/32 dev eth0",
    "198.51.100.7/32",
    "198.51.100.8/32",
    "mend sysctl -w net.ipv4.conf.eth0.rp_filter=2",
    "2",
  ], stderr);
});

/** `bare COMMAND...` runs it where nothing tells of a container, whatever this machine is. */
const BARE = `
mkdir $work/root
for path in /*; do
  if [ -L $path ]; then cp -a $path $work/root
  elif [ -d $path ]; then mkdir $work/root$path && mount --rbind $path $work/root$path
  fi
done
bare() { env -u container chroot $work/root sh -c 'cd "$1"; shift; exec "$@"' bare "$PWD" "$@"; }
`;
/** Stands where modprobe(8) would be found, and does what loading the module brings about. */
const MODPROBE = `
mount -t tmpfs tmpfs /usr/local/sbin
printf '#!/bin/sh\\n[ "$*" = tun ] && mknod /dev/net/tun c 10 200\\n' > /usr/local/sbin/modprobe
chmod +x /usr/local/sbin/modprobe
[ ! -e /usr/sbin/modprobe ] || mount --bind /usr/local/sbin/modprobe /usr/sbin/modprobe
mount -t tmpfs tmpfs /dev/net
`;
const FILE = "/etc/sysctl.d/99-teredo.conf";

test(
  "--fix --persist writes down what was mended, and leaves files of others alone",
  OPTIONS,
  () => {
    const { stdout, stderr } = onMachine(`
    ${ETC}
    ${MODPROBE}
    ${BARE}
    sysctl -qw net.ipv6.conf.all.forwarding=0
    persist() { bare $program check relay -c $work/teredo.ini --fix --persist | grep -E '^(mend|left)'; }
    persist
    tail -n +2 ${FILE} /etc/modules-load.d/teredo.conf
    echo '== what is so already, beside what stands there'
    sed -i 's/= 1/= 0/' ${FILE}
    echo 'net.ipv6.conf.eth7.accept_ra = 2' >> ${FILE}
    persist
    tail -n +2 ${FILE}
    echo '== the file of somebody else'
    echo 'kernel.panic = 1' > ${FILE}
    persist
    cat ${FILE}
    echo '== a link'
    ln -sf ../issue ${FILE}
    persist
    ls /etc/sysctl.d | grep -c teredo
  `);
    const write = "mend write net.ipv6.conf.all.forwarding = 1 to /etc/sysctl.d/99-teredo.conf";
    const left = `${
      write.replace("mend", "left")
    }: the file is not one of ours, and is left as it is`;
    assert.deepEqual(
      stdout.trimEnd().split("\n"),
      [
        "mend modprobe tun",
        "mend sysctl -w net.ipv6.conf.all.forwarding=1",
        "mend write tun to /etc/modules-load.d/teredo.conf",
        write,
        "==> /etc/sysctl.d/99-teredo.conf <==",
        "net.ipv6.conf.all.forwarding = 1",
        "",
        "==> /etc/modules-load.d/teredo.conf <==",
        "tun",
        "== what is so already, beside what stands there",
        write,
        "net.ipv6.conf.eth7.accept_ra = 2",
        "net.ipv6.conf.all.forwarding = 1",
        "== the file of somebody else",
        write,
        left,
        "kernel.panic = 1",
        "== a link",
        write,
        left,
        "1",
      ],
      stderr,
    );
  },
);

test("--fix leaves what it may not or need not do, and says why", OPTIONS, () => {
  const { lines, stderr } = onMachine(`
    ${BARE}
    sysctl -qw net.ipv6.conf.all.forwarding=0
    chmod 755 $work
    relay() { bare "$@" $program check relay -c $work/teredo.ini --fix | grep -E '^(mend|left)| mended$'; }
    relay setpriv --reuid=65534 --clear-groups | head -n 2
    ip -6 route add 2001::/32 dev lo metric 5
    mount --bind /proc/sys $work/root/proc/sys
    mount -o remount,bind,ro $work/root/proc/sys
    relay env
    bare $program check relay -c $work/teredo.ini --fix --json > $work/json
    sysctl -n net.ipv6.conf.all.forwarding
    ip -6 route show 2001::/32 | grep -c 'metric 5'
    cat $work/json
  `);
  const forwarding = "sysctl -w net.ipv6.conf.all.forwarding=1";
  assert.deepEqual(lines.slice(0, 7), [
    `mend ${forwarding}`,
    `left ${forwarding}: that takes root`,
    `mend ${forwarding}`,
    `left ${forwarding}: /proc/sys is read-only here: set it where this system was started from`,
    "16 checks, 2 failed, 2 warned, 0 mended",
    "0",
    "1",
  ], stderr);
  const report = JSON.parse(lines.slice(7).join("\n"));
  assert.deepEqual(problemsOf(report, "check_report"), []);
  assert.deepEqual(report.mended.map((it: { command: string }) => it.command), [forwarding]);
});

// Into a command no such name is put.
test("--fix forwards nothing while an interface would lose its advertised route", OPTIONS, () => {
  const { lines, stderr } = onMachine(`
    ${advertised("eth*0")}
    ${check("--fix")} | grep -E '^(mend|left)'
    default_route
  `);
  assert.deepEqual(lines, [
    "left sysctl -w net.ipv6.conf.all.forwarding=1: an IPv6 default route would be lost by it",
    "proto ra",
  ], stderr);
});

const safe = [
  "sysctl -w net.ipv6.conf.eth0/100.accept_ra=2",
  "modprobe tun",
  "ip addr add 192.0.2.1/32 dev eth0.5",
];
const unsafe = [
  "sysctl -w net.ipv6.conf.eth0.accept_ra=2 kernel.panic=1",
  "sysctl -w net.ipv6.conf.all.disable_ipv6=0",
  "sysctl -w net.ipv6.conf..accept_ra=2",
  "sysctl -w net.ipv6.conf.//.accept_ra=2",
  "sysctl -w net.ipv6.conf.eth*.accept_ra=2",
  "modprobe tun; reboot",
  "modprobe tun\nreboot",
  "ip addr add 192.0.2.1/32 dev -6",
  "ip addr add 192.0.2.256/32 dev eth0",
  "ip addr add 192.0.2.1/32 dev eth0 && reboot",
  "ip addr del 192.0.2.1/32 dev eth0",
  "on the host modprobe tun",
  "",
];

test("LINUX_MENDER knows the mends that are safe, whole, and no others", () => {
  for (const mend of safe) {
    assert.deepEqual(LINUX_MENDER.actionsOf(mend)?.map((it) => it.command), [mend]);
  }
  for (const mend of unsafe) assert.equal(LINUX_MENDER.actionsOf(mend), undefined, mend);
});
