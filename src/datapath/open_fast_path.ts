import type { Libc } from "#ffi/libc.ts";
import type { RelayRules } from "./datapath.ts";
import { type FastPath, type FastPathWish, NO_FAST_PATH, noFastPath } from "./fast_path.ts";
import type { Kernel, Tunnel } from "./kernel.ts";
import type { SharedState } from "./threads/shared.ts";

/** What of a relay's start it takes. */
interface Asked {
  readonly fastPath?: FastPathWish;
  readonly rules: Pick<RelayRules, "prefix" | "served">;
}

/**
 * A relay's fast path, as far as it is asked for.
 *
 * @param states of the threads, by which they are told
 * @param wake has them turn: they may sleep, as what the kernel carries wakes nobody
 */
export function openFastPathFor(
  kernel: Kernel,
  libc: Libc,
  { fastPath: wish, rules }: Asked,
  tunnel: Tunnel,
  port: number,
  states: readonly SharedState[],
  wake: () => void,
): FastPath | undefined {
  if (wish === undefined) return undefined;
  const { refusal, peers } = wish;
  if (refusal !== undefined) return noFastPath(refusal, peers);
  return kernel.openFastPath?.(libc, {
    tun: tunnel.queues[0]!,
    port,
    prefix: rules.prefix,
    served: rules.served,
    peers,
    announceWays: () => {
      states.forEach((it) => it.announceWays());
      wake();
    },
    setLending: (wanted) => {
      states.forEach((it) => it.lending = wanted);
      wake();
    },
  }) ?? noFastPath(NO_FAST_PATH, peers);
}
