import type { ServerName } from "#src/protocol/client/servers/choose.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";

export type { ServerName };

/** The daemons that this program is. */
export const ROLES = ["relay", "server", "client"] as const;
export type Role = (typeof ROLES)[number];

/** The effective configuration of one role: typed, complete, frozen. `schema/` is its source. */
export interface Config {
  /** Where it was read from; undefined when defaults and flags made all of it. */
  readonly file: string | undefined;
  readonly relay: RelayConfig;
  readonly server: ServerConfig;
  readonly client: ClientConfig;
  readonly status: StatusConfig;
  readonly log: LogConfig;
}

export interface RelayConfig {
  /** `cone` is another name of `relay`, as in Miredo. */
  readonly type: "relay" | "restricted";
  readonly interfaceName: string;
  /** Bytes, 1280..65535. */
  readonly interfaceMtu: number;
  /** Unsigned 32-bit number; 0 is every address. */
  readonly bindAddress: number;
  /** 0: the kernel picks. */
  readonly bindPort: number;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** `any`: what the kernel routes. `self`: only this host's own addresses (RFC 4380 §5.5). */
  readonly served: "any" | "self" | readonly Ipv6Prefix[];
  readonly refuseReserved: boolean;
  readonly maxPeers: number;
  readonly holdPackets: number;
  readonly holdBytes: number;
  readonly holdAge: Millis;
  readonly holdMemory: number;
  /** ICMPv6 errors a second. */
  readonly icmpRate: number;
  readonly icmpBurst: number;
  /** Stateless bubbles a second to peers that are unknown. */
  readonly challengeRate: number;
  /** New peers a second that packets from one IPv6 /64 may bring. */
  readonly newPeerRate: number;
  /** Bubbles a second to peers in the table. */
  readonly bubbleRate: number;
  /** The same, to one IPv4 address. */
  readonly addressBubbleRate: number;
  /** Bytes asked for as the UDP socket's receive buffer, and its send buffer. */
  readonly socketBuffer: number;
  readonly offloads: "auto" | "off";
  /** Whether the kernel carries packets of known peers by itself; `auto`: where nobody misses them. */
  readonly fastPath: "auto" | "on" | "off";
  /** Peers that it does so for at once. */
  readonly fastPathPeers: number;
  /** Threads; `auto`: by the cores of this machine. */
  readonly workers: number | "auto";
  readonly drainTime: Millis;
  /** Of the route of the service prefix, on Linux. */
  readonly routeMetric: number;
  /** Whether there is a second one while the relay is ready, for routing daemons to learn. */
  readonly announce: boolean;
  readonly announceMetric: number;
  /** RTPROT_ of rtnetlink(7). */
  readonly announceProtocol: number;
  readonly process: ProcessConfig;
}

export interface ServerConfig {
  /** Undefined only for the relay: without it a server's configuration does not load. */
  readonly bindAddress: number | undefined;
  /** bindAddress + 1 unless given. */
  readonly bindAddress2: number | undefined;
  /** What clients see, behind 1:1 NAT; default: the bound address. */
  readonly advertisedAddress: number | undefined;
  readonly advertisedAddress2: number | undefined;
  /** Accept two addresses that are not consecutive. */
  readonly allowNonConsecutive: boolean;
  readonly prefix: number;
  readonly interfaceMtu: number;
  readonly refuseReserved: boolean;
  readonly requireAuthentication: boolean;
  /** HMAC with which authentication values are made. RFC 4380 §5.2.2 */
  readonly authenticationAlgorithm: "sha1" | "sha256";
  /** Path of the file that `secrets` come from. */
  readonly secretsFile: string | undefined;
  /** What `secretsFile` holds; read for the server only, empty for the relay. */
  readonly secrets: readonly SecretConfig[];
  readonly solicitationRate: number;
  readonly solicitationBurst: number;
  /** Messages forwarded a second to one mapped IPv4 address. */
  readonly forwardRate: number;
  readonly icmpMaxLength: number;
  readonly socketBuffer: number;
  /** Whether the kernel answers router solicitations; `auto`: where no filter would miss them. */
  readonly fastPath: "auto" | "on" | "off";
  readonly workers: number | "auto";
  readonly process: ProcessConfig;
}

/** What of RFC 6081 a client does: §5.2, §5.4, §5.5, §5.6, §5.7. */
export const EXTENSIONS = ["sns", "pp", "ss", "hairpin", "slr"] as const;
export type ExtensionName = (typeof EXTENSIONS)[number];

export interface ClientConfig {
  /** Best first; empty only for relay and server: without one a client's configuration does not load. */
  readonly servers: readonly ServerName[];
  readonly serverOrder: "race" | "strict";
  /** Unsigned 32-bit number; 0 is every address. */
  readonly bindAddress: number;
  /** 0: a random one, which `stateFile` keeps. */
  readonly bindPort: number;
  readonly interfaceName: string;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** RFC 4380 §5.2.8 */
  readonly localDiscovery: boolean;
  /** What becomes of the tunnel where there is IPv6 without it. */
  readonly whenNative: "stand_back" | "relay" | "keep";
  /** Of the default route. */
  readonly routeMetric: number;
  /** Whether there is a default route. */
  readonly defaultRoute: boolean;
  /** Whether what our address sends goes by a table of its own. */
  readonly sourceRouting: boolean;
  /** Between two solicitations to the server. RFC 4380 §5.2.5 */
  readonly refresh: Millis;
  readonly extensions: readonly ExtensionName[];
  /** Name or IPv6 address of a native host that is asked whether the tunnel carries anything. */
  readonly checkHost: string | undefined;
  /** Path of a program that is told of each change. */
  readonly hook: string | undefined;
  /** Path of what is kept from run to run; undefined: in the folder for state. */
  readonly stateFile: string | undefined;
  readonly refuseReserved: boolean;
  /** Which client of `secretFile` we are; undefined: its only one. */
  readonly clientId: string | undefined;
  /** Path or name of the file that `secret` comes from. */
  readonly secretFile: string | undefined;
  /** For secure qualification; read for the client only. RFC 4380 §5.2.2 */
  readonly secret: SecretConfig | undefined;
  /** HMAC with which authentication values are made. RFC 4380 §5.2.2 */
  readonly authenticationAlgorithm: "sha1" | "sha256";
  readonly maxPeers: number;
  readonly holdPackets: number;
  readonly holdBytes: number;
  readonly holdAge: Millis;
  readonly holdMemory: number;
  /** ICMPv6 errors a second. */
  readonly icmpRate: number;
  readonly icmpBurst: number;
  /** Bytes asked for as each UDP socket's receive buffer, and its send buffer. */
  readonly socketBuffer: number;
  readonly offloads: "auto" | "off";
  readonly drainTime: Millis;
  readonly process: ProcessConfig;
}

export interface SecretConfig {
  readonly clientId: string;
  readonly key: Uint8Array;
  readonly valid: boolean;
}

/** `log`: nothing is refused, and what would be is logged. */
export type SandboxMode = "auto" | "off" | "log";

export interface ProcessConfig {
  /** Drop to this user once everything is open. */
  readonly user: string | undefined;
  readonly chroot: string | undefined;
  readonly pidFile: string | undefined;
  /** Whether it gives up what it does not need any more once it serves. */
  readonly sandbox: SandboxMode;
}

export interface StatusConfig {
  readonly enabled: boolean;
  /** IP address to listen on. */
  readonly address: string;
  /** Default: that of the role; undefined until it is known. */
  readonly port: number | undefined;
  /** Path or name of the file that `token` comes from. */
  readonly tokenFile: string | undefined;
  /** What `tokenFile` holds. */
  readonly token: string | undefined;
  /** Let in whoever reaches `address`. */
  readonly allowAnonymous: boolean;
  /** Pages that need no token. */
  readonly public: readonly ("health" | "metrics")[] | undefined;
  /** Names by which the pages may be asked, in lower case. */
  readonly hosts: readonly string[] | undefined;
  /** Path of a Unix socket to listen on as well. */
  readonly socket: string | undefined;
  /** Whether the headers of the last packets are kept. */
  readonly record: boolean;
  /** Path of the control socket, or `no`; undefined: in the folder for what runs. */
  readonly control: string | undefined;
  /** Whether the pages show what becomes of one peer's packets. */
  readonly trace: boolean;
}

export interface LogConfig {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "logfmt" | "json";
  readonly target: "stderr" | "syslog";
  /** Name of the syslog facility, e.g. `daemon`. */
  readonly facility: string;
  /** Whose packets' fates are told at level `debug`. */
  readonly debugPeer: PeerPattern | undefined;
}
