import type { ClientConfig, ServerName } from "#src/config/config.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";

/** Names that somebody has to look up; addresses say themselves what they are. */
export function namesIn(servers: readonly ServerName[]): string[] {
  const hosts = servers.flatMap((
    { host, secondary },
  ) => [host, ...secondary === undefined ? [] : [secondary]]);
  return [...new Set(hosts.filter((host) => parseIpv4(host) === undefined))];
}

/** Settings, as `section.key`, for which somebody has to look up names. */
export function settingsWithNames({ servers, checkHost }: ClientConfig): string[] {
  const isName = checkHost !== undefined && parseIpv6(checkHost) === undefined;
  return [
    ...(namesIn(servers).length > 0 ? ["client.servers"] : []),
    ...(isName ? ["client.check_host"] : []),
  ];
}
