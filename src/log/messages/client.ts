import { message } from "../message.ts";

/** Of a client alone. */
export const CLIENT = {
  "Client": message(
    ["info", "warn"],
    "state reason mend address server",
    "the client is in another state, or has another address; warn when nothing is carried: see [client.md](client.md)",
    "`mend`; with `offline`: `teredo netcheck`",
  ),
  "Name not found": message(
    "warn",
    "name problem mend",
    "a server's name has no answer, or private addresses alone where it had public ones; it is asked for " +
      "again, after 5 s at first and 100 s at last",
    "see `/etc/resolv.conf`, and the name, or log in",
  ),
  "Name found": message("info", "name", "it has an answer again"),
  "Network changed": message(
    "info",
    "detail",
    "addresses of this host, or the way to the servers, are others: of another way every server is asked again",
  ),
  "Woke up": message(
    "info",
    "seconds",
    "machine or process stood still for so long: every server is asked again",
  ),
  "Native IPv6": message(
    "info",
    "detail state",
    "this host has got IPv6 of its own, or lost it, for long enough: `state` is what that means for the tunnel",
    "see `when_native` in [configuration.md](configuration.md)",
  ),
  "Hook run": message("debug", "state address output", "it ended as it should"),
  "Hook failed": message(
    "warn",
    "path state problem output",
    "the program of `hook` did not do what it was run for; it is run again at the next change",
    "see what it wrote: `output`",
  ),
  "Miredo's hook not run": message(
    "warn",
    "path mend",
    "a hook of Miredo's is on this host that somebody has changed: no such hook is run unless it is named",
    "`mend`, if what it does besides addresses and routes is still wanted",
  ),
  "Client's state will not be kept": message(
    "warn",
    "path problem mend",
    "port, address and the servers' addresses may be others with the next start",
    "`mend`",
  ),
  "Client's state not taken over": message(
    "warn",
    "path problem",
    "what the last run left is of no use; it is written anew",
  ),
  "Nobody does errands": message(
    "error",
    "problem mend",
    "a process that looks up names, or runs the hook, has ended: that is not done any more, and `/readyz` " +
      "says 503 (the check `errands`)",
    "`mend`",
  ),
  "Not qualified in time": message(
    "error",
    "seconds state mend",
    "`--wait` has ended the client; exit status 1",
    "`mend`",
  ),
};
