import { isLoopbackIp, parseIp } from "#src/protocol/wire/ip.ts";
import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Config, RelayConfig, Role, ServerConfig, StatusConfig } from "./config.ts";
import type { Problems } from "./problems.ts";

/** How the operator calls settings: a problem names what stands in the file or on the command line. */
export interface Names {
  /** Where a setting got its value, with its name: what stands before a problem. */
  where(id: string): string;
  /** The setting's name alone: key, Miredo's directive or flag. */
  name(id: string): string;
  /** Whether the operator wrote it. */
  isGiven(id: string): boolean;
}

/** Checks settings against each other, for the daemon of this role. */
export function checkConfig(config: Config, role: Role, names: Names, problems: Problems): void {
  if (role === "relay") checkRelay(config.relay, names, problems);
  else checkServer(config.server, names, problems);
  if (config.log.debugPeer !== undefined && config.log.level !== "debug") {
    problems.notice(
      names.where("log.debug_peer"),
      "tells nothing at this level; set level to debug, or `teredo log debug` for a while",
    );
  }
  checkStatus(config.status, names, problems);
}

function checkStatus(
  { enabled, address, tokenFile, allowAnonymous }: StatusConfig,
  names: Names,
  problems: Problems,
): void {
  if (!enabled) return;
  const [token, anonymous] = [
    names.name("status.token_file"),
    names.name("status.allow_anonymous"),
  ];
  const isOpen = !isLoopbackIp(parseIp(address)!);
  if (tokenFile !== undefined && allowAnonymous) {
    problems.error(
      names.where("status.allow_anonymous"),
      `lets in who has no token, and ${token} asks for one; delete one of both`,
    );
  } else if (isOpen && allowAnonymous) {
    problems.notice(
      names.where("status.allow_anonymous"),
      `anyone who reaches ${address} can read status and peers; set ${token}, or let a firewall ` +
        "choose who does",
    );
  } else if (isOpen && tokenFile === undefined) {
    problems.error(
      names.where("status.address"),
      `anyone who reaches ${address} could read status and peers; set ${token}, or ` +
        `${anonymous} = yes, or listen on 127.0.0.1`,
    );
  }
}

function checkRelay(relay: RelayConfig, names: Names, problems: Problems): void {
  if (isMulticastOrBroadcast(relay.bindAddress)) {
    problems.error(
      names.where("relay.bind_address"),
      `${formatIpv4(relay.bindAddress)} is not a host's address; write one of this machine's`,
    );
  }
  if (relay.bindPort === TEREDO_PORT) {
    problems.notice(
      names.where("relay.bind_port"),
      "3544 is the port of servers, whose packets clients treat otherwise; write e.g. 3545",
    );
  }
  if (relay.type === "restricted") {
    problems.notice(
      names.where("relay.type"),
      "a restricted relay is slower to reach clients; open its UDP port and write `relay`",
    );
  }
  checkHold(relay, names, problems);
  checkRoutes(relay, names, problems);
}

/** Of routes that come by BGP from other relays, as FRR installs them; BIRD has 32. */
const BGP_METRIC = 20;
/** RTPROT_ of BIRD and of FRR's daemons: is_selfroute() of zebra. */
const ROUTING_DAEMONS: readonly (readonly [from: number, to: number])[] = [
  [11, 12],
  [42, 42],
  [186, 198],
];

function checkRoutes(relay: RelayConfig, names: Names, problems: Problems): void {
  const { announce, routeMetric, announceMetric, announceProtocol: protocol } = relay;
  if (!announce) return;
  if (routeMetric >= BGP_METRIC) {
    problems.error(
      names.where("relay.route_metric"),
      `${routeMetric} may lose against the route that another relay announces, so that packets for ` +
        `clients go there; write less than ${BGP_METRIC}`,
    );
  }
  if (announceMetric >= routeMetric) {
    problems.error(
      names.where("relay.announce_metric"),
      `${announceMetric} hides behind ${
        names.name("relay.route_metric")
      } ${routeMetric}, so that no ` +
        "routing daemon learns it; write less",
    );
  }
  if (ROUTING_DAEMONS.some(([from, to]) => from <= protocol && protocol <= to)) {
    problems.error(
      names.where("relay.announce_protocol"),
      `${protocol} is a routing daemon's own, which does not learn what it takes for its own; write ` +
        "e.g. 201",
    );
  }
}

/** Both are given by the operator when they do not fit: their defaults fit anything. */
function checkHold(relay: RelayConfig, names: Names, problems: Problems): void {
  const { holdBytes, holdMemory, interfaceMtu } = relay;
  if (holdBytes < interfaceMtu) {
    problems.error(
      names.where("relay.hold_bytes"),
      `${holdBytes} bytes hold no packet of ${names.name("relay.interface_mtu")} ` +
        `${interfaceMtu}; write at least ${interfaceMtu}`,
    );
  }
  if (holdMemory < holdBytes) {
    problems.error(
      names.where("relay.hold_memory"),
      `${holdMemory} bytes for all clients are less than ${names.name("relay.hold_bytes")} ` +
        `${holdBytes} for one; write more`,
    );
  }
}

function checkServer(server: ServerConfig, names: Names, problems: Problems): void {
  if (server.requireAuthentication && server.secretsFile === undefined) {
    problems.error(
      names.where("server.require_authentication"),
      "no client can authenticate without secrets; set `secrets_file`",
    );
  }
  const { bindAddress: first, bindAddress2: second } = server;
  if (first === undefined) {
    problems.error(
      names.where("server.bind_address"),
      "not set; set the server's primary IPv4 address, here or by the flag --bind-address",
    );
    return;
  }
  const unfit = checkBound(server, names, problems);
  if (!unfit && second !== undefined) checkSeen(server, first, second, names, problems);
}

/** @returns whether one of the two cannot be bound at all */
function checkBound(server: ServerConfig, names: Names, problems: Problems): boolean {
  const { bindAddress: first = 0, bindAddress2: second } = server;
  const here = names.where("server.bind_address");
  const mend = "write one of this machine's";
  const before = problems.errors.length;
  if (first === 0 || isMulticastOrBroadcast(first)) {
    problems.error(here, `${formatIpv4(first)} is not a host's address; ${mend}`);
  } else if (second === undefined || second === 0 || isMulticastOrBroadcast(second)) {
    const address = formatIpv4(second ?? 0);
    if (!names.isGiven("server.bind_address2")) {
      problems.error(here, `${formatIpv4(first)} has no host's address behind it; ${mend}`);
    } else {
      const there = names.where("server.bind_address2");
      problems.error(there, `${address} is not a host's address; ${mend}`);
    }
  }
  if (first === second) {
    problems.error(
      names.where("server.bind_address2"),
      `the same as ${names.name("server.bind_address")}; write the address after it`,
    );
  }
  return problems.errors.length > before;
}

/** The pair that clients see: what is advertised, or else bound. */
function checkSeen(
  server: ServerConfig,
  bound: number,
  bound2: number,
  names: Names,
  problems: Problems,
): void {
  const { advertisedAddress: first, advertisedAddress2: second } = server;
  if (first === undefined && second === undefined) {
    checkPair(server, "server.bind_address", [bound, bound2], names, problems);
  } else if (first === undefined || second === undefined) {
    const [given, other] = first === undefined ? ["2", ""] : ["", "2"];
    problems.error(
      names.where(`server.advertised_address${given}`),
      `set without ${names.name(`server.advertised_address${other}`)}; advertise both or neither`,
    );
  } else checkPair(server, "server.advertised_address", [first, second], names, problems);
}

function checkPair(
  server: ServerConfig,
  id: string,
  pair: readonly [number, number],
  names: Names,
  problems: Problems,
): void {
  const ids = [id, names.isGiven(`${id}2`) ? `${id}2` : id] as const;
  const mend = id === "server.bind_address"
    ? `write a public address, or set ${names.name("server.advertised_address")} and ` +
      names.name("server.advertised_address2")
    : "write the public address";
  const hidden = pair.findIndex((address) => !isGlobalUnicast(address, server.refuseReserved));
  for (const [i, address] of pair.entries()) {
    if (isGlobalUnicast(address, server.refuseReserved)) continue;
    // What stands behind a private address that was given is no second mistake.
    if (i > hidden && ids[1] === id) continue;
    problems.error(names.where(ids[i]!), `clients cannot reach ${formatIpv4(address)}; ${mend}`);
  }
  const [first, second] = pair;
  const where = names.where(`${id}2`);
  if (first === second) {
    problems.error(where, `the same as ${names.name(id)}; write the address after it`);
    return;
  }
  if (second === first + 1 || server.allowNonConsecutive) return;
  const [one, other] = [formatIpv4(first), formatIpv4(second)];
  problems.error(
    where,
    `${other} is not ${one} plus one, as Windows clients take it to be; write the next address, ` +
      `or set ${names.name("server.allow_non_consecutive")}`,
  );
}

function isMulticastOrBroadcast(address: number): boolean {
  return address >>> 28 === 0xe || address === 0xffffffff;
}
