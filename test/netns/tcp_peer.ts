import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * A program of its own, run inside a namespace.
 *
 *     serve ADDRESS PORT          sends back to each who connects what it has read, once that has ended
 *     exchange ADDRESS PORT SIZE  sends SIZE bytes, reads them back, exit status 0 if they are the same
 *     echo ADDRESS PORT           sends back at once what it reads
 *     talk ADDRESS PORT           sends a line ten times a second over one connection, and prints each
 *                                 that comes back; exit status 1 when it ends
 */
const TALK_EVERY_MS = 100;

const [mode, address, port, size] = process.argv.slice(2);

/** Bytes that differ from place to place, so that a lost or doubled segment shows. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

async function exchange(): Promise<boolean> {
  const sent = pattern(Number(size));
  const socket = connect({ host: address!, port: Number(port), allowHalfOpen: true });
  await once(socket, "connect");
  const answer = readAll(socket);
  socket.end(sent);
  const got = await answer;
  console.log(`${got.length} bytes came back`);
  return got.equals(sent);
}

/** One line after the other, each as soon as its time has come, until killed. */
async function talk(): Promise<void> {
  const socket = connect({ host: address!, port: Number(port), noDelay: true });
  socket.setEncoding("utf8");
  let said = 0;
  await once(socket, "connect");
  setInterval(() => socket.write(`${said++}\n`), TALK_EVERY_MS);
  let heard = "";
  socket.on("data", (text: string) => {
    const lines = (heard + text).split("\n");
    heard = lines.pop()!;
    for (const line of lines) console.log(`heard ${line}`);
  });
  await once(socket, "close");
}

if (mode === "talk") {
  await talk().catch((error) => console.log(String(error)));
  process.exit(1);
} else if (mode === "echo") {
  const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  server.listen(Number(port), address, () => console.log("listening"));
} else if (mode === "serve") {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on("error", () => {});
    socket.end(await readAll(socket));
  });
  server.listen(Number(port), address, () => console.log("listening"));
} else {
  process.exit(await exchange() ? 0 : 1);
}
