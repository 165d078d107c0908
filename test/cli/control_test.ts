import test from "node:test";
import { expectLines } from "./namespace.ts";

const RELAY = "relay -c $work/teredo.ini --drain-time 0";
const SERVER = "server -c $work/teredo.ini --bind-address 198.51.100.1";

/** `as USER GROUPS ARGS...`: a command as somebody else. */
const AS = String.raw`
as() {
  local user=$1 groups=$2
  shift 2
  setpriv --reuid $user --regid 60001 --groups $groups $program "$@" 2>&1
  echo "status $?"
}
`;

test("teredo status finds the control socket of a daemon without pages, which leaves its history alone", () => {
  expectLines(
    `printf '[status]\\nenabled = no\\n[relay]\\n[server]\\n' > $work/teredo.ini
daemon relay ${RELAY}
until_says relay msg=Ready
stat -c '%a %U %G %n' /run/teredo-relay /run/teredo-relay/control
teredo status -c $work/teredo.ini relay | head -n 1
kill $pid; ended
find /run -type f
mkdir /run/elsewhere
daemon server ${SERVER} --status-control /run/elsewhere/control
until_says server msg=Ready
teredo status --url unix:/run/elsewhere/control | head -n 1
kill $pid; ended
daemon server ${SERVER} --status-control no
until_says server msg=Ready
find /run -type s
kill $pid; ended
printf '[status]\\nenabled = no\\ncontrol = no\\n[server]\\n' > $work/teredo.ini
teredo status -c $work/teredo.ini 2>&1`,
    [
      "755 root root /run/teredo-relay",
      "660 root root /run/teredo-relay/control",
      /^teredo relay \S+ {2}ready$/,
      "exit status 0",
      "/run/teredo-relay/history",
      /^teredo server \S+ {2}ready$/,
      "exit status 0",
      "exit status 0",
      "teredo: nothing to ask: `enabled = no` and `control = no` in [status]",
    ],
  );
});

test("with user and chroot set the control socket is for that user's group, and for nobody else", () => {
  expectLines(
    `${AS}
chmod 755 /run
mkdir /run/jail
daemon relay ${RELAY} --status-enabled no -u nobody -t /run/jail
until_says relay msg=Ready
stat -c '%a %U %G' /run/teredo-relay /run/teredo-relay/control
as 60000 60001 status --url unix:/run/teredo-relay/control
as 60000 60001,65534 status --url unix:/run/teredo-relay/control | sed 's/^teredo relay [^ ]* *//' | grep -v '^ '
chmod 666 /run/teredo-relay/control
as 60000 60001 status --url unix:/run/teredo-relay/control
kill $pid; ended
daemon again ${RELAY} --status-enabled no -u nobody
until_says again msg=Ready
grep -c 'No control socket' $work/again.log
kill $pid; ended
ls -A /run/teredo-relay`,
    [
      "755 nobody nogroup",
      "660 root nogroup",
      "teredo: not allowed to ask unix:/run/teredo-relay/control; do it as root or in the socket's group",
      "status 1",
      "ready",
      "status 0",
      "teredo: unix:/run/teredo-relay/control refuses to answer: This user is not answered here; " +
      "ask as root or in the group",
      "status 1",
      "exit status 0",
      "0",
      "exit status 0",
      "history",
    ],
  );
});

test("a daemon that finds the place of its control socket taken says so once, and serves", () => {
  expectLines(
    `daemon first ${RELAY}
until_says first msg=Ready
daemon second ${SERVER} --status-control /run/teredo-relay/control
until_says second msg=Ready
grep -o 'level=warn msg="No control.*' $work/second.log
kill $pid; ended
ls /run/teredo-relay
mkdir /run/theirs; chown nobody /run/theirs
daemon third ${SERVER} --status-control /run/theirs/deep/control
until_says third msg=Ready
grep -o 'level=warn msg="No control.*' $work/third.log
kill $pid; ended`,
    [
      'level=warn msg="No control socket" path=/run/teredo-relay/control ' +
      'problem="/run/teredo-relay/control is in use by another process" ' +
      'mend="choose another socket in [status]"',
      "exit status 0",
      "control",
      // For the relay's successor.
      "history",
      "peers",
      "refused",
      'level=warn msg="No control socket" path=/run/theirs/deep/control ' +
      'problem="/run/theirs/deep/control: /run/theirs belongs to user 65534, and could be made to ' +
      'lead elsewhere" mend="choose a place in folders that only the superuser can change, e.g. in /run"',
      "exit status 0",
    ],
  );
});
