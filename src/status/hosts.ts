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
  const name = host.replace(/:\d*$/, "").toLowerCase();
  if (name === "localhost" || name === "localhost.") return true;
  const inBrackets = /^\[(.*)\]$/.exec(name)?.[1];
  return inBrackets === undefined ? isIP(name) === 4 : isIP(inBrackets) === 6;
}

/** @param address in whatever way it is written */
export function isLoopbackAddress(address: string): boolean {
  const bytes = parseIp(address);
  return bytes !== undefined && isLoopbackIp(bytes);
}
