/** What the bench asks of its two ends, one JSON object a line, and what they answer. */

/**
 * Whose packets a load is made of:
 *
 *     up         clients to the host, through the relay     down         the host to clients
 *     plain-up   the client's end to the host, no tunnel    plain-down   the other way
 *     solicit    router solicitations to the server         bubble       clients to clients, by the server
 */
export type Kind = "up" | "down" | "plain-up" | "plain-down" | "solicit" | "bubble";

export interface SendCommand {
  readonly do: "send";
  readonly kind: Kind;
  /** Bytes of the IPv6 packet that the relay forwards; of no meaning to `solicit` and `bubble`. */
  readonly size: number;
  /** Clients it is spread over, from number `first` on. */
  readonly peers: number;
  readonly first: number;
  /** Packets in a row for one client. */
  readonly burst: number;
  /** Packets a second; 0: as many as the machine can. */
  readonly rate: number;
  readonly seconds: number;
  /** Of as many as the machine can: lets others of its core and priority work after each batch. */
  readonly gives?: boolean;
}

export interface Sent {
  readonly packets: number;
  readonly seconds: number;
}

/** Counts what arrives on the end's link for `seconds`, from `after` seconds on. */
export interface CountCommand {
  readonly do: "count";
  readonly after: number;
  readonly seconds: number;
}

export interface Counted {
  readonly packets: number;
  readonly seconds: number;
}

/** Of the host: makes the relay trust `peers` clients, asking for `rate` a second. */
export interface GreetCommand {
  readonly do: "greet";
  readonly peers: number;
  /** The first of them; default 0. */
  readonly first?: number;
  readonly rate: number;
}

export interface Greeted {
  readonly seconds: number;
  /** Clients that did not answer. */
  readonly missing: number;
}

/** Of the pinger: round trips to the host, one at a time. */
export interface PingCommand {
  readonly do: "ping";
  readonly seconds: number;
}

export interface Pinged {
  /** Microseconds, in the order they were measured. */
  readonly times: readonly number[];
  readonly lost: number;
}

export type Command = SendCommand | CountCommand | GreetCommand | PingCommand;

/**
 * A `source` sends loads and nothing else. It stands on a port of a bridge, as if the bridge had just
 * forwarded what it sends: so it costs a third of a whole way through sockets and links. The others
 * are in the namespaces that the loads pretend to come from.
 */
export type Role = "source" | "clients" | "host" | "pinger";

/** Who is where. */
export interface StationPlan {
  readonly role: Role;
  /** Interface that this station sends on. */
  readonly link: string;
  /** Ethernet addresses, as `ip link` prints them: of the sender, and of whom it sends to. */
  readonly from: string;
  readonly to: string;
  /** IPv4 addresses. */
  readonly relay: string;
  readonly relayPort: number;
  readonly server: string;
  /** IPv6 addresses of the host, and of the client's end where no tunnel is. */
  readonly host: string;
  readonly plain: string;
}

/** Inner UDP ports: what comes to the first is counted on its link and thrown away there. */
export const LOAD_PORT = 9;
export const GREETING_PORT = 7;
/** A greeting carries the client's number, and so does its answer. */
export const GREETING_LENGTH = 4;
/** Which client measures round trips, and which one TCP goes to: beyond those that loads are for. */
export const PINGER: number = 2 ** 20;
export const TUNNEL: number = PINGER + 1;
/** UDP port of clients in the loads for the server. */
export const SERVER_LOAD_PORT = 3545;
