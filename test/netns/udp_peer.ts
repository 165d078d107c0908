import { createSocket } from "node:dgram";
import { once } from "node:events";

/**
 * A program of its own, run inside a namespace: a Teredo client that asks nobody.
 *
 *     FROM-ADDRESS FROM-PORT TO-ADDRESS TO-PORT HEX... [until REGEX]
 *
 * Sends each payload, one a second, and answers every bubble with one to its source. Prints
 * `ADDRESS:PORT HEX` for each datagram that comes, until two seconds after the last one sent, or until
 * one comes whose line matches.
 */
const [from, fromPort, to, toPort, ...rest] = process.argv.slice(2);
const hasUntil = rest.at(-2) === "until";
const payloads = hasUntil ? rest.slice(0, -2) : rest;
const wanted = hasUntil ? new RegExp(rest.at(-1)!) : undefined;
const socket = createSocket("udp4");
socket.bind({ address: from!, port: Number(fromPort) });
await once(socket, "listening");

const NO_NEXT_HEADER = 59;

socket.on("message", (packet, { address, port }) => {
  const line = `${address}:${port} ${packet.toString("hex")}`;
  console.log(line);
  if (wanted?.test(line)) process.exit();
  if (packet.length !== 40 || packet[6] !== NO_NEXT_HEADER) return;
  const answer = Buffer.concat([
    packet.subarray(0, 8),
    packet.subarray(24),
    packet.subarray(8, 24),
  ]);
  socket.send(answer, port, address);
});

for (const payload of payloads) {
  socket.send(Buffer.from(payload, "hex"), Number(toPort), to);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}
setTimeout(() => socket.close(), 1_000);
