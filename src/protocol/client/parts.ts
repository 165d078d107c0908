import type { ClientOptions } from "./contract.ts";
import type { Counters } from "../counters.ts";
import type { Homes } from "./servers/homes.ts";
import type { Icmpv6Errors } from "../guard/icmpv6_errors.ts";
import type { Ipv4Filter } from "../guard/ipv4_filter.ts";
import type { Nat } from "./servers/nat.ts";
import type { Nonces } from "./nonces.ts";
import type { Paths } from "./peers/paths.ts";
import type { Peers } from "../peers/table.ts";
import type { RandomPorts } from "./peers/ports.ts";
import type { Server } from "./servers/server.ts";

/** What the rules of a client share. */
export interface ClientParts {
  readonly options: () => ClientOptions;
  /** The server in use. */
  readonly server: () => Server | undefined;
  readonly counters: Counters;
  readonly filter: Ipv4Filter;
  readonly errors: Icmpv6Errors;
  readonly nonces: Nonces;
  readonly nat: Nat;
  readonly homes: Homes;
  readonly peers: Peers;
  readonly paths: Paths;
  readonly ports: RandomPorts;
}
