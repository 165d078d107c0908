import { textOf } from "../proc.ts";

const DEFAULT_TTL = 64;

/** Time to live of datagrams that this host sends. */
export function hostTtl(): number {
  return Number(textOf("/proc/sys/net/ipv4/ip_default_ttl")) || DEFAULT_TTL;
}
