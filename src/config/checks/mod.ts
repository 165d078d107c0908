import { isLoopbackIp, parseIp } from "#src/protocol/wire/ip.ts";
import type { Config, Role, StatusConfig } from "../config.ts";
import type { Problems } from "../problems.ts";
import { checkClient } from "./client.ts";
import type { Names } from "./common.ts";
import { checkRelay } from "./relay.ts";
import { checkServer } from "./server.ts";

/** Checks settings against each other, for the daemon of this role. */
export function checkConfig(config: Config, role: Role, names: Names, problems: Problems): void {
  ROLE_CHECKS[role](config, names, problems);
  if (config.log.debugPeer !== undefined && config.log.level !== "debug") {
    problems.notice(
      names.where("log.debug_peer"),
      "tells nothing at this level; set level to debug, or `teredo log debug` for a while",
    );
  }
  checkStatus(config.status, names, problems);
}

const ROLE_CHECKS: Readonly<
  Record<Role, (config: Config, names: Names, problems: Problems) => void>
> = {
  relay: ({ relay }, ...more) => checkRelay(relay, ...more),
  server: ({ server }, ...more) => checkServer(server, ...more),
  client: ({ client }, ...more) => checkClient(client, ...more),
};

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
