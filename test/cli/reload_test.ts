import test from "node:test";
import { expectLines } from "./namespace.ts";

const RELAY = "relay -c $work/teredo.ini --drain-time 0";

/** `reload ARGS...`: what is said, and the exit status. `metric NAME`: its value. */
const TOOLS = String.raw`
reload() {
  teredo reload -c $work/teredo.ini "$@" 2>&1
  echo "status $?"
}
metric() {
  exec 3<> /dev/tcp/127.0.0.1/9545
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  sed -n "s/^$1 //p" <&3
}
relay() { printf '[relay]\n%b\n' "$1" > $work/teredo.ini; }
`;

test("teredo reload shows and takes, and a wrong file changes nothing", () => {
  expectLines(
    `${TOOLS}
relay ''
reload
daemon relay ${RELAY}
until_says relay msg=Ready
relay 'hold_packets = 16\\nbind_port = 4000'
reload --dry-run
reload
metric teredo_config_last_reload_successful
relay 'hold_packets = 16\\nhold_age = never'
reload
metric teredo_config_last_reload_successful
relay 'hold_packets = 20'
kill -HUP $pid
until_says relay 'key=relay.hold_packets value=20'
teredo status --json | tr -d ' \\n' | grep -o '"reload":{"successful":true,.*"problems":\\[\\],"needs_restart":\\[\\]}'  | sed 's/"succ[a-z]*_at":"[^"]*",//'
kill $pid; ended`,
    [
      "teredo: not running: there is no socket unix:/run/teredo-relay/control",
      "status 3",
      "  relay.bind_port: 3545 -> 4000  (needs a restart)",
      "  relay.hold_packets: 8 -> 16",
      "relay: would change 1 setting",
      "status 0",
      "  relay.bind_port: 3545 -> 4000  (needs a restart)",
      "  relay.hold_packets: 8 -> 16",
      "relay: reloaded, 1 setting changed",
      "status 0",
      "1",
      /^teredo: \$work\/teredo\.ini:3: hold_age: `never` is not a duration; write e\.g\. /,
      "status 78",
      "0",
      '"reload":{"successful":true,"problems":[],"needs_restart":[]}',
      "exit status 0",
    ],
  );
});

test("teredo reload --confirm-within goes back by itself, unless it is confirmed", () => {
  expectLines(
    `${TOOLS}
relay ''
daemon relay ${RELAY}
until_says relay msg=Ready
relay 'hold_packets = 20'
reload --confirm-within 60s relay
reload relay
reload --confirm
relay 'hold_packets = 30'
reload --confirm-within 200ms > /dev/null
until_says relay 'msg="Reload taken back"'
teredo status relay | grep -A 1 '^  reload '
relay 'hold_packets = 20'
reload
teredo status relay | grep -c '^  reload '
reload --confirm --dry-run
kill $pid; ended`,
    [
      "  relay.hold_packets: 8 -> 20",
      "relay: reloaded, 1 setting changed",
      /^relay: goes back at \d{4}-\S+Z without teredo reload --confirm$/,
      "status 0",
      "teredo: an earlier reload waits for its confirmation; `teredo reload relay --confirm`, or " +
      "wait until it is taken back",
      "status 1",
      "relay: confirmed",
      "status 0",
      /^ {2}reload {5}taken back at \d{4}-\S+Z: it was not confirmed in time$/,
      "             what was in effect before it is again; mend: `teredo reload relay`, and " +
      "`teredo reload relay --confirm` in time",
      "relay: reloaded, nothing changed",
      "status 0",
      "0",
      "teredo: give one of --dry-run, --confirm-within and --confirm",
      "status 2",
      "exit status 0",
    ],
  );
});

test("a server takes other settings while it runs, and a file that is not for it changes nothing", () => {
  expectLines(
    `${TOOLS}
server() { printf '[server]\\nbind_address = 198.51.100.1\\n%b\\n' "$1" > $work/teredo.ini; }
server ''
daemon server server -c $work/teredo.ini
until_says server msg=Ready
printf 'alice hex:00112233445566778899aabbccddeeff\\n' > $work/secrets
chmod 600 $work/secrets
server "secrets_file = $work/secrets\\nrequire_authentication = yes\\nforward_rate = 5"
reload
printf 'bob hex:00112233445566778899aabbccddeeff\\n' > $work/secrets
reload
relay ''
reload server
rm $work/teredo.ini
mkfifo $work/teredo.ini
kill -HUP $pid
until_says server 'msg="Reload refused".*not a regular file'
rm $work/teredo.ini
kill -HUP $pid
until_says server 'msg="Reload refused".*no such file'
teredo status server | sed -n 's/^teredo server [^ ]* *//p'
kill $pid; ended`,
    [
      "  server.require_authentication: no -> yes",
      "  server.secrets_file: not set -> $work/secrets",
      "  server.forward_rate: 1000 -> 5",
      "server: reloaded, 3 settings changed",
      "status 0",
      "  server.secrets_file: $work/secrets -> $work/secrets (new content)",
      "server: reloaded, 1 setting changed",
      "status 0",
      /^teredo: \$work\/teredo\.ini: for the relay only; run `teredo relay`, or /,
      "status 78",
      "ready",
      "exit status 0",
    ],
  );
});

test("a relay that has become another user says what it may not read, and one in a chroot that it cannot", () => {
  expectLines(
    `${TOOLS}
relay ''
chmod 755 $work
chmod 600 $work/teredo.ini
daemon relay ${RELAY} -u nobody
until_says relay msg=Ready
reload
chgrp nogroup $work/teredo.ini
chmod 640 $work/teredo.ini
reload
kill $pid; ended
mkdir /run/jail
daemon again ${RELAY} -t /run/jail
until_says again msg=Ready
reload
kill $pid; ended`,
    [
      "teredo: $work/teredo.ini: not allowed to read it; check owner and mode",
      "teredo: a running daemon reads its files as `user = nobody`; let its group read them, as by " +
      "`chmod 640` and `chgrp`, or restart the daemon",
      "status 78",
      "relay: reloaded, nothing changed",
      "status 0",
      "exit status 0",
      "teredo: with `chroot = /run/jail` the configuration is out of reach; restart the daemon",
      "status 1",
      "exit status 0",
    ],
  );
});
