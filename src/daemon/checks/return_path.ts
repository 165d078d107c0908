import type { Host } from "../host/contract.ts";
import type { CheckResult } from "./result.ts";
import { STRANGERS } from "./traffic.ts";

/**
 * Whether datagrams of strangers reach an address of this host. Reverse-path filtering drops what
 * comes in by another interface than answers would leave by, so a second address may be deaf where
 * the first is not.
 */
export function checkReturnPath(host: Host, address: number): CheckResult[] {
  const finding = host.returnPath(address, STRANGERS);
  return finding === undefined ? [] : [{ name: "return_path", ...finding }];
}
