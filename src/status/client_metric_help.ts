import { gauge } from "./metric_kind.ts";

/** Of what is told of a client alone, but for its totals. */
export const CLIENT_METRIC_HELP = {
  teredo_client_state: gauge(
    "0, 1",
    "1 for the state that the client is in; clients only, as all that begins so.",
    "`offline`, `no_ipv4`: docs/troubleshoot.md says what each state means",
  ),
  teredo_client_server_up: gauge(
    "0, 1",
    "1 when the server answered as it was asked last, by its primary address and its name.",
    "0 of one for hours: take it from the list; 0 of all: `teredo netcheck`",
  ),
  teredo_client_server_in_use: gauge("0, 1", "1 for the server that the address is of."),
  teredo_client_server_rtt_seconds: gauge(
    "s",
    "Round trip to the server; left out until it is measured.",
    "of the one in use far longer than of another: the list's order is `strict`",
  ),
  teredo_client_native: gauge(
    "0, 1",
    "1 for whether native IPv6 hosts answer by way of the server: ok, unreachable, unknown.",
    "`unreachable`: its network has no way back for 2001::/32; take another server",
  ),
  teredo_client_refresh_seconds: gauge(
    "s",
    "The refresh interval, as it has adapted to the NAT.",
    "less than `refresh`: the NAT forgets sooner; set it to this",
  ),
  teredo_client_deprecated_addresses: gauge(
    "addresses",
    "Addresses before the present one that flows still go on by.",
  ),
  teredo_client_peers: gauge(
    "peers",
    "Entries in the list of recent peers, by what they are and by how they are reached.",
    "many with `path` none: hosts that do not answer, or NATs that nothing passes",
  ),
  teredo_client_random_ports: gauge(
    "ports",
    "Ports open for peers behind symmetric NATs, at most 16.",
    "16: more such peers have to do without",
  ),
};
