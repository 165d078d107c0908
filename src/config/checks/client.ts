import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { ClientConfig, ExtensionName } from "../config.ts";
import { quote } from "../kinds/mod.ts";
import { HOOK_INTERFACE_NAME } from "../kinds/network.ts";
import type { Problems } from "../problems.ts";
import { checkBindAddress, checkHoldMemory, isMulticastOrBroadcast, type Names } from "./common.ts";

export function checkClient(client: ClientConfig, names: Names, problems: Problems): void {
  checkServers(client, names, problems);
  checkBindAddress("client.bind_address", client.bindAddress, names, problems);
  if (client.bindPort === TEREDO_PORT) {
    problems.notice(
      names.where("client.bind_port"),
      "3544 is the port of servers, and a server on this host needs it; write another",
    );
  }
  checkExtensions(client, names, problems);
  checkHook(client, names, problems);
  checkHoldMemory("client", client, "peers", names, problems);
  if (client.clientId !== undefined && client.secretFile === undefined) {
    problems.error(
      names.where("client.client_id"),
      `shows servers nothing without a key; set ${names.name("client.secret_file")} as well`,
    );
  }
}

function checkServers({ servers }: ClientConfig, names: Names, problems: Problems): void {
  const where = names.where("client.servers");
  if (servers.length === 0) {
    problems.error(
      where,
      "not set; name a Teredo server, here or behind `teredo client`, e.g. one of docs/client.md",
    );
  }
  const given = servers.flatMap(({ host, secondary }) => [host, secondary]);
  for (const text of given) {
    const address = text === undefined ? undefined : parseIpv4(text);
    if (address === undefined) continue;
    if (address >>> 24 === 0 || address >>> 24 === 127 || isMulticastOrBroadcast(address)) {
      problems.error(where, `${text} is no server's address; write one of a Teredo server`);
    }
  }
  for (const { host, secondary } of servers) {
    if (secondary !== undefined || parseIpv4(host) !== 0xdfffffff) continue;
    problems.error(where, `${host} has no host's address behind it; write ${host}/SECONDARY`);
  }
}

/** It is told of the interface by a process with rights, which passes on nothing but harmless words. */
function checkHook({ hook, interfaceName }: ClientConfig, names: Names, problems: Problems): void {
  if (hook === undefined || HOOK_INTERFACE_NAME.test(interfaceName)) return;
  problems.error(
    names.where("client.interface_name"),
    `${quote(interfaceName)} has characters that mean something to a shell, and a ` +
      `${names.name("client.hook")} is told no such name; write e.g. \`teredo\``,
  );
}

/** RFC 6081 §4: these are parts of Symmetric NAT Support. */
const NEED_SNS: readonly ExtensionName[] = ["pp", "ss", "hairpin"];

function checkExtensions({ extensions }: ClientConfig, names: Names, problems: Problems): void {
  const missing = NEED_SNS.filter((name) => extensions.includes(name));
  if (missing.length === 0 || extensions.includes("sns")) return;
  problems.error(
    names.where("client.extensions"),
    `${missing.join(", ")} cannot be without \`sns\`; write it as well, or leave them out`,
  );
}
