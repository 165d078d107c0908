import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Config, Role, ServerConfig } from "./config.ts";
import type { Problems } from "./problems.ts";

/** Where a setting got its value, with its name: what stands before a problem. */
export type Where = (id: string) => string;

/** Checks settings against each other, for the daemon of this role. */
export function checkConfig(config: Config, role: Role, where: Where, problems: Problems): void {
  if (role === "relay") checkRelay(config, where, problems);
  else checkServer(config.server, where, problems);
  const { enabled, address } = config.status;
  if (enabled && !/^(127\.|::1$)/.test(address)) {
    problems.notice(
      where("status.address"),
      `anyone who reaches ${address} can read status and peers; let a firewall choose who does`,
    );
  }
}

function checkRelay({ relay }: Config, where: Where, problems: Problems): void {
  if (isMulticastOrBroadcast(relay.bindAddress)) {
    problems.error(
      where("relay.bind_address"),
      `${formatIpv4(relay.bindAddress)} is not a host's address; write one of this machine's`,
    );
  }
  if (relay.bindPort === TEREDO_PORT) {
    problems.notice(
      where("relay.bind_port"),
      "3544 is the port of servers, whose packets clients treat otherwise; write e.g. 3545",
    );
  }
  if (relay.type === "restricted") {
    problems.notice(
      where("relay.type"),
      "a restricted relay is slower to reach clients; open its UDP port and write `relay`",
    );
  }
  if (relay.holdBytes < relay.interfaceMtu) {
    problems.error(
      where("relay.hold_bytes"),
      `${relay.holdBytes} bytes hold no packet of interface_mtu ${relay.interfaceMtu}; ` +
        `write at least ${relay.interfaceMtu}`,
    );
  }
  if (relay.holdMemory < relay.holdBytes) {
    problems.error(
      where("relay.hold_memory"),
      `${relay.holdMemory} bytes for all clients are less than hold_bytes ${relay.holdBytes} ` +
        "for one; write more",
    );
  }
}

function checkServer(server: ServerConfig, where: Where, problems: Problems): void {
  checkBound(server, where, problems);
  checkAdvertised(server, where, problems);
  if (server.requireAuthentication && server.secretsFile === undefined) {
    problems.error(
      where("server.require_authentication"),
      "no client can authenticate without secrets; set `secrets_file`",
    );
  }
}

function checkBound(server: ServerConfig, where: Where, problems: Problems): void {
  const { bindAddress, bindAddress2 } = server;
  if (bindAddress === undefined) {
    problems.error(
      where("server.bind_address"),
      "not set; set the server's primary IPv4 address, here or by the flag --bind-address",
    );
    return;
  }
  if (bindAddress2 === undefined) {
    problems.error(
      where("server.bind_address"),
      "255.255.255.255 has no address behind it; write one of this machine's",
    );
    return;
  }
  for (
    const [id, address] of [
      ["server.bind_address", bindAddress],
      ["server.bind_address2", bindAddress2],
    ] as const
  ) {
    if (address === 0 || isMulticastOrBroadcast(address)) {
      const problem = `${formatIpv4(address)} is not a host's address`;
      problems.error(where(id), `${problem}; write one of this machine's`);
    }
  }
  if (bindAddress === bindAddress2) {
    problems.error(
      where("server.bind_address2"),
      "the same as bind_address; write the address after it",
    );
  }
}

/** The pair that clients see: what is advertised, or else bound. */
function checkAdvertised(server: ServerConfig, where: Where, problems: Problems): void {
  const { advertisedAddress: first, advertisedAddress2: second } = server;
  if (first === undefined && second === undefined) {
    checkPair(server, "bind_address", server.bindAddress, server.bindAddress2, where, problems);
  } else if (first === undefined || second === undefined) {
    const id = `server.advertised_address${first === undefined ? "" : "2"}`;
    problems.error(where(id), "not set, though the other one is; advertise both or neither");
  } else checkPair(server, "advertised_address", first, second, where, problems);
}

function checkPair(
  server: ServerConfig,
  key: string,
  first: number | undefined,
  second: number | undefined,
  where: Where,
  problems: Problems,
): void {
  if (first === undefined || second === undefined) return;
  for (const [id, address] of [[`server.${key}`, first], [`server.${key}2`, second]] as const) {
    if (isGlobalUnicast(address, server.refuseReserved)) continue;
    const mend = key === "bind_address"
      ? "write a public address, or set advertised_address and advertised_address2"
      : "write the public address";
    problems.error(where(id), `clients cannot reach ${formatIpv4(address)}; ${mend}`);
  }
  if (second === first + 1 || server.allowNonConsecutive || second === first) return;
  problems.error(
    where(`server.${key}2`),
    `${formatIpv4(second)} is not ${
      formatIpv4(first)
    } plus one, as Windows clients take it to be; ` +
      "write the next address, or set `allow_non_consecutive`",
  );
}

function isMulticastOrBroadcast(address: number): boolean {
  return address >>> 28 === 0xe || address === 0xffffffff;
}
