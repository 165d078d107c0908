import { message, type MessageHelp } from "./message.ts";
import { CLIENT } from "./messages/client.ts";
import { START } from "./messages/start.ts";

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
  "Cannot look at the network": message(
    "error",
    "error",
    "the kernel does not say where a client's host stands in its networks; it is asked again",
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
  "More own addresses than a running relay can be given": message(
    "warn",
    "count",
    "the host has got so many IPv4 addresses since the start that the relay goes by those it had before; it is tried again",
    "restart; or set `bind_address`",
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
