import type { ClientIdentity } from "#src/protocol/client/messages/solicitation.ts";
import type { Millis } from "#src/protocol/time.ts";

/** An IPv4 address and UDP port, as numbers in host order. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

/** What a client takes addresses for. */
export interface AddressRules {
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** Whether a mapped address in what was reserved after the RFC counts for none: `refuse_reserved`. */
  readonly refuseReserved: boolean;
}

/** As whom servers are asked. */
export interface Guise extends AddressRules {
  /** For secure qualification; undefined: by nonce alone. RFC 4380 §5.2.2 */
  readonly identity?: ClientIdentity | undefined;
}

export interface ProbeOptions extends Guise {
  /** The server's primary and secondary address. RFC 4380 §5.2 */
  readonly serverAddress: number;
  readonly secondaryAddress: number;
  /** Where our own socket is bound. */
  readonly local: Endpoint;
  /** Where a second one is, by which a stranger's packet is asked for. */
  readonly coneLocal: Endpoint;
  /** This host's IPv4 addresses: a mapping to one of them is no NAT's doing. */
  readonly ownAddresses: readonly number[];
  /** 16 bytes of a native IPv6 host; undefined: qualification is all. */
  readonly target: Uint8Array | undefined;
  /** How many pings, repetitions not counted; 1 or more. */
  readonly pings: number;
  /** From one echo request to the next. */
  readonly pingInterval: Millis;
  /** How long the answer to a router solicitation is waited for before it is repeated. */
  readonly answerTimeout: Millis;
}

/** What the NAT between the server and us lets a client conclude. RFC 4380 §5.2.1, RFC 6081 §3.1 */
export type NatKind =
  | "none"
  | "firewall" // no NAT, yet strangers' packets do not arrive
  | "none-or-firewall" // no NAT; the secondary address was silent, so nothing is known of strangers
  | "cone"
  | "restricted" // by address, or by address and port: a server cannot tell them apart
  | "symmetric"
  | "unknown"; // a NAT; the secondary address was silent

/** Fills the bytes from a cryptographic generator. RFC 5991 §4 */
export type FillRandom = (bytes: Uint8Array) => void;

/** One of the two sockets of a probe: of everything, or of the cone test alone. */
export type ProbeSocket = "own" | "cone";

/** Where the client hands its output; bytes belong to the client again when the call returns. */
export interface ProbeSink {
  sendDatagram(
    b: Uint8Array,
    at: number,
    length: number,
    address: number,
    port: number,
    socket: ProbeSocket,
  ): void;
  report(event: ProbeEvent): void;
}

/** Which way an echo request went: to find the relay, or straight to the one that was found. */
export type Via = "server" | "relay";

/** Which step of qualification asked. */
export type StepName = "primary" | "cone" | "secondary";

/** What a server's address says of us: the mapping of the socket that the step used. */
export interface Advertised {
  readonly kind: "advertised";
  readonly step: StepName;
  readonly from: number;
  readonly mapped: Endpoint;
  readonly mtu: number;
  readonly rtt: Millis;
}

export type ProbeEvent =
  | { kind: "solicited"; to: number; cone: boolean; attempt: number }
  | Advertised
  | { kind: "silent"; step: "cone" | "secondary" }
  | { kind: "qualified"; address: Uint8Array; mapped: Endpoint; nat: NatKind; mtu: number }
  | { kind: "ping"; ping: number; attempt: number; via: Via }
  | { kind: "bubble"; origin: Endpoint; answered: boolean }
  | { kind: "challenge"; from: Endpoint; answered: boolean }
  | { kind: "reply"; ping: number; attempts: number; relay: Endpoint; rtt: Millis; via: Via }
  | { kind: "lost"; ping: number }
  | { kind: "unreachable"; type: number; code: number; from: Uint8Array }
  | { kind: "ignored"; from: Endpoint; reason: string }
  | { kind: "unsent"; to: Endpoint; reason: string }
  | { kind: "failed"; failure: Failure }
  | { kind: "finished" };

/** Why a probe ended without what it was asked for. */
export type Failure =
  | "server-silent"
  | "key-refused"
  | "mapping-not-global"
  | "no-relay" // nothing but silence after the echo requests
  | "relay-silent" // a relay asked for us by a bubble; nothing more came
  | "unreachable";
