import { SANDBOX_LAYERS, type SandboxLayer } from "#src/status/snapshot.ts";
import type { SandboxMode } from "#src/config/config.ts";
import type { Sandbox } from "./contract.ts";

/** All layers of Linux, none of which holds. */
export const withoutLayers = (note: string): SandboxLayer[] =>
  SANDBOX_LAYERS.map((name) => ({ name, holds: false, note }));

/** That of a system, or a daemon, that has none. */
export function noSandbox(mode: SandboxMode, note: string): Sandbox {
  return {
    begin: () => {},
    enter: () => {},
    state: { mode, layers: withoutLayers(note), violations: 0 },
    leaves: [],
  };
}
