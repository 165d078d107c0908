import type { ClientConfig } from "#src/config/config.ts";
import type { GivenSockets } from "#src/datapath/start/client.ts";
import type { Errands } from "../errands/process.ts";
import type { Kept } from "../kept.ts";
import type { Standpoint } from "../standpoint.ts";

/** What a client has around it: on its host, or outside of the namespaces that it is in. */
export interface Surroundings {
  readonly kept: Kept;
  /** Undefined: there is nothing to look up or to run. */
  readonly errands: Errands | undefined;
  /** Settings, as `section.key`, that want names looked up, where nobody does that. */
  beyond(config: ClientConfig): readonly string[];
  /** Undefined: it opens its own. */
  readonly sockets: GivenSockets | undefined;
  /** See `standpointOf`. */
  look(servers: readonly number[], own: string): Standpoint;
  /**
   * Calls back whenever it may be time for another look.
   *
   * @param again whether one is wanted each second
   * @returns what ends it
   */
  follow(look: () => void, again: () => boolean): () => void;
  /** It has an address, for the first time. @param end ends the daemon, with a status */
  qualified(end: (status: number) => void): void;
  /** See `RoleLife.endedBy`. */
  endedBy(signal: NodeJS.Signals): Promise<number | undefined>;
  close(): void | Promise<void>;
}
