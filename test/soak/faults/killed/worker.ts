import type { Lab } from "#src/demo/lab.ts";
import type { Fault } from "../contract.ts";
import { relayKilled } from "./lives.ts";
import { RELAY_LEFT } from "./relay.ts";

const CONF = "[relay]\nbind_port = 3545\nworkers = 2\n";

/** tgkill(2) to the newest worker. */
const KILL = `
pid=$(pgrep -n -f 'relay -c /run/relay-mortal.conf')
cd /proc/$pid/task && thread=$(grep -lx Worker */comm | tail -n 1)
exec perl -MConfig -e 'syscall($Config{archname} =~ /x86_64/ ? 234 : 131, $ARGV[0] + 0, $ARGV[1] + 0, 9)' \\
  $pid \${thread%%/*}
`;

const killWorker = (lab: Lab) => lab.sh("rly", KILL);

export const WORKER_KILLED: Fault = {
  name: "one worker of two is killed (`tgkill`, signal 9) at a random moment once it serves",
  promised: "the whole relay ends, never a part of it; nothing is left, the next one starts",
  run: (options) =>
    relayKilled(options, { role: "relay", conf: CONF, left: RELAY_LEFT, kill: killWorker }),
};
