import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import type { ServerConfig } from "../config.ts";
import type { Problems } from "../problems.ts";
import { isMulticastOrBroadcast, type Names } from "./common.ts";

export function checkServer(server: ServerConfig, names: Names, problems: Problems): void {
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
