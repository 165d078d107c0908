/**
 * What a local user can do to the status pages of a daemon, for so many rounds, and what comes of it:
 *
 *     http_flood.ts PORT PID ROUNDS
 *
 * prints the slowest answer to others meanwhile and the daemon's largest resident memory.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import process from "node:process";

const [port, pid, rounds] = process.argv.slice(2).map(Number) as [number, number, number];

const request = (target: string, rest = "") =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${rest}\r\n`;

/** What the clients say, over and over. None of them reads. */
const SAYINGS: readonly string[] = [
  request("/metrics").repeat(2000),
  request("/status").repeat(2000),
  request("/metrics", "Connection: keep-alive\r\n").repeat(2000),
  `POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${
    "ff\r\n".repeat(20_000)
  }`,
  `GET /metrics HTTP/1.1\r\n${"X: y\r\n".repeat(20_000)}`,
  "GET /metrics HTTP/1.1\r\nX: ",
];

/** Keeps a client there, whatever becomes of it. */
function client(text: string): { say(): void; end(): void } {
  let socket: Socket | undefined;
  let ended = false;
  const open = () => {
    if (ended) return;
    socket = connect({ port, host: "127.0.0.1" });
    socket.pause();
    socket.on("connect", () => socket?.write(text));
    socket.on("error", () => {});
    socket.on("close", open);
  };
  open();
  return {
    say: () => {
      // Half of the kernel's refusals only show in a second try; what is queued here is ours to bear.
      if (socket?.writable && socket.writableLength < 1e6) socket.write(text);
      if (socket !== undefined && socket.writableLength >= 1e6) socket.destroy();
    },
    end: () => {
      ended = true;
      socket?.destroy();
    },
  };
}

async function answerTime(path: string): Promise<number> {
  const start = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  await answer.text();
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
  return performance.now() - start;
}

function residentMegabytes(): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)![1]) / 1024;
}

const clients = Array.from({ length: 200 }, (_, i) => client(SAYINGS[i % SAYINGS.length]!));
let [slowest, largest] = [0, 0];
for (let round = 0; round < rounds; round++) {
  for (const each of clients) each.say();
  slowest = Math.max(slowest, await answerTime("/healthz"), await answerTime("/metrics"));
  largest = Math.max(largest, residentMegabytes());
}
for (const each of clients) each.end();
console.log(`slowest answer ${Math.round(slowest)} ms, largest memory ${Math.round(largest)} MB`);
process.exit(0);
