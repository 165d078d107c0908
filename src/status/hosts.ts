import { isIP } from "node:net";
import { isLoopbackIp, parseIp } from "#src/protocol/wire/ip.ts";

/**
 * Whether a `Host` header may ask a server on loopback.
 *
 * A page from the Internet can make a browser here resolve the page's own name to 127.0.0.1 and
 * read what is there (DNS rebinding); the header then holds that name. So: addresses and
 * `localhost` only.
 */
export function isLocalHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = nameIn(host);
  if (name === "localhost" || name === "localhost.") return true;
  const inBrackets = /^\[(.*)\]$/.exec(name)?.[1];
  return inBrackets === undefined ? isIP(name) === 4 : isIP(inBrackets) === 6;
}

/** A `Host` header without its port, in lower case. */
export function nameIn(host: string): string {
  return host.replace(/:\d*$/, "").toLowerCase();
}

/** @param address in whatever way it is written */
export function isLoopbackAddress(address: string): boolean {
  const bytes = parseIp(address);
  return bytes !== undefined && isLoopbackIp(bytes);
}
