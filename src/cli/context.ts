import type { ApplicationContext } from "@stricli/core";
import type { Output } from "./output.ts";

/** What a command gets beside its arguments. */
export interface Context extends ApplicationContext {
  readonly process: {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly env: Readonly<Record<string, string | undefined>>;
    exitCode?: number | string | null;
  };
  /** Exit status of a command that ran to its end. */
  status: number;
}
