import { message, type MessageHelp } from "./message.ts";
import { CLIENT } from "./messages/client.ts";

/** Before the daemon serves. */
const START = {
  "Starting": message("info", "role version pid file", "the configuration was read"),
  "Configuration": message(
    "warn",
    "file line key problem",
    "a setting works, but is not what its writer may think",
    "as it says",
  ),
  "Configuration refused": message(
    "error",
    "file line key problem",
    "the daemon does not start; exit status 78, or 2 when only flags are wrong",
    "as it says; `teredo config check FILE`",
  ),
  "Setting": message("debug", "key value origin", "what the file or a flag sets"),
  "Check": message(
    ["warn", "debug"],
    "check detail mend",
    "a check of `teredo check`: warn when somebody should know, debug when it is ok",
    "`mend`",
  ),
  "Check failed": message(
    "error",
    "check detail mend",
    "the daemon does not start; exit status 1",
    "`mend`, then `teredo check`",
  ),
  "Failed to start": message(
    "error",
    "error mend",
    "something was in the way that no check found; exit status 1",
    "`mend`",
  ),
  "Step done": message(
    "debug",
    "step seconds",
    "a part of starting or ending, and how long it took",
  ),
  "Interface": message(
    "debug",
    "interface mtu detail",
    "the interface as the kernel has it once it is set up",
  ),
  "Not as asked for": message(
    "info",
    "reason",
    "a system gave less than the configuration asks for, or another name",
    "as it says, or leave it",
  ),
  "Status pages": message("info", "url", "where they are"),
  "Wrong token": message(
    "warn",
    "source",
    "somebody at that address asked for the status pages with a token that is none",
    "nothing, unless it is one of yours: then give it what `token_file` holds, see [access.md](access.md)",
  ),
  "Control socket": message("info", "path", "by it commands change the daemon while it runs"),
  "No control socket": message(
    "warn",
    "path problem mend",
    "the daemon serves, but no command can change it; signals can",
    "`mend`, then restart the daemon",
  ),
  "Privileges dropped": message(
    "info",
    "user chroot",
    "from here on the process can do no more than that user",
  ),
  "Sandbox": message(
    ["info", "warn"],
    "mode on off",
    "what of the sandbox holds from here on, and what the kernel has not or refuses; warn with `sandbox = log`, where nothing holds: see [security.md](security.md)",
    "nothing, or a newer kernel",
  ),
  "System call refused": message(
    "error",
    "call",
    "the daemon made a system call that its sandbox has no place for, and has ended at once; exit status 1",
    "see what is done to it: this is either an attack or a fault of ours. Report it, with the name of the call; `sandbox = log` until then",
  ),
  "A refused system call ended the daemon before": message(
    "error",
    "call",
    "told by the daemon that was started after it",
    "as for `System call refused`",
  ),
  "Refused system calls will not be counted": message(
    "debug",
    "path problem",
    "there is no place for what one daemon leaves to the next",
  ),
  "Pid file will be left empty at the end": message(
    "warn",
    "path user chroot mend",
    "the user that the process has become may not remove it",
    "put it in a folder of that user's: see [security.md](security.md)",
  ),
  "Descriptors taken over": message(
    "info",
    "count",
    "sockets and queues waited with the service manager, and so did packets: see [restart.md](restart.md)",
  ),
  "Descriptors not taken over": message(
    "warn",
    "what problem",
    "those that waited are closed, and others opened: what waited in them is lost",
  ),
  "Peers found": message(
    "info",
    "peers seconds",
    "what the relay that ran before has left, so long ago: see [restart.md](restart.md)",
  ),
  "Peers not taken over": message(
    "warn",
    "path problem",
    "what was left is of no use, and was thrown away: clients are asked again, as by a first start",
  ),
  "Peers will not be handed over": message(
    "warn",
    "problem mend",
    "the next relay will have to ask all clients again: see [restart.md](restart.md)",
    "`mend`",
  ),
  "History taken over": message(
    "debug",
    "path",
    "what the daemon that ran before has left: see [history.md](history.md)",
  ),
  "History not taken over": message(
    "warn",
    "path problem",
    "what was left is of no use, and was thrown away: the history begins anew",
  ),
  "History will not be kept": message(
    "warn",
    "problem mend",
    "the history will begin anew with the next start: see [history.md](history.md)",
    "`mend`",
  ),
  "Privileges": message(
    "debug",
    "user missing",
    "the process's user and group, and rights that it lacks",
  ),
  "Workers": message(
    ["info", "warn"],
    "workers reason",
    "how many threads carry packets; warn when the configuration asks for another number",
    "see `workers` in [configuration.md](configuration.md)",
  ),
  "Offloads": message(
    "info",
    "on off",
    "what the kernel gives and takes in larger pieces, and why the rest is off",
  ),
  "Watchdog": message(
    "debug",
    "seconds",
    "how often the service manager is told that the daemon lives",
  ),
  "Ready": message("info", "role listening interface", "it serves"),
};

/** While it serves: readiness, interface, packets. */
const LIFE = {
  "Fast path on": message(
    "info",
    "reason",
    "programs in the kernel carry packets of known clients, or answer solicitations; the reason is what somebody should know",
  ),
  "Fast path off": message(
    ["info", "warn"],
    "reason",
    "the daemon sees every packet itself; warn when `fast_path = on` asks for more",
    "see [fast-path.md](fast-path.md)",
  ),
  "Readiness": message(
    "debug",
    "check detail mend",
    "a readiness check says something else than at the last look, and is as ok or not as before",
  ),
  "Not ready": message(
    "warn",
    "check detail mend",
    "a readiness check failed; `/readyz` gives 503",
    "`mend`",
  ),
  "Ready again": message("info", "check detail", "it passes again"),
  "Announced": message(
    "info",
    "",
    "with `announce`: the route that routing daemons learn is there",
  ),
  "Not announced any more": message(
    "info",
    "check seconds",
    "that route is gone: of these checks one is not ok; once all are, and have been for so long, it comes back",
    "[anycast.md](anycast.md)",
  ),
  "Restored": message(
    "warn",
    "what seconds suppressed",
    "part of the interface was changed by another program, for so long at most, and is set up again",
    "[interface.md](interface.md)",
  ),
  "Cannot restore": message(
    "warn",
    "what problem mend",
    "part of the interface was changed and cannot be set up again now; it is tried again",
    "`mend`",
  ),
  "Another program changes the interface again and again": message(
    "warn",
    "what programs mend",
    "it was set up again so often that the next time has to wait",
    "`mend`; [interface.md](interface.md)",
  ),
  "Interface kept by a process of its own": message(
    "info",
    "pid",
    "with `user` set: that process has the right to set up interfaces, and no other",
    "[interface.md](interface.md)",
  ),
  "Nothing keeps the interface": message(
    "warn",
    "problem mend",
    "that process has ended or could not begin, or on a BSD `user` or `chroot` is set; what differs is only reported from here on",
    "`mend`",
  ),
  "Cannot look at the interface": message(
    "error",
    "error",
    "the kernel does not say how the interface is set up; it is asked again",
    "report it, if it goes on: see `dmesg` too",
  ),
  "Cannot look at the daemon": message(
    "error",
    "error",
    "readiness could not be looked at; the last outcome stands, packets are carried",
    "report it",
  ),
  "Clock set": message(
    "info",
    "seconds",
    "somebody has set this host's clock, so far forward, or back if negative; the history goes by the new time",
  ),
  "Serving own addresses": message(
    "info",
    "served",
    "with `served = self`: the addresses of this host that clients may reach",
  ),
  "Serving no more own addresses than these": message(
    "warn",
    "count",
    "the host has more than can be served",
    "name prefixes in `served`",
  ),
  "Offload given up": message(
    "info",
    "offload reason suppressed",
    "the kernel refuses it: for a device or a route, for want of memory, or by a fault of its version; it is asked again now and then",
    "none needed; a newer kernel may not",
  ),
  "Offload in use again": message("info", "offload suppressed", "the kernel accepts it again"),
  "Packets dropped": message(
    "warn",
    "reason count way errno detail mend suppressed",
    "drops that point at this machine or its configuration; of what the kernel refused: where it was to go, what the kernel said, and what that means",
    "`mend`, or see the reason in [metrics.md](metrics.md)",
  ),
  "Packet": message(
    "debug",
    "way peer packet what source destination bytes did to reason detail suppressed",
    "what became of a packet of the peer in `debug_peer`, or of `teredo log debug --peer`",
  ),
  "Reloaded": message(
    "info",
    "file count",
    "the configuration was read again; `count` settings have new values",
  ),
  "Setting changed": message("info", "key value detail", "the daemon goes by it from here on"),
  "Setting needs a restart": message(
    "warn",
    "key value detail",
    "the daemon goes on as before, for this can only be set up at start",
    "restart the daemon",
  ),
  "Reload refused": message(
    "error",
    "file line key problem",
    "nothing has changed; the daemon goes on as before",
    "as it says, then `teredo reload`",
  ),
  "Reload waits for its confirmation": message(
    "info",
    "seconds",
    "without `teredo reload --confirm` in this time the daemon goes back to what was before",
  ),
  "Reload confirmed": message("info", "", "the daemon stays with what it was given"),
  "Reload taken back": message(
    "warn",
    "reason",
    "nobody confirmed in time: the daemon goes by what was before, the file still says otherwise",
    "mend the file, then `teredo reload`",
  ),
};

/** Its end, and what signals do. */
const END = {
  "Datapath failed": message(
    "error",
    "error",
    "no packets are carried any more; exit status 1",
    "restart; the units do",
  ),
  "Ending": message("info", "signal", "told to end"),
  "Draining": message(
    "info",
    "seconds",
    "`/readyz` gives 503, and packets are carried for so long",
  ),
  "Descriptors handed over": message(
    "info",
    "count",
    "sockets and queues wait with the service manager for the next relay: see [restart.md](restart.md)",
  ),
  "Peers handed over": message(
    "info",
    "peers path",
    "what the relay knew of its clients is left to the next one: see [restart.md](restart.md)",
  ),
  "Peers not handed over": message(
    "warn",
    "path problem",
    "nothing is left: the next relay asks all clients again",
    "make room in that folder",
  ),
  "History not kept": message(
    "warn",
    "path problem",
    "nothing is left: the history begins anew with the next start",
    "make room in that folder",
  ),
  "Ended at once by a second signal": message("warn", "signal", "without draining; exit status 1"),
  "Log lines dropped": message(
    "warn",
    "count",
    "whoever reads the log did not keep up; what was said meanwhile is lost",
    "see why it is slow or stopped",
  ),
  "Draining until told otherwise": message(
    "info",
    "signal",
    "`/readyz` fails so that others turn away, and traffic goes on: SIGUSR1 asked for it, or `teredo drain`",
    "SIGUSR1 again takes it back, or `teredo undrain`: see [signals.md](signals.md)",
  ),
  "Serving again": message(
    "info",
    "signal",
    "a second SIGUSR1 took the drain back, or `teredo undrain`",
  ),
  "Logging at debug until told otherwise": message(
    "info",
    "peer",
    "`teredo log debug` asked for it, and for what becomes of this peer's packets",
    "`teredo log off` takes it back",
  ),
  "Logging as configured again": message(
    "info",
    "",
    "`teredo log off` asked for it, or a reload changed [log]",
  ),
  "State": message(
    "info",
    "role detail seconds workers peers trusted held from_udp to_udp from_ipv6 to_ipv6 dropped memory",
    "how the daemon is, because SIGUSR2 asked",
  ),
  "Signal ignored": message(
    "warn",
    "signal",
    "a signal that means nothing here, or not now",
    "see who sent it",
  ),
  "Ended": message("info", "", "exit status 0"),
};

/** Every message of the daemons: its words in docs/logging.md and of `teredo explain`. */
export const MESSAGES: Readonly<Record<string, MessageHelp>> = {
  ...START,
  ...LIFE,
  ...CLIENT,
  ...END,
};
