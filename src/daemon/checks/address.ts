import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";
import type { Host, Interface } from "../host/contract.ts";

/** Outer IPv4 and UDP headers. */
const OUTER_LENGTH = 28;
/** Addresses no further apart are likely of one network. */
const NEAR = 256;

/** The relay's own address and port. */
export function checkRelayAddress(host: Host, relay: RelayConfig): CheckResult[] {
  const { bindAddress, bindPort, refuseReserved } = relay;
  const results = bindAddress === 0 ? [] : [checkPresent(host, bindAddress)];
  results.push(relayPublic(host, bindAddress, refuseReserved));
  if (bindPort === 0 || results.some((result) => result.verdict === "fail")) return results;
  return [...results, checkPort(host, bindAddress, bindPort, "choose another bind_port")];
}

/** Clients refuse packets from private addresses; a port forwarding may still make it public. */
function relayPublic(host: Host, bound: number, refuseReserved: boolean): CheckResult {
  const own = bound === 0 ? host.interfaces().flatMap((it) => it.ipv4) : [bound];
  const found = own.find((address) => isGlobalUnicast(address, refuseReserved));
  if (found !== undefined) return ok("public", formatIpv4(found));
  return warn(
    "public",
    "this host has no public IPv4 address: clients reach the relay only if its UDP port is " +
      "forwarded to it",
    "forward the relay's UDP port on the NAT in front of this host",
  );
}

/** The server's two addresses, and what clients see of them. */
export function checkServerAddresses(host: Host, server: ServerConfig): CheckResult[] {
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
    ...[first, second].flatMap((address) => addressAndPort(host, address)),
    ...[seenFirst, seenSecond].map((address) => serverPublic(address, server.refuseReserved)),
    consecutive(seenFirst, seenSecond, server.allowNonConsecutive),
  ];
}

function addressAndPort(host: Host, address: number): CheckResult[] {
  const present = checkPresent(host, address);
  if (present.verdict === "fail") return [present];
  return [present, checkPort(host, address, TEREDO_PORT, "servers have no other port")];
}

/** Binding is the judge: it also knows of addresses that no interface shows. */
function checkPresent(host: Host, address: number): CheckResult {
  const text = formatIpv4(address);
  const refused = host.refusesUdp(address, 0);
  if (refused === undefined) return ok("address", `${text} is on this host`);
  if (refused.code !== "EADDRNOTAVAIL") {
    return fail("address", `${text} cannot be bound: ${refused.text}`, "choose another address");
  }
  const mend = host.words.addAddress(text, interfaceFor(host, address));
  return fail("address", `${text} is not on this host`, mend);
}

/** The interface of a near address (the other one of the pair, mostly), else the default route's. */
function interfaceFor(host: Host, address: number): string {
  const all = host.interfaces();
  const distance = ({ ipv4 }: Interface) => Math.min(...ipv4.map((it) => Math.abs(it - address)));
  const near = all.filter((it) => distance(it) < NEAR).sort((a, b) => distance(a) - distance(b));
  const some = all.find((it) => it.up && !it.loopback);
  return near[0]?.name ?? host.defaultInterface4() ?? some?.name ?? "INTERFACE";
}

function serverPublic(address: number, refuseReserved: boolean): CheckResult {
  const text = formatIpv4(address);
  if (isGlobalUnicast(address, refuseReserved)) return ok("public", text);
  return fail(
    "public",
    `${text} is not a global unicast address: clients and relays refuse it`,
    "behind 1:1 NAT set advertised_address and advertised_address2 to the public addresses",
  );
}

function consecutive(first: number, second: number, allowed: boolean): CheckResult {
  const pair = `${formatIpv4(first)}, ${formatIpv4(second)}`;
  if (second === first + 1) return ok("consecutive", pair);
  const detail = `${pair} are not consecutive, as Windows clients take them to be`;
  const mend = `use ${formatIpv4(first + 1)} as second address, or allow_non_consecutive = yes`;
  return allowed ? warn("consecutive", detail, mend) : fail("consecutive", detail, mend);
}

function checkPort(host: Host, address: number, port: number, otherwise: string): CheckResult {
  const name = `${formatIpv4(address)}:${port}`;
  const refused = host.refusesUdp(address, port);
  if (refused === undefined) return ok("port", `UDP ${name} is free`);
  if (refused.code !== "EADDRINUSE") {
    return fail("port", `UDP ${name} cannot be bound: ${refused.text}`, "start it as root");
  }
  const owner = host.udpOwner(port);
  if (owner === undefined) {
    return fail("port", `UDP ${name} is taken`, `${host.words.findPort(port)} shows by whom`);
  }
  const stop = stopOf(host, owner.name, port);
  return fail(
    "port",
    `UDP ${name} is taken by ${owner.name} (process ${owner.pid})`,
    `kill ${owner.pid}${stop === undefined ? "" : `, or ${stop}`}; ${otherwise}`,
  );
}

/** A runtime (npm calls Bun `bun.exe`) may run anything; ours is one program with two services. */
function stopOf({ words }: Host, program: string, port: number): string | undefined {
  if (/^(bun|deno|node)(\.exe)?$/.test(program)) return undefined;
  if (program !== "teredo") return words.stopService(program);
  return words.stopService(words.ownService(port === TEREDO_PORT ? "server" : "relay"));
}

/**
 * Whether full-size packets of the tunnel fit the IPv4 path in one piece.
 *
 * @param most what the tunnel's interface takes
 */
export function checkMtu(host: Host, mtu: number, most = Infinity): CheckResult {
  if (mtu > most) {
    return fail("mtu", `a TUN interface takes no ${mtu} bytes here`, `interface_mtu = ${most}`);
  }
  const outer = host.defaultInterface4();
  const limit = host.interfaces().find((it) => it.name === outer)?.mtu;
  if (limit === undefined) return ok("mtu", `${mtu}`);
  if (mtu + OUTER_LENGTH <= limit) return ok("mtu", `${mtu} fits ${limit} of ${outer}`);
  return warn(
    "mtu",
    `${mtu} bytes and ${OUTER_LENGTH} of headers do not fit ${limit} of ${outer}: ` +
      "full-size packets leave as fragments",
    "interface_mtu = 1280",
  );
}
