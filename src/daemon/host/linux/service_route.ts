import { RT_TABLE_LOCAL, RT_TABLE_MAIN } from "#ffi/linux/mod.ts";
import { describeOwner, type Owner, ownersOf, rivalProblem } from "#src/datapath/linux/owners.ts";
import { decidingRoute, type Journey, linkAt, wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import { rulesOf } from "#src/datapath/linux/netlink/rules.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv6Prefix, IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Finding } from "../../checks/result.ts";
import { clientAddress, ROOT_SERVERS_6 } from "../samples.ts";

/** Routes that are named, of those that take a part of the prefix. */
const MOST_NAMED = 3;

/**
 * Whether a route of the prefix with our metric would be the one that the kernel takes.
 *
 * @param own interface of that route, which may be there already
 * @param metric of that route
 */
export function linuxServiceRoute(
  netlink: Netlink,
  prefix: Ipv6Prefix,
  own: string,
  metric: number,
): Finding {
  const others = ownersOf(netlink, prefix, 8 * IPV6_LENGTH)
    .filter(({ interfaceName }) => interfaceName !== own);
  const rivals = others.filter((it) => it.prefix.length === prefix.length);
  const findings = [
    ...exact(netlink, prefix, rivals, metric),
    ...byRules(netlink, prefix),
    ...parts(others.filter((it) => it.prefix.length > prefix.length)),
  ];
  const verdicts = ["fail", "warn"] as const;
  const worst = verdicts.map((verdict) => findings.find((it) => it.verdict === verdict));
  return worst.find((it) => it !== undefined) ?? {
    verdict: "ok",
    detail: allWell(prefix, rivals, metric),
  };
}

function allWell(prefix: Ipv6Prefix, rivals: readonly Owner[], metric: number): string {
  const text = formatIpv6Prefix(prefix);
  if (rivals.length === 0) return `nothing else has ${text}`;
  return `${text} is ${rivals.map(describeOwner).join(", ")}; ours, of metric ${metric}, wins`;
}

/** Other routes of the same prefix. */
function exact(
  netlink: Netlink,
  prefix: Ipv6Prefix,
  rivals: readonly Owner[],
  metric: number,
): Finding[] {
  const [first] = rivals;
  if (first !== undefined && first.metric <= metric) {
    const { problem, mend } = rivalProblem(prefix, first, metric);
    return [{ verdict: "fail", detail: problem, mend }];
  }
  const tunnel = rivals.find(({ index }) => linkAt(netlink, index)?.kind === "tun");
  if (tunnel === undefined) return [];
  const text = formatIpv6Prefix(prefix);
  return [{
    verdict: "warn",
    detail:
      `${text} is also ${describeOwner(tunnel)}, perhaps by another Teredo relay or client, ` +
      `which gets no packets while a relay's route of metric ${metric} is there`,
    mend: `stop one of the two; \`ip -6 route show exact ${text}\` shows the route`,
  }];
}

/** Longer prefixes win, whatever their metric. */
function parts(owners: readonly Owner[]): Finding[] {
  if (owners.length === 0) return [];
  const named = owners.slice(0, MOST_NAMED)
    .map((owner) => `${formatIpv6Prefix(owner.prefix)} is ${describeOwner(owner)}`);
  const more = owners.length - named.length;
  const rest = more === 0 ? "" : `, and ${more} more are so`;
  return [{
    verdict: "warn",
    detail: `packets to some clients do not enter a relay: ${named.join(", ")}${rest}`,
    mend: "take these routes away, unless they are meant so",
  }];
}

/** Rules that lead packets to clients past the main table, where a relay's route is. */
function byRules(netlink: Netlink, prefix: Ipv6Prefix): Finding[] {
  const destination = clientAddress(readU32(prefix.bytes, 0));
  const uplink = wayOf(netlink, { destination: ROOT_SERVERS_6[0]! });
  const journeys: Journey[] = [{ destination }];
  if (typeof uplink !== "number") {
    journeys.push({ destination, source: ROOT_SERVERS_6[0]!, comesBy: uplink.index });
  }
  const tables = journeys.map((journey) => decidingRoute(netlink, journey))
    .flatMap((decided) => typeof decided === "number" ? [] : [decided.table])
    .filter((table) => table !== RT_TABLE_MAIN && table !== RT_TABLE_LOCAL);
  return [...new Set(tables)].flatMap((table) => pastMain(netlink, prefix, table));
}

/** @param table that packets to clients are looked up in, with success, while our route is not there */
function pastMain(netlink: Netlink, prefix: Ipv6Prefix, table: number): Finding[] {
  const rules = rulesOf(netlink);
  const theirs = rules.filter((rule) => rule.table === table).map(({ priority }) => priority);
  // Where no route as short as ours is looked at, ours is not.
  const main = rules.filter((rule) =>
    rule.table === RT_TABLE_MAIN && rule.suppressed < prefix.length
  );
  const first = Math.min(...main.filter(({ forAll }) => forAll).map(({ priority }) => priority));
  if (theirs.length > 0 && first < Math.min(...theirs)) return [];
  const isSure = theirs.length > 0 &&
    Math.max(...theirs) < Math.min(...main.map((it) => it.priority));
  const text = formatIpv6Prefix(prefix);
  const before = theirs.length === 0 ? first : Math.min(...theirs);
  return [{
    verdict: isSure ? "fail" : "warn",
    detail:
      `a rule has packets to ${text} looked up in table ${table}, past a relay's route in table main`,
    mend: `ip -6 rule add to ${text} lookup main priority ${
      before - 1
    }; \`ip -6 rule\` shows the rules`,
  }];
}
