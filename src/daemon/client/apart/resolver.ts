import { createSocket, type RemoteInfo } from "node:dgram";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import type { Millis } from "#src/protocol/time.ts";
import { MESSAGE_MAX } from "./words.ts";

const DNS_PORT = 53;
const CONFIGURATION = "/etc/resolv.conf";
/** Where there is no line for any. resolv.conf(5) */
const DEFAULT_SERVER = "127.0.0.1";
/** As the C library has it. */
const SERVERS_MAX = 3;
/** For a name server outside. */
export const PATIENCE: Millis = 10_000;

/** Header of a message, and its flags. RFC 1035 §4.1.1 */
const HEADER = 12;
const RESPONSE = 0x80;
const OPCODE_AND_RECURSION_DESIRED = 0x79;
const RECURSION_AVAILABLE = 0x80;
const SERVER_FAILURE = 2;
/** RFC 1035 §2.3.4 */
const LABEL_MAX = 63;
/** The end of a name, QTYPE and QCLASS. RFC 1035 §4.1.2 */
const QUESTION_END = 5;

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
 * Listens where name servers are outside, inside; what comes is asked there, and without an answer is told
 * so, as by any forwarder. One address each has been given to the loopback interface.
 *
 * @param ask is asked no message above MESSAGE_MAX
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
      const found = message.length > MESSAGE_MAX ? undefined : await ask(server, message);
      const answer = found ?? serverFailure(message);
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

/**
 * A name server's answer to what it has failed at, with the question by which a program knows it for one of
 * its own.
 *
 * @returns undefined for what is not to be answered
 */
export function serverFailure(query: Uint8Array): Uint8Array | undefined {
  if (query.length < HEADER || (query[2]! & RESPONSE) !== 0) return undefined;
  const end = endOfQuestion(query);
  const answer = Uint8Array.from(query.subarray(0, end ?? HEADER));
  answer[2] = RESPONSE | (query[2]! & OPCODE_AND_RECURSION_DESIRED);
  answer[3] = RECURSION_AVAILABLE | SERVER_FAILURE;
  answer.fill(0, 4, HEADER);
  answer[5] = end === undefined ? 0 : 1;
  return answer;
}

/** @returns undefined where there is not the one question that programs ask */
function endOfQuestion(query: Uint8Array): number | undefined {
  if (query[4] !== 0 || query[5] !== 1) return undefined;
  let at = HEADER;
  while (query[at] !== 0) {
    const label = query[at];
    if (label === undefined || label > LABEL_MAX) return undefined;
    at += 1 + label;
  }
  const end = at + QUESTION_END;
  return end <= query.length ? end : undefined;
}
