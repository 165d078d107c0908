import { message } from "../message.ts";

/** Before the daemon serves. */
export const START = {
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
    "the user that the process has become may not remove it, or its sandbox: other things are in the folder",
    "put it in a folder of its own, which is that user's: see [security.md](security.md)",
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
