import type { UdpDatagram } from "../wire/udp_datagram.ts";

/** Which of the server's two addresses a datagram came to or leaves from. */
export const PRIMARY = 0;
export const SECONDARY = 1;
export type ServerSocket = typeof PRIMARY | typeof SECONDARY;

/** Where the server rules hand their output; bytes belong to whom `TunnelSink` says. */
export interface ServerSink {
  /** One UDP datagram from port 3544 of `socket`, whose address it leaves from. */
  sendDatagram(socket: ServerSocket, datagram: UdpDatagram): void;
  /** One IPv6 packet into the IPv6 Internet, header as it is. */
  sendIpv6(b: Uint8Array, at: number, length: number): void;
}

/** The secret of a client identifier, for secure qualification. RFC 4380 §5.2.2 */
export interface ClientSecret {
  readonly clientId: Uint8Array;
  readonly key: Uint8Array;
  /** False: still answered under this key, with a confirmation byte that says to get a new one. */
  readonly valid: boolean;
}

export interface ServerOptions {
  /** Upper 32 bits of the advertised prefix. */
  readonly prefix: number;
  /** As clients see them: behind 1:1 NAT these are not the addresses bound. */
  readonly serverAddress: number;
  readonly secondaryAddress: number;
  /** Every address that is ours (bound and advertised), against loops. */
  readonly ownAddresses: readonly number[];
  readonly mtu: number;
  readonly refuseReserved: boolean;
  readonly requireAuthentication: boolean;
  readonly secrets: readonly ClientSecret[];
  /** Router solicitations a second from one IPv4 address, and at once; rate 0: no limit. */
  readonly solicitationRate: number;
  readonly solicitationBurst: number;
  /** Bubbles and ICMPv6 messages a second, and at once, to one mapped IPv4 address; 0: no limit. */
  readonly forwardRate: number;
  /** Longest ICMPv6 payload forwarded, in bytes; 88 as Miredo and Microsoft have it. */
  readonly icmpMaxLength: number;
}
