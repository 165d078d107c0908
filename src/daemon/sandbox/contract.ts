import type { Role, SandboxMode } from "#src/config/config.ts";
import type { SandboxState } from "#src/status/snapshot.ts";
import type { User } from "../host/contract.ts";
import type { RuntimeFolder } from "../runtime_folder.ts";

/** What a daemon goes on needing, whatever else is taken from it. */
export interface SandboxNeeds {
  readonly role: Role;
  readonly mode: SandboxMode;
  /** Whom this process is about to become. */
  readonly user: User | undefined;
  readonly chroot: string | undefined;
  /** Files that a reload reads again, as far as they are known now. */
  readonly rereads: readonly string[];
  /** Where files of a running daemon are. */
  readonly folder: RuntimeFolder;
  /** What is removed at the end besides: pid file and sockets. */
  readonly removes: readonly string[];
  /** Names of TUN devices that it has open, and on some systems opens again. */
  readonly devices: readonly string[];
  /** Whether it has an interface that it makes again when that is deleted. */
  readonly remakes: boolean;
  /** Whether it has processes of its own, which it may have to end. */
  readonly hasHelpers: boolean;
  /** Whether it has programs in the kernel, which other rules may have to be made for. */
  readonly reprograms: boolean;
  /** `NOTIFY_SOCKET`: of an abstract name it may have to be connected to again. */
  readonly notifies: string | undefined;
  /** A line of the log for a system call that is refused, as people and programs read it. */
  readonly line: (call: string) => string;
}

/** A sandbox that everything is ready for. */
export interface Sandbox {
  /** Gives up what only one with all rights can give up. Before the user is changed. */
  begin(): void;
  /**
   * Gives up the rest, and has the kernel see to it. From here on nothing can be taken back.
   *
   * @param helpers numbers of the processes that this one started, which it may have to end
   */
  enter(helpers: readonly number[]): void;
  /** What holds; before {@link enter}, nothing. */
  readonly state: SandboxState;
  /** Of {@link SandboxNeeds.removes}, what cannot be removed any more, once it is entered. */
  readonly leaves: readonly string[];
}
