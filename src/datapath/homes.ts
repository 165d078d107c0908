import { HOMES_MAX } from "#src/protocol/client/servers/homes.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { ServiceRoutes } from "./service_routes.ts";

export { HOMES_MAX };

/**
 * Who made them: RTPROT_ of a client's addresses, routes and rules, by which it knows its own. No other
 * program is known by it; it is what 8 bits leave of Teredo's port.
 */
export const CLIENT_PROTOCOL: number = TEREDO_PORT & 0xff;
/** A client's. The metric is a relay's default: of two on one host the one that comes second is refused. */
export const CLIENT_ROUTES: ServiceRoutes = { metric: 10, protocol: CLIENT_PROTOCOL };

/** How a client's interface becomes the way to the IPv6 Internet. */
export interface HomeSetup {
  /** Of the default route: of several of these the kernel takes the lowest. */
  readonly metric: number;
  /**
   * Whether packets from our addresses go by the interface whatever other routes there are: a rule each,
   * and a table that nothing else uses.
   */
  readonly sourceRouting: boolean;
}

/** An address of ours. */
export interface HomeAddress {
  /** 16, in the service prefix. */
  readonly bytes: Uint8Array;
  /** The kernel takes another one for new flows, if it has any; old ones go on. RFC 4862 §5.5.4 */
  readonly deprecated: boolean;
}

/** What a client's interface is to have at this moment. */
export interface HomeWish {
  /** At most {@link HOMES_MAX}, the current one first. */
  readonly addresses: readonly HomeAddress[];
  /** Whether the service prefix is routed into the interface: for clients, and by a host-specific relay. */
  readonly onLink: boolean;
  /** Whether the default route is to be there. */
  readonly defaultRoute: boolean;
  /** Bytes, at least 1280. */
  readonly mtu: number;
}
