import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { Endpoint } from "./contract.ts";

export interface Bound {
  readonly socket: Socket;
  readonly local: Endpoint;
}

/**
 * A UDP socket; whoever asked closes it.
 *
 * @param port 0: the kernel picks
 * @throws Error when the kernel refuses
 */
export async function bind(address: number, port: number): Promise<Bound> {
  const socket = createSocket("udp4");
  const listening = once(socket, "listening");
  socket.bind({ address: formatIpv4(address), port });
  await listening;
  socket.on("error", () => {}); // what the kernel refuses later is as lost as on the way
  return { socket, local: { address, port: socket.address().port } };
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/**
 * The address the kernel sends from towards `server`; nothing is sent to learn it.
 *
 * @param source the address that it is to be; 0: whichever the kernel chooses
 * @throws Error when there is no way there
 */
export async function localAddressTowards(server: number, source = 0): Promise<number> {
  const { socket } = await bind(source, 0);
  try {
    const connected = once(socket, "connect");
    socket.connect(TEREDO_PORT, formatIpv4(server));
    await connected;
    // Deno knows the port alone, and says 0.0.0.0.
    return source || parseIpv4(socket.address().address) || ownIpv4()[0] || 0;
  } finally {
    socket.close();
  }
}

/** This host's IPv4 addresses but those of loopback. */
export function ownIpv4(): number[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter((it) => it.family === "IPv4" && !it.internal)
    .map((it) => parseIpv4(it.address)!);
}

/** All IPv4 addresses of a host, by address or name; none: it has none, or nobody knows it. */
export async function resolveIpv4(host: string): Promise<number[]> {
  const address = parseIpv4(host);
  if (address !== undefined) return [address];
  try {
    const found = await lookup(host, { family: 4, all: true });
    return found.map((it) => parseIpv4(it.address)!);
  } catch {
    return [];
  }
}
