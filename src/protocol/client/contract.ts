import type { ClientIdentity } from "./messages/solicitation.ts";
import type { Millis } from "../time.ts";
import type { TunnelGauges } from "../tunnel.ts";

/** An IPv4 address and UDP port, as numbers in host order. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

/** A server's two addresses. RFC 4380 §5.2 */
export interface ServerAddresses {
  readonly primary: number;
  readonly secondary: number;
}

/** An IPv4 subnet that this host is attached to. */
export interface Subnet {
  readonly address: number;
  /** 0 to 32 */
  readonly length: number;
}

/** RFC 6081: each may be left out. */
export interface Extensions {
  /** Symmetric NAT Support, §5.2: trust by a nonce. The next three need it. */
  readonly symmetric: boolean;
  /** §5.4 */
  readonly portPreserving: boolean;
  /** §5.5 */
  readonly sequential: boolean;
  /** §5.6 */
  readonly hairpin: boolean;
  /** §5.7 */
  readonly loadReduction: boolean;
}

/** A mapping that was ours before, and the flags of the Teredo address that came of it. */
export interface RememberedMapping extends Endpoint {
  readonly flags: number;
}

/** Which server is taken, where more than one answers. */
export type ServerOrder =
  | "race" // whose answer came first, and after that the one with the shortest round trip
  | "strict"; // the first in the list

/** What an operator can set, and what is known of the network we are in. */
export interface ClientOptions {
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  readonly refuseReserved: boolean;
  /** Our IPv4 addresses and service port, to refuse datagrams to ourselves. */
  readonly ownAddresses: readonly number[];
  readonly servicePort: number;
  /** The address that datagrams to servers leave from; with the port it is the local one. RFC 6081 §3 */
  readonly localAddress: number;
  readonly subnets: readonly Subnet[];
  /** Up to {@link SERVERS_MAX}, no two with a common address; none: flows go on while none is known. */
  readonly servers: readonly ServerAddresses[];
  /** Nobody is asked and nothing is sent, as if there were no client. RFC 4380 §5.5 */
  readonly quiet?: boolean;
  readonly serverOrder: ServerOrder;
  /** Secure qualification; undefined: by nonce alone. RFC 4380 §5.2.2 */
  readonly identity: ClientIdentity | undefined;
  /** With the same number network and NAT are the same: of the servers those that are new are asked. */
  readonly renewals?: number;
  /** Of an earlier run: the address is the same again when the mapping is. RFC 5991 §3.1 */
  readonly remembered?: RememberedMapping | undefined;
  /** The Teredo refresh interval. RFC 4380 §5.2, RFC 6081 §5.1.1 */
  readonly refresh: Millis;
  readonly extensions: Extensions;
  /** RFC 4380 §5.2.8 */
  readonly localDiscovery: boolean;
  /** A native host, 16 bytes, that is asked now and then: see {@link ClientStatus.native}. */
  readonly checkHost?: Uint8Array | undefined;
  readonly maxPeers: number;
  /** Of packets that wait for a peer, and of those that wait for its proof: as a relay's. */
  readonly holdPackets: number;
  readonly holdBytes: number;
  readonly holdAge: Millis;
  readonly holdMemory: number;
  readonly mtu: number;
  /** ICMPv6 errors a second, and at once. RFC 4443 §2.4 (f) */
  readonly icmpRate: number;
  readonly icmpBurst: number;
}

/** Most servers; see docs/limits.md. */
export const SERVERS_MAX = 32;

/**
 * Ways of ours that a datagram leaves or comes by, `UdpDatagram.local` of a client: the service port,
 * random ports 1 to {@link RANDOM_PORTS}, that of the filtering test, the socket of local discovery.
 */
export const SERVICE_PATH = 0;
/** Most random ports at a time. RFC 6081 §5.4, §5.5 */
export const RANDOM_PORTS = 16;
/** The port that shows what the NAT lets in: open for some seconds. */
export const FILTERING_PATH: number = RANDOM_PORTS + 1;
/** Port 3544 of the group 224.0.0.253: for what comes alone. */
export const DISCOVERY_PATH = 255;

/** What the rules ask of who has the sockets. */
export interface ClientHost {
  /** Listens on a random port, as `path` up to {@link FILTERING_PATH}. @returns the port; 0: there is none */
  openPort(path: number): number;
  closePort(path: number): void;
}

export const CLIENT_STATES = ["probing", "qualified", "failing", "offline"] as const;
export type ClientState = (typeof CLIENT_STATES)[number];

/** What lies between the servers and us, as far as their answers show. RFC 4380 §5.2.1, RFC 6081 §3.1 */
export type NatKind =
  | "none" // the mapping is our own address; or a firewall, while the filtering is not known
  | "firewall"
  | "cone"
  | "restricted" // or cone, while the filtering is not known
  | "symmetric-port"
  | "symmetric-address"
  | "unknown"; // the secondary address was silent

/** Which datagrams come in. RFC 4787 §5 */
export type Filtering =
  | "unknown"
  | "endpoint_independent"
  | "dependent"; // on the sender's address, or on its port as well

/** Whether native hosts answer by way of the server. */
export type Native = "unknown" | "ok" | "unreachable";

/** What is in the tables at this moment. */
export interface ClientGauges extends TunnelGauges {
  readonly randomPorts: number;
  /** Of each of `WAYS` in `peers/ways.ts`; the next change is seen in it. */
  readonly ways: Uint32Array;
}

/** What a client tells of a server. */
export interface ServerStatus extends ServerAddresses {
  /** Answered when it was last asked. */
  readonly live: boolean;
  /** 0: not measured. */
  readonly rtt: Millis;
  readonly native: Native;
  /** It wants another key of us. RFC 4380 §5.2.2 */
  readonly keyRefused: boolean;
}

/** A snapshot, made when somebody asks. */
export interface ClientStatus {
  readonly state: ClientState;
  /** 16 bytes; undefined: there is none. */
  readonly address: Uint8Array | undefined;
  /** Those that flows still go on by. */
  readonly deprecated: readonly Uint8Array[];
  readonly server: ServerStatus | undefined;
  readonly standbys: readonly ServerStatus[];
  readonly mapped: Endpoint | undefined;
  readonly mtu: number;
  readonly nat: NatKind;
  readonly filtering: Filtering;
  readonly portPreserving: boolean;
  readonly native: Native;
  /** The refresh interval as it has adapted. */
  readonly refresh: Millis;
  /** When the server in use is asked next; undefined: there is none, or it has been. */
  readonly refreshAt: Millis | undefined;
  readonly changedAt: Millis;
}
