import type { ClientState, ClientStatus } from "#src/protocol/client/contract.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { ClientStateName } from "#src/status/snapshot.ts";
import type { Standing } from "./native.ts";
import type { Standpoint } from "./standpoint.ts";

/** What the state of a client comes of. */
export interface Circumstances {
  /** What the datapath last told; undefined: nothing yet. */
  readonly core: ClientState | undefined;
  /** How many servers have an address. */
  readonly servers: number;
  /** Whether there is a way to anything by IPv4. */
  readonly hasIpv4: boolean;
  readonly standing: Standing;
}

/** The first reason for which a client is not what its servers make of it. */
export function stateOf({ core, servers, hasIpv4, standing }: Circumstances): ClientStateName {
  if (standing === "dormant") return "dormant";
  if (!hasIpv4) return "no_ipv4";
  if (standing === "relaying") return "relay";
  if (servers === 0) return "resolving";
  return core ?? "probing";
}

export interface Reason {
  readonly reason: string;
  /** Undefined: the state says what to do. */
  readonly mend?: string;
}

/** Why there is no way to anything by IPv4, whatever it was that showed it. */
export function whyNoIpv4({ missing }: Pick<Standpoint, "missing">): Reason {
  if (missing === undefined) return { reason: "there is no way out by IPv4" };
  return {
    reason: `bind_address ${formatIpv4(missing)} is not on this host`,
    mend: "give it to an interface, or write another in the configuration",
  };
}

/** What to do where nothing came of waiting for a server's answer. */
export function mendOfWait(state: ClientStateName): string {
  switch (state) {
    case "resolving":
      return "`teredo check client` looks the names up; or give servers by their IPv4 addresses";
    case "no_ipv4":
      return "connect this host to a network with IPv4; `teredo check client` says what is there";
    case "dormant":
    case "relay":
      return "this host has IPv6 of its own; if Teredo is wanted beside it: `when_native = keep`";
    default:
      return "`teredo netcheck` says whether UDP passes and which servers answer";
  }
}

const isKeyRefused = ({ server, standbys }: ClientStatus) =>
  [...server === undefined ? [] : [server], ...standbys].some(({ keyRefused }) => keyRefused);

/** In words, for the log and for who looks at what happened. */
export function reasonOf(now: ClientStatus, before: ClientStatus | undefined): string | undefined {
  const was = before?.state ?? "probing";
  if (now.state !== was) {
    switch (now.state) {
      case "qualified":
        return was === "failing" ? "the server answers again" : "a server answered";
      case "failing":
        return "the server is silent";
      case "offline":
        return isKeyRefused(now) ? "a server wants another key of us" : "no server answers";
      case "probing":
        return "the servers are asked";
    }
  }
  if (before === undefined) return undefined;
  if (now.server?.primary !== before.server?.primary) return "another server is used";
  const isMapped = now.mapped?.address === before.mapped?.address &&
    now.mapped?.port === before.mapped?.port;
  return isMapped ? undefined : "the NAT gave another mapping";
}
