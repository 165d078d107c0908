import { STATUS_PORT } from "#src/config/assemble.ts";
import type { Config, StatusConfig } from "#src/config/config.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import { isLoopbackAddress } from "#src/status/hosts.ts";
import { tcpPlace } from "../status/place.ts";

/** Flags of `teredo announce`. */
export interface AnnounceFlags {
  readonly config?: string;
  readonly as?: number;
  readonly neighbor?: string;
  readonly "neighbor-as"?: number;
  readonly address?: string;
  readonly "router-id"?: string;
  readonly hook?: boolean;
}

/** What a routing daemon has to be told. */
export interface AnnouncePlan {
  /** The service prefix, `2001::/32`. */
  readonly prefix: string;
  /** Of the route that is there while the relay is ready. */
  readonly metric: number;
  readonly protocol: number;
  /** Where a relay says to a routing daemon whether it is ready; undefined: nowhere. */
  readonly readyUrl: string | undefined;
  /** What the configuration needs for that; undefined: nothing. */
  readonly readyNeeds: string | undefined;
  readonly as: Asked<number>;
  readonly neighbor: Asked<string>;
  readonly neighborAs: Asked<number>;
  /** This machine's, towards the neighbour. */
  readonly address: Asked<string>;
  /** Undefined: the routing daemon takes one of the machine's IPv4 addresses. */
  readonly routerId: string | undefined;
}

/** A value that only the operator knows. */
export interface Asked<T> {
  readonly value: T;
  /** It was not given: this one stands for it, and has to be changed. */
  readonly isPlaceholder: boolean;
}

/** From the blocks for documents and private use. RFC 3849, RFC 6996 */
const PLACEHOLDERS = {
  as: 64_512,
  neighbor: "2001:db8::1",
  neighborAs: 64_513,
  address: "2001:db8::2",
} as const;

export function planOf({ relay, status }: Config, flags: AnnounceFlags): AnnouncePlan {
  const { bindAddress } = relay;
  const readyNeeds = needsOf(status);
  return {
    prefix: formatIpv6Prefix(servicePrefixOf(relay.prefix)),
    metric: relay.announceMetric,
    protocol: relay.announceProtocol,
    readyUrl: readyNeeds === undefined ? `${statusUrl(status)}/readyz` : undefined,
    readyNeeds,
    as: asked(flags.as, PLACEHOLDERS.as),
    neighbor: asked(flags.neighbor, PLACEHOLDERS.neighbor),
    neighborAs: asked(flags["neighbor-as"], PLACEHOLDERS.neighborAs),
    address: asked(flags.address, PLACEHOLDERS.address),
    routerId: flags["router-id"] ?? (bindAddress === 0 ? undefined : formatIpv4(bindAddress)),
  };
}

function statusUrl({ address, port = STATUS_PORT.relay }: StatusConfig): string {
  return tcpPlace(address, port).url;
}

/** What keeps a program of this host from asking whether the relay is ready, as words for its mend. */
function needsOf(status: StatusConfig): string | undefined {
  const { enabled, address, port = STATUS_PORT.relay, token, public: open = [] } = status;
  if (!enabled || port === 0) return "`enabled = yes` and `port`";
  const place = tcpPlace(address, port);
  const isLocal = "host" in place && isLoopbackAddress(place.host);
  return isLocal || token === undefined || open.includes("health")
    ? undefined
    : "`public = health`";
}

function asked<T>(given: T | undefined, placeholder: T): Asked<T> {
  return { value: given ?? placeholder, isPlaceholder: given === undefined };
}
