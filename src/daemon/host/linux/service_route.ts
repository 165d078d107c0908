import { describeOwner, type Owner, ownersOf, rivalProblem } from "#src/datapath/linux/owners.ts";
import { linkAt } from "#src/datapath/linux/netlink/look_up.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { formatIpv6Prefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Finding } from "../../checks/result.ts";

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
  const rivals = ownersOf(netlink, prefix).filter(({ interfaceName }) => interfaceName !== own);
  const [first] = rivals;
  if (first === undefined) {
    return { verdict: "ok", detail: `nothing else has ${formatIpv6Prefix(prefix)}` };
  }
  if (first.metric > metric) return loses(netlink, prefix, rivals, metric);
  const { problem, mend } = rivalProblem(prefix, first, metric);
  return { verdict: "fail", detail: problem, mend };
}

function loses(
  netlink: Netlink,
  prefix: Ipv6Prefix,
  rivals: readonly Owner[],
  metric: number,
): Finding {
  const text = formatIpv6Prefix(prefix);
  const tunnel = rivals.find(({ index }) => linkAt(netlink, index)?.kind === "tun");
  if (tunnel === undefined) {
    const others = rivals.map(describeOwner).join(", ");
    return { verdict: "ok", detail: `${text} is ${others}; a relay's metric of ${metric} wins` };
  }
  return {
    verdict: "warn",
    detail:
      `${text} is also ${describeOwner(tunnel)}, perhaps by another Teredo relay or client, ` +
      `which gets no packets while a relay's route of metric ${metric} is there`,
    mend: `stop one of the two; \`ip -6 route show exact ${text}\` shows the route`,
  };
}
