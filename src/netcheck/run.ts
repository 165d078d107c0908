import type { Libc } from "#ffi/libc.ts";
import { asError, StartError } from "#src/errors.ts";
import type { AddressRules, Guise } from "#src/probe/contract.ts";
import { bind, type Bound, closed, localAddressTowards, ownIpv4 } from "#src/probe/sockets.ts";
import type { ChosenServer } from "#src/protocol/client/servers/choose.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Observations, ServerSeen } from "./contract.ts";
import { judge } from "./judge.ts";
import { measureFresh } from "./measure/fresh.ts";
import { measureHairpin } from "./measure/hairpin.ts";
import { measureHops } from "./measure/icmp.ts";
import { measureLifetime } from "./measure/lifetime.ts";
import { measureServers } from "./measure/servers.ts";
import { measureStun, type StunServer } from "./stun/measure.ts";
import type { Verdict } from "./verdict.ts";

export interface NetcheckOptions {
  /** At least one, no two with a common address. */
  readonly servers: readonly ChosenServer[];
  readonly guise: Guise;
  /** 16 bytes of a native IPv6 host to ping by way of each server; undefined: none. */
  readonly target: Uint8Array | undefined;
  readonly stun: StunServer | undefined;
  /** How long mappings are left alone at most; 0: their lifetime is not looked for. */
  readonly lifetime: Millis;
  /** IPv4 address that all is sent from; 0: the kernel chooses. */
  readonly bindAddress: number;
  /** UDP port of the socket that asks the servers; 0: the kernel picks. */
  readonly port: number;
}

export interface Netchecked {
  readonly seen: Observations;
  readonly verdict: Verdict;
}

/**
 * Looks at the network between us and the servers, by sockets that need no right, and judges it.
 *
 * In order, as what is measured first may change what comes after: the servers, with the routers on
 * the way and a STUN server beside them, all by sockets of their own; then, by the server that
 * answered first, how ports are given out; then hairpinning and lifetime, which only wait.
 *
 * @throws StartError when the address is not this host's, or the port is another's
 */
export async function netcheck(libc: Libc, options: NetcheckOptions): Promise<Netchecked> {
  const seen = await observe(libc, options);
  return { seen, verdict: judge(seen) };
}

/** What is known where nobody can be asked. */
export function unasked(rules: AddressRules): Netchecked {
  const seen = cutOff([], rules);
  return { seen, verdict: judge(seen) };
}

async function observe(libc: Libc, options: NetcheckOptions): Promise<Observations> {
  const { guise: { prefix, refuseReserved }, bindAddress } = options;
  const rules = { prefix, refuseReserved };
  const [first] = options.servers;
  let address: number;
  try {
    address = await localAddressTowards(first!.primary, bindAddress);
  } catch (error) {
    if (isRefused(error, "EADDRNOTAVAIL")) throw notHere(bindAddress);
    return cutOff(options.servers, rules);
  }
  const own = await bindOwn(address, options.port);
  try {
    const [{ servers, strays }, hops, stun] = await Promise.all([
      measureServers(options.servers, own, options.target, options.guise, libc),
      measureHops(libc, first!.primary, address),
      options.stun && measureStun(options.stun, address),
    ]);
    const seen = { servers, strays, hops, stun };
    const base = { rules, local: own.local, ownAddresses: ownIpv4(), ...seen };
    const best = nearest(servers);
    if (best === undefined) return { ...base, ...NOTHING_FURTHER };
    const asked = { ...best, ...options.guise };
    const fresh = await measureFresh(address, asked, best.secondaryView !== undefined);
    const [hairpin, lifetime] = await Promise.all([
      measureHairpin(address, asked),
      options.lifetime === 0 ? undefined : measureLifetime(address, asked, options.lifetime),
    ]);
    return { ...base, fresh, hairpin, lifetime };
  } finally {
    await closed(own.socket);
  }
}

/** The socket that asks the servers. */
async function bindOwn(address: number, port: number): Promise<Bound> {
  try {
    return await bind(address, port);
  } catch (error) {
    if (!isRefused(error, "EADDRINUSE")) throw error;
    throw new StartError(
      `UDP port ${port} is in use, perhaps by \`teredo client\``,
      "stop it, or leave out --port",
    );
  }
}

function isRefused(error: unknown, code: string): boolean {
  return (asError(error) as NodeJS.ErrnoException).code === code;
}

function notHere(address: number): StartError {
  return new StartError(
    `${formatIpv4(address)} is not on this host, so that nothing can be sent from it`,
    "give it to an interface, or correct bind_address in the client's configuration",
  );
}

const NOTHING_FURTHER = { fresh: [], hairpin: undefined, lifetime: undefined };

/** The server that answers soonest; one whose secondary address answers as well, if any does. */
function nearest(servers: readonly ServerSeen[]): ServerSeen | undefined {
  const heard = servers.filter(({ home, primaryView }) =>
    home !== undefined && primaryView !== undefined
  );
  const whole = heard.filter(({ secondaryView }) => secondaryView !== undefined);
  return (whole.length > 0 ? whole : heard)
    .toSorted((a, b) => a.primaryView!.rtt - b.primaryView!.rtt)[0];
}

/** What is seen without any way to the servers. */
function cutOff(servers: readonly ChosenServer[], rules: AddressRules): Observations {
  return {
    rules,
    ...NOTHING_FURTHER,
    local: undefined,
    ownAddresses: ownIpv4(),
    servers: servers.map(({ name, primary, secondary }) => ({
      name,
      primary,
      secondary,
      primaryView: undefined,
      secondaryView: undefined,
      strangerCameIn: false,
      home: undefined,
      failure: undefined,
      refusal: "unreachable",
      native: undefined,
    })),
    stun: undefined,
    hops: undefined,
    strays: [],
  };
}
