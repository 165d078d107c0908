import type { ServerName } from "#src/config/config.ts";
import { inOrder } from "#src/protocol/client/servers/choose.ts";
import { formatIpv4, isGlobalUnicast, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { obstacleIn, specialPurpose4 } from "#src/protocol/wire/special_purpose.ts";
import { type CheckResult, fail, ok, warn } from "../result.ts";

/** IPv4 addresses of a name. @throws an error with `code`, as `node:dns` has them */
export type Resolve = (name: string) => Promise<readonly number[]>;

const NAME = "servers";
const ANOTHER = "name another server; docs/client.md lists some";

/** Whether each server can be asked, as far as it can be told without asking it. */
export async function checkServers(
  servers: readonly ServerName[],
  resolve: Resolve,
): Promise<CheckResult[]> {
  const all = await Promise.all(servers.map((server) => checkServer(server, resolve)));
  const results = all.flat();
  // One that can be asked is enough; what is said of a secondary address makes no server of it.
  const isUsable = results.some(({ name, verdict }) => name === NAME && verdict !== "fail");
  return results.map((it) => isUsable && it.verdict === "fail" ? { ...it, verdict: "warn" } : it);
}

async function checkServer(
  { host, secondary }: ServerName,
  resolve: Resolve,
): Promise<CheckResult[]> {
  const primaries = await addressesOf(host, resolve);
  if (!Array.isArray(primaries)) return [primaries as CheckResult];
  const judged = primaries.map((address) => judge(host, address));
  if (secondary === undefined) return judged;
  const seconds = await addressesOf(secondary, resolve);
  if (!Array.isArray(seconds)) return [...judged, seconds as CheckResult];
  const [primary] = inOrder(primaries);
  const [second] = inOrder(seconds);
  // Whatever a name has besides is told already.
  if (primary === undefined || second === undefined) return judged;
  return [...judged, ...checkSecondary(primary, second)];
}

async function addressesOf(
  host: string,
  resolve: Resolve,
): Promise<readonly number[] | CheckResult> {
  const address = parseIpv4(host);
  if (address !== undefined) return [address];
  try {
    const found = await resolve(host);
    if (found.length > 0) return found;
    return fail(NAME, `${host} has no IPv4 address`, ANOTHER);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOTFOUND" || code === "ENODATA") {
      return fail(NAME, `there is no host ${host} with an IPv4 address`, ANOTHER);
    }
    return fail(
      NAME,
      `${host} cannot be looked up: ${code}`,
      "let this host reach its name servers, or write the server's address",
    );
  }
}

function judge(host: string, address: number): CheckResult {
  const text = formatIpv4(address);
  const name = host === text ? text : `${host} is ${text}`;
  if (!isGlobalUnicast(address, false)) {
    return fail(NAME, `${name}, which is no address of a public host: peers refuse it`, ANOTHER);
  }
  const obstacle = obstacleIn(specialPurpose4(address));
  if (obstacle === undefined) return ok(NAME, name);
  const why = `${obstacle.name}, ${obstacle.reference}`;
  return warn(NAME, `${name} (${why}): no peer elsewhere reaches it`, ANOTHER);
}

/**
 * The RFC's clients, and Windows', know no other. RFC 4380 §5.2. Whoever is there but the server itself
 * advertises another server's prefix, which is no answer (§5.2.1): it is as if nobody were there.
 */
function checkSecondary(first: number, second: number): CheckResult[] {
  const [one, other] = [formatIpv4(first), formatIpv4(second)];
  if (second === first + 1) return [ok("secondary", `${other} is ${one} plus one`)];
  return [
    warn(
      "secondary",
      `${other} is not ${one} plus one: where it is not of the same server its answers count for ` +
        "nothing, and whether the NAT is symmetric shows by another server alone",
      "name the server without a secondary address, unless its owner says so",
    ),
  ];
}
