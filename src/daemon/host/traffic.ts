/** What connection tracking makes of a packet. */
export type Tracked = "new" | "established" | "related" | "invalid";

/** A packet as it would cross this host. */
export interface SamplePacket {
  /** For people: `TCP`, `203.0.113.7`. */
  readonly what: string;
  /** IPv4 or IPv6 header, then the transport header. */
  readonly bytes: Uint8Array;
  readonly transportAt: number;
  /** IPPROTO_UDP and the like. */
  readonly protocol: number;
  readonly tracked: Tracked;
  /** Which of its addresses is this host's. */
  readonly local: "source" | "destination" | "none";
}

/** What singles traffic out in a rule that accepts it; what is undefined is not asked for. */
export interface Selector {
  readonly fromPort?: number;
  readonly toPort?: number;
  /** Whatever its ports. */
  readonly udp?: boolean;
  /** What connection tracking knows as answered, or as an answer. */
  readonly answers?: boolean;
  /** An interface to come in by, or to go out by. */
  readonly in?: string;
  readonly out?: string;
  /** IPv6 prefix. */
  readonly from?: string;
  readonly to?: string;
  readonly icmpv6?: boolean;
}

/** Packets of one kind that a role lives on, and their way through this host. */
export interface Traffic {
  /** Completes "... are dropped by ...". */
  readonly subject: string;
  /** Whether the role serves nobody without them. */
  readonly needed: boolean;
  readonly path: "input" | "forward" | "output";
  /** 4 or 6, of IP. */
  readonly version: 4 | 6;
  /** Interfaces; undefined: not known, or none on this path. */
  readonly in?: string;
  readonly out?: string;
  /** Whether answers to its sources will leave by `in`, whatever the routes are at this moment. */
  readonly comesBack?: boolean;
  readonly packets: readonly SamplePacket[];
  readonly accept: Selector;
}

/** What a packet filter does to some traffic. */
export interface Filtered {
  readonly traffic: Traffic;
  /** Packets of it that are dropped for certain, or may be. */
  readonly packets: readonly SamplePacket[];
  readonly certain: boolean;
  /** What of the rules is not understood, where it is not certain. */
  readonly doubt: string | undefined;
  /** Completes "dropped by ...": the rule or policy and where it stands. */
  readonly by: string;
  /** The command that lets the traffic pass there. */
  readonly mend: string;
}

/** What a rule does to traffic that flows, besides letting it pass. */
export interface Handled {
  readonly traffic: Traffic;
  /** The rule and where it stands. */
  readonly by: string;
  /** In the rule's own word: `limit`, `masq`, `NFQUEUE`. */
  readonly what: string;
}

export interface FilterReport {
  readonly filtered: readonly Filtered[];
  /** Of IPv4 traffic alone. */
  readonly handled: readonly Handled[];
  /** Chains that IPv4 traffic comes by and that have rules: `chain input of table inet filter`. */
  readonly asked: readonly string[];
  /** What was looked at: `nftables`, `iptables-legacy`. */
  readonly seen: readonly string[];
  /** Why something could not be looked at. */
  readonly unseen: readonly string[];
}
