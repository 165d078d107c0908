import type {
  FreshSeen,
  Observations,
  ServerSeen,
  StunSeen,
  View,
} from "#src/netcheck/contract.ts";
import type { Endpoint } from "#src/probe/contract.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { ip4 } from "#test/protocol/packets.ts";

/** `A.B.C.D:PORT` */
export function end(text: string): Endpoint {
  const [address = "", port = ""] = text.split(":");
  return { address: ip4(address), port: Number(port) };
}

export const LOCAL = end("192.168.1.2:40000");
export const MAPPED = "203.0.113.7:40000";

export function view(mapped: string | undefined, rtt = 12): View | undefined {
  return mapped === undefined ? undefined : { mapped: end(mapped), rtt };
}

/** A server that qualified us, both of whose addresses see the same. */
export function server(change: Partial<ServerSeen> = {}): ServerSeen {
  return {
    name: "198.51.100.1",
    primary: ip4("198.51.100.1"),
    secondary: ip4("198.51.100.2"),
    primaryView: view(MAPPED),
    secondaryView: view(MAPPED),
    strangerCameIn: false,
    home: {
      address: toBytes({
        prefix: SERVICE_PREFIX,
        serverAddress: ip4("198.51.100.1"),
        flags: 0,
        mappedAddress: end(MAPPED).address,
        mappedPort: end(MAPPED).port,
      }),
      mtu: 1280,
    },
    failure: undefined,
    refusal: undefined,
    native: undefined,
    ...change,
  };
}

/** A server that was silent. */
export function silent(change: Partial<ServerSeen> = {}): ServerSeen {
  return server({
    primaryView: undefined,
    secondaryView: undefined,
    home: undefined,
    failure: "server-silent",
    ...change,
  });
}

/** Sockets by the ports that they were mapped to; each had 40000. */
export function fresh(...ports: readonly (readonly number[])[]): FreshSeen[] {
  return ports.map((row) => ({
    localPort: 40_000,
    mapped: row.map((port) => ({ address: end(MAPPED).address, port })),
  }));
}

/** A STUN server that answers from elsewhere when asked to, behind a NAT that lets none of it in. */
export function stun(change: Partial<StunSeen> = {}): StunSeen {
  return {
    name: "stun.example",
    address: ip4("198.51.100.9"),
    first: view(MAPPED),
    otherAddress: view(MAPPED),
    otherBoth: view(MAPPED),
    canChange: true,
    changedBothCameIn: false,
    changedPortCameIn: false,
    ...change,
  };
}

/** Of a network with a restricted NAT and one server. */
export function seen(change: Partial<Observations> = {}): Observations {
  return {
    rules: { prefix: SERVICE_PREFIX, refuseReserved: false },
    local: LOCAL,
    ownAddresses: [LOCAL.address],
    servers: [server()],
    fresh: [],
    stun: undefined,
    hairpin: undefined,
    lifetime: undefined,
    hops: undefined,
    strays: [],
    ...change,
  };
}
