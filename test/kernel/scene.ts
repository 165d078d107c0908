import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  CLIENT,
  CLIENT_PORT,
  RELAY,
  RELAY_PORT,
  SECONDARY_SERVER,
  SERVER,
  vector,
} from "../protocol/vectors.ts";
import { teredo } from "../protocol/packets.ts";
import type { Endpoint } from "./network.ts";

/** Who and what is where in the lives that are played. The IPv4 addresses are all of this host. */

export const TEREDO_PORT = 3544;
export const RELAY_AT: Endpoint = { address: RELAY, port: RELAY_PORT };
export const CLIENT_AT: Endpoint = { address: CLIENT, port: CLIENT_PORT };
/** For the relay's life; in the server's it is the server's own. */
export const SERVER_AT: Endpoint = { address: SERVER, port: TEREDO_PORT };
export const SECONDARY_AT: Endpoint = { address: SECONDARY_SERVER, port: TEREDO_PORT };
/** A second client, which answers nobody. */
export const SILENT_AT: Endpoint = { address: parseIpv4("192.0.2.46")!, port: 40_001 };
export const OWN_ADDRESSES: readonly number[] = [
  RELAY,
  CLIENT,
  SERVER,
  SECONDARY_SERVER,
  SILENT_AT.address,
];
/** Nothing leads there. */
export const NOWHERE: number = parseIpv4("198.51.100.1")!;

/** The client of the vectors, whose server is {@link SERVER_AT}. */
export const CLIENT_ADDRESS: Uint8Array = vector("A2");
export const SILENT_ADDRESS: Uint8Array = teredo(SILENT_AT.address, SILENT_AT.port);
/** A client whose server nothing leads to. */
export const LOST_ADDRESS: Uint8Array = teredo(CLIENT, 1, NOWHERE);

/** The interface to the IPv6 Internet, and who is behind it. */
export const WAN = "wan0";
export const WAN_ADDRESS: Uint8Array = parseIpv6("2001:db8::53")!;
export const WAN_PREFIX_LENGTH = 64;
export const HOST = "2001:db8::1";

export const TUNNEL = "teredo";
/** Outside the service prefix, but led into the tunnel by an operator's mistake. */
export const STRAY_PREFIX = "2001:db8:f::/48";
export const STRAY = "2001:db8:f::1";
