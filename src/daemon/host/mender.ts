import type { RelayConfig } from "#src/config/config.ts";
import type { Host } from "./contract.ts";

/** Files in which a system keeps what is to be so after its next start. */
export type LastingFile = "sysctl" | "modules";

/** One thing that is safe to do unasked: it takes nothing away, and the next start undoes it. */
export interface Action {
  /** As it would be typed. */
  readonly command: string;
  /** What does the same at each start of the system; undefined: there is no such line. */
  readonly lasting: { readonly file: LastingFile; readonly line: string } | undefined;
  /** Whether an IPv6 default route that came by router advertisement may go by it. */
  readonly endangersRoutes: boolean;
  /** Does it. @returns why that is refused; undefined: it is done */
  carryOut(): string | undefined;
}

/** Carries out mends of the checks. */
export interface Mender {
  /** What a mend does; undefined: not all of it is safe, or it is for people to read. */
  actionsOf(mend: string): readonly Action[] | undefined;
  /** What a relay needs and this machine has, though perhaps only until its next start. */
  standing(host: Host, relay: RelayConfig): readonly Action[];
  /**
   * Adds lines to a file of ours, beside those that are there: a line about the same thing takes the
   * place of the other. A file of somebody else is left alone.
   *
   * @returns why not; undefined: it is done
   */
  keep(file: LastingFile, lines: readonly string[]): string | undefined;
  readonly paths: Readonly<Record<LastingFile, string>>;
}

/** Where it is not known what is safe: every mend is for people to read. */
export const NO_MENDER: Mender = {
  actionsOf: () => undefined,
  standing: () => [],
  keep: () => "nothing is known of such files on this system",
  paths: { sysctl: "", modules: "" },
};
