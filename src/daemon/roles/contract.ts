import type { Config } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import type { Inherited } from "#src/datapath/kept.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Handover } from "../handover/mod.ts";
import type { Upholding } from "../upkeep/mod.ts";

/** A role that serves. */
export interface Serving {
  readonly open: OpenRole;
  readonly datapath: Datapath;
  readonly upholding: Upholding;
}

/** What a daemon does in the way of its role. */
export interface RoleLife {
  /**
   * Opens what it works on.
   *
   * @param inherited what the daemon before this one has left open
   * @throws StartError, SyscallError
   */
  open(inherited: Inherited): OpenRole;
  /** What goes to the next daemon by a file. */
  handover(open: OpenRole): Handover;
  /** Whether it carries packets of this host or others: what the kernel takes and gives in pieces. */
  readonly tellsOffloads: boolean;
  /** Processes of its own that it may have to end. */
  readonly helpers: readonly number[];
  /** It serves from here on. What it begins it leaves to the cleanup. */
  serve(serving: Serving): void;
  /**
   * Settings, as `section.key`, that a reload cannot bring as they are there: what they need was left
   * out at start.
   */
  beyond(config: Config): readonly string[];
  /**
   * Has a serving daemon go by another configuration.
   *
   * @returns false when that is more than a running one can be given: nothing has changed
   */
  goBy(config: Config, datapath: Pick<Datapath, "setRules">): boolean;
  /** An operator has asked for a reload, and has it, whatever has changed. */
  reloaded(): void;
  /** For how long it is turned away from before it ends. */
  drainTime(config: Config): Millis | undefined;
  /**
   * A signal has ended the daemon, whose role may have something to end first.
   *
   * @returns the exit status; undefined: as of any daemon
   */
  endedBy(signal: NodeJS.Signals): Promise<number | undefined>;
  /** Resolves with the exit status when the role ends the daemon by itself. */
  readonly ended: Promise<number>;
}

/** Of a role that opens all at start that a configuration may want. */
export const NOTHING_BEYOND = (): readonly string[] => [];
/** Of a role that has nothing to end. */
export const NOTHING_TO_END = () => Promise.resolve(undefined);
/** Of a role that does not. */
export const NEVER = new Promise<number>(() => {});
