import type { ClientStateName } from "./snapshot.ts";

export interface ClientStateHelp {
  readonly meaning: string;
  /** What brings it about. */
  readonly cause: string;
  /** Undefined: nothing has to be done. */
  readonly mend?: string;
}

/** States of a client, in docs/troubleshoot.md and of `teredo explain`. */
export const CLIENT_STATE_HELP: Readonly<Record<ClientStateName, ClientStateHelp>> = {
  resolving: {
    meaning: "The names of its servers are looked up, and none has an address yet",
    cause: "it has just begun; or name servers do not answer, or do not know the names",
    mend: "`teredo check client` looks the names up; or give servers by their IPv4 addresses",
  },
  probing: {
    meaning: "Its servers are asked for the address that the NAT gives it",
    cause: "it has just begun, or the network is another one",
  },
  qualified: {
    meaning: "A server has told it its address, and packets pass. Whether native hosts answer is " +
      "said apart",
    cause: "the server answers when it is asked, every 30 s or so",
  },
  failing: {
    meaning: "The server's answer is overdue. Packets pass still, and other servers are asked",
    cause: "the server is gone, or datagrams are lost",
    mend: "with one server: add another one to `servers`, which takes its place in 4 s",
  },
  offline: {
    meaning: "No server answers. They are asked again, at last every 100 s or so",
    cause:
      "the servers are gone, a filter keeps UDP to or from port 3544 out, or they want another " +
      "key",
    mend: "`teredo netcheck` says which of the first two; for another key `secret_file`",
  },
  dormant: {
    meaning: "The network has IPv6 of its own: the tunnel has no address and no default route",
    cause: "an address of 2000::/3 and a default route that are not the client's, for 5 s",
    mend: "wanted nevertheless: `when_native = keep`",
  },
  relay: {
    meaning:
      "The network has IPv6 of its own: the client is a relay for this host alone, so that " +
      "Teredo clients are reached straight. RFC 4380 §5.5",
    cause: "as with dormant, and `when_native = relay`",
  },
  no_ipv4: {
    meaning: "There is no way to anything by IPv4, so that no server can be asked",
    cause:
      "no IPv4 address, no route, an interface without a carrier, or a `bind_address` that this host " +
      "has no more; it goes on as soon as there are",
    mend: "`ip -4 route` shows what there is; `linkdown` is an interface without a carrier. A " +
      "`bind_address` that is gone is named as the reason: give it to an interface, or write another",
  },
};
