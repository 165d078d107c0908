import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { RelayConfig } from "../config.ts";
import type { Problems } from "../problems.ts";

/** How the operator calls settings: a problem names what stands in the file or on the command line. */
export interface Names {
  /** Where a setting got its value, with its name: what stands before a problem. */
  where(id: string): string;
  /** The setting's name alone: key, Miredo's directive or flag. */
  name(id: string): string;
  /** Whether the operator wrote it. */
  isGiven(id: string): boolean;
}

/** Refuses a bound address that none of a host's can be. */
export function checkBindAddress(
  id: string,
  address: number,
  names: Names,
  problems: Problems,
): void {
  if (!isMulticastOrBroadcast(address)) return;
  problems.error(
    names.where(id),
    `${formatIpv4(address)} is not a host's address; write one of this machine's`,
  );
}

/** Both are given by the operator when they do not fit. @param of who has packets held */
export function checkHoldMemory(
  role: "relay" | "client",
  { holdBytes, holdMemory }: Pick<RelayConfig, "holdBytes" | "holdMemory">,
  of: string,
  names: Names,
  problems: Problems,
): void {
  if (holdMemory < holdBytes) {
    problems.error(
      names.where(`${role}.hold_memory`),
      `${holdMemory} bytes for all ${of} are less than ${names.name(`${role}.hold_bytes`)} ` +
        `${holdBytes} for one; write more`,
    );
  }
}

export function isMulticastOrBroadcast(address: number): boolean {
  return address >>> 28 === 0xe || address === 0xffffffff;
}
