import { createSocket, type RemoteInfo } from "node:dgram";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import type { Millis } from "#src/protocol/time.ts";

const DNS_PORT = 53;
const CONFIGURATION = "/etc/resolv.conf";
/** Where there is no line for any. resolv.conf(5) */
const DEFAULT_SERVER = "127.0.0.1";
/** As the C library has it. */
const SERVERS_MAX = 3;
const PATIENCE: Millis = 10_000;

/** IPv4 name servers that this host's programs ask. */
export function nameServersIn(text: string): string[] {
  const found = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, address]) => address!);
  // Those of IPv6 are asked through the tunnel.
  const servers = found.length === 0 ? [DEFAULT_SERVER] : found.filter((it) => isIPv4(it));
  return [...new Set(servers)].slice(0, SERVERS_MAX);
}

export function nameServers(): string[] {
  try {
    return nameServersIn(readFileSync(CONFIGURATION, "utf8"));
  } catch {
    return [DEFAULT_SERVER];
  }
}

/** Asks a name server outside. @returns undefined when it is silent */
export function askNameServer(
  server: string,
  message: Uint8Array,
  port = DNS_PORT,
): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const socket = createSocket("udp4");
  const end = (answer: Uint8Array | undefined) => {
    clearTimeout(timer);
    socket.close();
    resolve(answer);
  };
  const timer = setTimeout(() => end(undefined), PATIENCE);
  socket.once("error", () => end(undefined));
  socket.on("message", (answer: Uint8Array, from: RemoteInfo) => {
    if (from.address === server && from.port === port) end(answer);
  });
  socket.send(message, port, server);
  return promise;
}

/**
 * Listens where name servers are outside, inside; what comes is asked there. One address each has been
 * given to the loopback interface.
 *
 * @returns what ends it
 */
export async function serveNames(
  servers: readonly string[],
  ask: (server: string, message: Uint8Array) => Promise<Uint8Array | undefined>,
  port = DNS_PORT,
): Promise<() => void> {
  const sockets = servers.map(() => createSocket("udp4"));
  const close = () => sockets.forEach((socket) => socket.close());
  const bound = servers.map((server, i) => {
    const socket = sockets[i]!;
    socket.on("message", async (message: Uint8Array, from: RemoteInfo) => {
      const answer = await ask(server, message);
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
    });
    return new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, server, resolve);
    });
  });
  try {
    await Promise.all(bound);
  } catch (error) {
    await Promise.allSettled(bound);
    close();
    throw error;
  }
  return close;
}
