import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import type { ClientConfig } from "#src/config/config.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Host } from "../../host/contract.ts";
import { type CheckResult, note, ok, warn } from "../result.ts";
import type { Running } from "../running.ts";
import type { Traffic } from "../../host/traffic.ts";
import { hostPrefixes } from "../../served.ts";
import { NATIVE, unaskedTraffic } from "../traffic.ts";
import { checkAddressLabels, GAI_CONF } from "./gai.ts";
import { checkMiredoHook } from "./hook.ts";
import { checkServers, type Resolve } from "./servers.ts";

/** What `teredo check` asks besides the {@link Host}. */
export interface Surroundings {
  readonly resolve: Resolve;
  /** @returns undefined when there is no such file, or it may not be read */
  readonly textOf: (path: string) => string | undefined;
}

/** This machine's. */
export const SURROUNDINGS: Surroundings = {
  resolve: async (name) => {
    const found = await lookup(name, { all: true, family: 4 });
    return found.map(({ address }) => parseIpv4(address)!);
  },
  textOf: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
};

/**
 * What nobody is kept from starting by, and what takes time to ask: servers' names, the order of
 * addresses, who else sets up interfaces, who is let in by the tunnel.
 */
export async function checkSurroundings(
  host: Host,
  client: ClientConfig,
  { resolve, textOf }: Surroundings = SURROUNDINGS,
  running?: Running,
): Promise<CheckResult[]> {
  const interfaceName = running?.interfaceName ?? client.interfaceName;
  const results = [
    ...await checkServers(client.servers, resolve),
    ...checkAddressLabels(textOf(GAI_CONF), client.prefix),
    ...checkMiredoHook(client.hook),
    ...checkManagers(host, interfaceName),
    ...checkExposure(host, client, interfaceName),
  ];
  return results.map((it) => it.mend === undefined ? it : { ...it, mend: host.feasible(it.mend) });
}

/** Programs that set up interfaces may take addresses away, or have a route of their own win. */
function checkManagers(host: Host, interfaceName: string): CheckResult[] {
  return host.interfaceManagers().map(({ name, mend }) =>
    warn(
      "managers",
      `${name} runs, and may set up ${interfaceName} as well; what it changes is put right again`,
      mend,
    )
  );
}

const EXPOSURE = "exposure";

/** A NAT lets in nobody who was not asked; the tunnel goes past it. RFC 4380 §7.1, RFC 6169 §4.3.3 */
function checkExposure(
  host: Host,
  { prefix, whenNative }: ClientConfig,
  tunnel: string,
): CheckResult[] {
  const asClient = exposureOf(host, tunnel, "Teredo address", unaskedTraffic(tunnel, prefix));
  if (whenNative !== "relay") return [asClient];
  // Where the host has none at the moment, any will do.
  const own = hostPrefixes(prefix)[0]?.bytes ?? NATIVE;
  const traffic = unaskedTraffic(tunnel, prefix, own);
  const asRelay = exposureOf(host, tunnel, "own IPv6 addresses", traffic);
  // One that says it all.
  return asClient.verdict === "ok" ? [asRelay] : [asClient];
}

function exposureOf(host: Host, tunnel: string, what: string, traffic: Traffic): CheckResult {
  const report = host.filters(() => [traffic]);
  if (report === undefined || report.seen.length === 0) {
    const reason = report?.unseen[0] ?? "what packet filters there are is not known";
    return note(EXPOSURE, `cannot tell who is let in by ${tunnel}: ${reason}`);
  }
  const [closed] = report.filtered.filter((it) =>
    it.certain && it.packets.length === traffic.packets.length
  );
  if (closed !== undefined) {
    return ok(EXPOSURE, `what comes in by ${tunnel} unasked is dropped by ${closed.by}`);
  }
  return warn(
    EXPOSURE,
    `whoever knows this host's ${what} reaches its services by ${tunnel}, past the NAT`,
    `have a packet filter drop what comes in by ${tunnel} unasked, as in docs/client.md`,
  );
}
