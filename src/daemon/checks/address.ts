import type { RelayConfig, Role, ServerConfig } from "#src/config/config.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";
import { checkReturnPath } from "./return_path.ts";
import type { Host, Interface } from "../host/contract.ts";
import { nameOf, type Running } from "./running.ts";
import { checkRelayPublic, checkServerPublic } from "./public.ts";
import { checkIpv4Route, wayToClients } from "./ways.ts";

/** Outer IPv4 and UDP headers. */
const OUTER_LENGTH = 28;
/** No IPv6 link has less. RFC 8200 §5 */
const LEAST_MTU = 1280;
/** Addresses no further apart are likely of one network. */
const NEAR = 256;

/** The relay's own address and port. */
export function checkRelayAddress(
  host: Host,
  relay: RelayConfig,
  running?: Running,
): CheckResult[] {
  const { bindAddress, bindPort } = relay;
  const present = bindAddress === 0 ? anyAddress(host, "relay") : checkPresent(host, bindAddress);
  if (present?.verdict === "fail") return [present];
  const results = [
    ...(present === undefined ? [] : [present]),
    ...checkIpv4Route(host, bindAddress),
    ...(bindAddress === 0 ? [] : checkReturnPath(host, bindAddress)),
    ...checkRelayPublic(host, bindAddress),
  ];
  if (bindPort === 0) return results;
  const asked = { address: bindAddress, port: bindPort, otherwise: "choose another bind_port" };
  return [...results, checkPort(host, asked, running)];
}

/** The server's two addresses, and what clients see of them. */
export function checkServerAddresses(
  host: Host,
  server: ServerConfig,
  running?: Running,
): CheckResult[] {
  const first = server.bindAddress;
  if (first === undefined) {
    return [
      fail("address", "no bind_address is configured", "teredo server --bind-address A.B.C.D"),
    ];
  }
  const second = server.bindAddress2 ?? first + 1;
  const advertised = server.advertisedAddress;
  const seenFirst = advertised ?? first;
  const seenSecond = server.advertisedAddress2 ??
    (advertised === undefined ? second : advertised + 1);
  return [
    ...[first, second].flatMap((address) => addressAndPort(host, address, running)),
    ...[seenFirst, seenSecond].map((address) => checkServerPublic(address, server)),
    consecutive(seenFirst, seenSecond, server.allowNonConsecutive),
  ];
}

function addressAndPort(host: Host, address: number, running?: Running): CheckResult[] {
  const present = checkPresent(host, address);
  if (present.verdict === "fail") return [present];
  return [
    present,
    ...checkIpv4Route(host, address),
    ...checkReturnPath(host, address),
    checkPort(
      host,
      { address, port: TEREDO_PORT, otherwise: "servers have no other port" },
      running,
    ),
  ];
}

function checkPresent(host: Host, address: number): CheckResult {
  const missing = missingAddress(host, address);
  if (missing !== undefined) return missing;
  const text = formatIpv4(address);
  const refused = host.refusesUdp(address, 0);
  if (refused === undefined) return ok("address", `${text} is on this host`);
  return fail("address", `${text} cannot be bound: ${refused.text}`, "choose another address");
}

/**
 * The kernel is the judge: it takes packets for addresses that no interface shows, and lets addresses
 * be bound that it takes no packets for (`ip_nonlocal_bind`).
 */
export function missingAddress(host: Host, address: number): CheckResult | undefined {
  if (host.takes4(address)) return undefined;
  const text = formatIpv4(address);
  const mend = host.words.addAddress(text, interfaceFor(host, address));
  return fail("address", `${text} is not on this host`, mend);
}

/**
 * For a socket that is bound to all addresses: whether there is one.
 *
 * @param role a client asks, by whatever address it has, where others are asked by a public one
 */
export function anyAddress(host: Host, role: Role): CheckResult | undefined {
  if (host.hasIpv4()) return undefined;
  if (role === "client") {
    return fail(
      "address",
      "this host has no IPv4 address, so no server can be asked",
      "connect it to a network with IPv4: the client goes on by itself",
    );
  }
  const mend = `give it a public one: ${host.words.addAddress("A.B.C.D", "INTERFACE")}`;
  return fail("address", "this host has no IPv4 address, so no client reaches it", mend);
}

/** The interface of a near address (the other one of the pair, mostly), else that to clients. */
function interfaceFor(host: Host, address: number): string {
  const all = host.interfaces();
  const distance = ({ ipv4 }: Interface) => Math.min(...ipv4.map((it) => Math.abs(it - address)));
  const near = all.filter((it) => distance(it) < NEAR).sort((a, b) => distance(a) - distance(b));
  const some = all.find((it) => it.up && !it.loopback);
  const [nearest] = near;
  if (nearest !== undefined) return nearest.name;
  return wayToClients(host, 0)?.interfaceName ?? some?.name ?? "INTERFACE";
}

function consecutive(first: number, second: number, allowed: boolean): CheckResult {
  const pair = `${formatIpv4(first)}, ${formatIpv4(second)}`;
  if (second === first + 1) return ok("consecutive", pair);
  const detail = `${pair} are not consecutive, as Windows clients take them to be`;
  const mend = `use ${formatIpv4(first + 1)} as second address, or allow_non_consecutive = yes`;
  return allowed ? warn("consecutive", detail, mend) : fail("consecutive", detail, mend);
}

interface AskedPort {
  readonly address: number;
  readonly port: number;
  /** What can be done besides ending whoever has it. */
  readonly otherwise: string;
}

/** Whether a UDP port can be had. @param running a daemon of the role, which may have it */
export function checkPort(host: Host, asked: AskedPort, running: Running | undefined): CheckResult {
  const { address, port, otherwise } = asked;
  const name = `${formatIpv4(address)}:${port}`;
  const refused = host.refusesUdp(address, port);
  if (refused === undefined) return ok("port", `UDP ${name} is free`);
  if (refused.code !== "EADDRINUSE") {
    return fail("port", `UDP ${name} cannot be bound: ${refused.text}`, "start it as root");
  }
  if (running?.listening.includes(name)) {
    return ok("port", `UDP ${name} is of ${nameOf(running)}`);
  }
  const owner = host.udpOwner(port);
  if (owner === undefined) {
    return fail("port", `UDP ${name} is taken`, `${host.words.findPort(port)} shows by whom`);
  }
  return fail(
    "port",
    `UDP ${name} is taken by ${owner.name} (process ${owner.pid})`,
    `${stopOf(host, owner)}; ${otherwise}`,
  );
}

/** Only what is known for a Teredo relay or server is told to be stopped. */
function stopOf({ words }: Host, { name, pid }: { name: string; pid: number }): string {
  return /^(miredo|miredo-server)$/.test(name)
    ? words.stopService(name)
    : `\`ps -p ${pid}\` shows what it is`;
}

/**
 * Whether full-size packets of the tunnel fit the IPv4 path in one piece.
 *
 * @param bound IPv4 address that datagrams leave from; 0: any
 * @param most what the tunnel's interface takes
 */
export function checkMtu(host: Host, mtu: number, bound: number, most = Infinity): CheckResult {
  if (mtu > most) {
    return fail("mtu", `a TUN interface takes no ${mtu} bytes here`, `interface_mtu = ${most}`);
  }
  const way = wayToClients(host, bound);
  const outer = way?.interfaceName ?? "";
  const limit = way?.mtu ?? host.device(outer)?.mtu;
  if (limit === undefined) return ok("mtu", `${mtu}`);
  const whose = way?.mtu === undefined ? outer : `the route by ${outer}`;
  if (mtu + OUTER_LENGTH <= limit) return ok("mtu", `${mtu} fits ${limit} of ${whose}`);
  return warn(
    "mtu",
    `${mtu} bytes and ${OUTER_LENGTH} of headers do not fit ${limit} of ${whose}: ` +
      "full-size packets leave as fragments",
    mtuMend(host, mtu, limit, outer),
  );
}

/** IPv6 has no smaller MTU than 1280: below that it is the path that has to carry more. */
function mtuMend(host: Host, mtu: number, limit: number, outer: string): string {
  const needed = LEAST_MTU + OUTER_LENGTH;
  if (limit >= needed) return `interface_mtu = ${LEAST_MTU}`;
  const raise = `where its link carries that, raise it: ${host.words.setMtu(outer, needed)}`;
  return mtu === LEAST_MTU ? raise : `interface_mtu = ${LEAST_MTU}; and ${raise}`;
}
