import assert from "node:assert/strict";
import test from "node:test";
import { onMachine } from "#test/cli/namespace.ts";

/** Milliseconds, on a machine where others work. */
const PATIENCE = 600_000;

/** A relay without `announce`, as a BSD has it, whose readiness is asked for by its status pages. */
const ASKED = String.raw`
ip -6 address add 2001:db8:9::1/64 dev eth0 nodad
ip -6 address add 2001:db8:9::2/64 dev eth0 nodad
# ask COMMAND WORD: until the word is, or with a third argument is not, in what the command prints.
ask() {
  local i
  for i in $(seq 1500); do
    if $1 2>&1 | grep -q -- "$2"; then [ $# = 2 ] && return; else [ $# = 3 ] && return; fi
    sleep 0.2
  done
  echo "$1: $2${"${3:+ still there}"}"
  $1
}
flags="-c $work/teredo.ini --as 64501 --neighbor 2001:db8:9::1 --neighbor-as 64500"
daemon relay relay -c $work/teredo.ini
until_says relay msg=Ready
relay=$pid
`;

test("OpenBGPD with its hook announces while the relay is ready", () => {
  const { stdout, stderr } = onMachine(
    `${ASKED}
teredo announce openbgpd $flags > $work/bgpd.conf
teredo announce openbgpd $flags --hook > $work/hook
chmod 600 $work/bgpd.conf
mkdir -p /run/openbgpd
bgpd -d -f $work/bgpd.conf 2> $work/bgpd.log &
sleep 1
sh $work/hook 2>> $work/bgpd.log &
hook=$!
ask "bgpctl show network" 2001::/32
kill -USR1 $relay
ask "bgpctl show network" 2001::/32 gone
kill -USR1 $relay
ask "bgpctl show network" 2001::/32
kill $hook
ask "bgpctl show network" 2001::/32 gone
echo done`,
    PATIENCE,
  );
  assert.equal(stdout, "done\n", stderr);
});

test("ExaBGP announces to a real router while the relay is ready, and withdraws when it is killed", () => {
  const { stdout, stderr } = onMachine(
    `${ASKED}
teredo announce exabgp $flags --address 2001:db8:9::2 --router-id 192.0.2.1 > $work/exabgp.conf
cat > $work/bird.conf <<'+'
router id 192.0.2.9;
protocol device {}
protocol bgp exabgp {
  local 2001:db8:9::1 as 64500;
  neighbor 2001:db8:9::2 as 64501;
  passive on;
  multihop;
  ipv6 { import all; export none; };
}
+
bird -f -c $work/bird.conf -s $work/bird.ctl -P $work/bird.pid &
env exabgp.daemon.user=root exabgp.tcp.bind= exabgp $work/exabgp.conf > $work/exabgp.log 2>&1 &
routes="birdc -s $work/bird.ctl show route"
ask "$routes" 2001::/32
kill -USR1 $relay
ask "$routes" 2001::/32 gone
kill -USR1 $relay
ask "$routes" 2001::/32
kill -KILL $relay
ask "$routes" 2001::/32 gone
echo done`,
    PATIENCE,
  );
  assert.equal(stdout, "done\n", stderr);
});
