import { StartError } from "#src/errors.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";

/** How many workers serve, and why as many. */
export interface Workers {
  readonly count: number;
  /** For log and status page. */
  readonly reason: string;
}

/** More than one worker cannot be had here; one can. */
export class WorkersRefused extends StartError {}

/** Below this a second worker takes the core that the kernel receives on. */
const CORES_FOR_TWO = 4;
const MOST_BY_ITSELF = 8;

/**
 * What `workers` in the configuration comes to on a machine of so many cores.
 *
 * The kernel's own work for a packet (receiving, forwarding, sending on) is as long as the worker's:
 * half of the cores are left to it.
 */
export function workersFor(wanted: number | "auto", cores: number): Workers {
  if (wanted !== "auto") return { count: wanted, reason: `workers = ${wanted}` };
  if (cores < CORES_FOR_TWO) {
    const has = cores === 1 ? "1 core" : `${cores} cores`;
    return { count: 1, reason: `auto: with ${has} the kernel's receiving needs what is left` };
  }
  const half = Math.floor(cores / 2);
  if (half <= MOST_BY_ITSELF) {
    return { count: half, reason: `auto: half of ${cores} cores, the others receive` };
  }
  return { count: MOST_BY_ITSELF, reason: `auto: at most ${MOST_BY_ITSELF}, of ${cores} cores` };
}

/** One worker's part of what an operator allows the whole relay: all together never have more. */
export function shareOf<T extends Omit<RelayOptions, "servicePort">>(
  options: T,
  workers: number,
): T {
  if (workers === 1) return options;
  return {
    ...options,
    maxPeers: Math.ceil(options.maxPeers / workers),
    holdMemory: Math.max(options.mtu, Math.floor(options.holdMemory / workers)),
    icmpRate: options.icmpRate / workers,
    icmpBurst: options.icmpBurst / workers,
    challengeRate: options.challengeRate / workers,
    newPeerRate: options.newPeerRate / workers,
    bubbleRate: options.bubbleRate / workers,
    addressBubbleRate: options.addressBubbleRate / workers,
  };
}

/**
 * The same for a server. All solicitations from one address meet one worker; what is forwarded to an
 * address may come by any.
 */
export function shareOfServer<T extends ServerOptions>(options: T, workers: number): T {
  return { ...options, forwardRate: options.forwardRate / workers };
}
