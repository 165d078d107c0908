import type { ServerConfig } from "#src/config/config.ts";
import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import {
  obstacleIn,
  type SpecialPurpose,
  specialPurpose4,
} from "#src/protocol/wire/special_purpose.ts";
import type { Host } from "../host/contract.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";
import { wayToClients } from "./ways.ts";

/** Whether the Internet reaches an address: by the registries of IANA, whatever the protocol accepts. */

const SHARED = "Shared Address Space";

/** What keeps the Internet from an address; undefined: nothing. */
function obstacleOf(address: number): SpecialPurpose | undefined {
  return obstacleIn(specialPurpose4(address));
}

/** A port forwarding may still make it public. @param bound 0: any address of this host */
export function checkRelayPublic(host: Host, bound: number): CheckResult[] {
  const own = bound === 0 ? sourceOf(host) : bound;
  if (own === undefined) return [];
  const obstacle = obstacleOf(own);
  if (obstacle === undefined) return [ok("public", nameOf(own))];
  return [
    warn(
      "public",
      `${
        nameOf(own)
      } is not reached from the Internet: clients reach the relay only if its UDP port ` +
        "is forwarded to it",
      relayMend(host, bound, obstacle),
    ),
  ];
}

function relayMend(host: Host, bound: number, { name }: SpecialPurpose): string {
  const other = bound === 0 ? ownAddresses(host).find((it) => isPublic(it)) : undefined;
  if (other !== undefined) return `bind_address = ${formatIpv4(other)}`;
  return name === SHARED
    ? "have the carrier give a public address: its NAT forwards no ports as a rule"
    : "forward the relay's UDP port on the NAT in front of this host";
}

const isPublic = (address: number) =>
  isGlobalUnicast(address, true) && obstacleOf(address) === undefined;

/** What clients see datagrams come from: what the kernel chooses, where it tells. */
function sourceOf(host: Host): number | undefined {
  const way = wayToClients(host, 0);
  const chosen = way?.source;
  if (chosen !== undefined) return new DataView(chosen.buffer, chosen.byteOffset).getUint32(0);
  const outer = host.interfaces().find(({ name }) => name === way?.interfaceName);
  const all = ownAddresses(host);
  return outer?.ipv4[0] ?? all.find(isPublic) ?? all[0];
}

function ownAddresses(host: Host): number[] {
  // The loopback interface may have others than its own, as for anycast.
  return host.interfaces().flatMap(({ ipv4 }) => ipv4).filter((it) => it >>> 24 !== 127);
}

/** @param address that clients see */
export function checkServerPublic(address: number, { refuseReserved }: ServerConfig): CheckResult {
  const mend =
    "behind 1:1 NAT set advertised_address and advertised_address2 to the public addresses";
  if (!isGlobalUnicast(address, refuseReserved)) {
    const problem = "is not a global unicast address: clients and relays refuse it";
    return fail("public", `${formatIpv4(address)} ${problem}`, mend);
  }
  if (obstacleOf(address) === undefined) return ok("public", nameOf(address));
  return warn("public", `${nameOf(address)} is not reached from the Internet`, mend);
}

/** `100.64.0.1 (Shared Address Space, RFC 6598)` */
function nameOf(address: number): string {
  const special = specialPurpose4(address);
  const text = formatIpv4(address);
  return special === undefined ? text : `${text} (${special.name}, ${special.reference})`;
}
