import { isIP } from "node:net";

/**
 * Whether a `Host` header may ask a server that listens on loopback.
 *
 * A page from the Internet can make a browser here resolve the page's own name to 127.0.0.1 and
 * read what is there (DNS rebinding); the header then holds that name. So: addresses and
 * `localhost` only.
 */
export function isLocalHost(header: string | null): boolean {
  if (header === null) return false;
  const name = header.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return name === "localhost" || isIP(name) !== 0;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^127\./.test(address);
}
