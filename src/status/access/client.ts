import { formatIp, parseIp } from "#src/protocol/wire/ip.ts";

/** Who asks, as the listener knows it. */
export interface Client {
  /** By a Unix socket, at an address of loopback, or from elsewhere. */
  readonly way: "unix" | "loopback" | "network";
  /** Where a client by TCP comes from. */
  readonly address: string | undefined;
}

/** A reverse proxy tells by one of these for whom it asks. */
const FORWARDING = [
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Real-IP",
  "Via",
];

/** Whether a proxy asks for somebody else: being on this host then says nothing of him. */
export function isForwarded(headers: Headers): boolean {
  return FORWARDING.some((name) => headers.has(name));
}

/** Whether the browser asked by https, as a proxy says, before it asked on. */
export function isByHttps(headers: Headers): boolean {
  return headers.get("X-Forwarded-Proto") === "https" ||
    /(^|[;,\s])proto="?https\b/i.test(headers.get("Forwarded") ?? "");
}

/**
 * Whose failures count together. What a proxy on this host says of its client holds, as its last word;
 * anybody else could write what he likes.
 */
export function sourceOf({ way, address }: Client, headers: Headers): string {
  const told = headers.get("X-Forwarded-For")?.split(",").at(-1)?.trim();
  return networkOf(way === "network" || told === undefined ? address : told) ?? way;
}

/** Whom an address may belong to: itself of IPv4, and of IPv6 its /64, which one host has to itself. */
export function networkOf(address: string | undefined): string | undefined {
  const bytes = parseIp(address?.replace(/%.*/, "") ?? "");
  if (bytes === undefined) return undefined;
  const isIpv4 = !formatIp(bytes).includes(":");
  return formatIp(isIpv4 ? bytes : bytes.map((byte, at) => at < 8 ? byte : 0));
}
