/**
 * What others can do to the status pages of a daemon, for so many rounds, and what comes of it:
 *
 *     http_flood.ts URL PID ROUNDS [TOKEN]
 *
 * prints the slowest answer to who may ask meanwhile, how many wrong tokens were answered, and the
 * daemon's largest resident memory. It fails where no answer comes for two minutes.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import process from "node:process";

const [url = "", pid = "", count = "", token = ""] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const PATIENCE = 600_000;

const request = (target: string, rest = "", method = "GET") =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${rest}\r\n`;
const right = token === "" ? "" : `Authorization: Bearer ${token}\r\n`;
const wrong = () => `Authorization: Bearer ${Math.random().toString(36).repeat(3)}\r\n`;

/** What the clients say, over and over. None of them reads. */
const SAYINGS: readonly string[] = [
  request("/metrics", right).repeat(2000),
  request("/status", right).repeat(2000),
  request("/metrics", `${right}Connection: keep-alive\r\n`).repeat(2000),
  `${request("/metrics", "Transfer-Encoding: chunked\r\n", "POST")}${"ff\r\n".repeat(20_000)}`,
  request("/metrics", "X: y\r\n".repeat(20_000)),
  request("/metrics", `X: ${"y".repeat(200_000)}\r\n`),
  `GET /metrics HTTP/1.1\r\nX: `,
  `${request("/login", "Content-Length: 4096\r\n", "POST")}token=`,
  request("/login", "Content-Length: 4096\r\n", "POST") + "token=x&".repeat(512),
  request("/", `Accept: text/html\r\n${wrong()}`),
  request("/", `Accept: text/html\r\n${right}`).repeat(100),
  request("/events", right),
];

/** Keeps a client there, whatever becomes of it. @param reads whether it takes its answers, and asks again */
function client(text: () => string, reads = false) {
  let socket: Socket | undefined;
  let ended = false;
  let answers = 0;
  const open = () => {
    if (ended) return;
    socket = connect({ port: Number(port), host: hostname.replace(/^\[|\]$/g, "") });
    if (!reads) socket.pause();
    socket.once("data", () => answers++);
    socket.on("connect", () => socket?.write(text()));
    socket.on("error", () => {});
    socket.on("close", open);
  };
  open();
  return {
    say: () => {
      // Half of the kernel's refusals only show in a second try; what is queued here is ours to bear.
      if (socket?.writable && socket.writableLength < 1e6) socket.write(text());
      if (socket !== undefined && socket.writableLength >= 1e6) socket.destroy();
    },
    end: () => {
      ended = true;
      socket?.destroy();
      return answers;
    },
  };
}

/** Who is slow to ask, on a machine that is, may have to make room, and asks again. */
async function answerTime(path: string): Promise<number> {
  const start = performance.now();
  const headers = token === "" ? {} : { Authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(PATIENCE);
  for (;;) {
    try {
      const answer = await fetch(`${url}${path}`, { headers, signal });
      await answer.text();
      if (answer.status === 200) return performance.now() - start;
      throw new RangeError(`${path}: ${answer.status}`);
    } catch (error) {
      if (signal.aborted || error instanceof RangeError) throw error;
    }
  }
}

function residentMegabytes(): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)![1]) / 1024;
}

const talkers = Array.from({ length: 200 }, (_, i) => client(() => SAYINGS[i % SAYINGS.length]!));
/** They say no more than a byte at a time. */
const slow = Array.from({ length: 100 }, () => client(() => "G"));
const guessers = token === ""
  ? []
  : Array.from({ length: 20 }, () => client(() => request("/status", wrong()), true));
let [slowest, largest] = [0, 0];
for (let round = 0; round < Number(count); round++) {
  for (const each of [...talkers, ...slow]) each.say();
  slowest = Math.max(slowest, await answerTime("/healthz"), await answerTime("/metrics"));
  largest = Math.max(largest, residentMegabytes());
}
for (const each of [...talkers, ...slow]) each.end();
const answers = guessers.map((each) => each.end()).reduce((a, b) => a + b, 0);
console.log(
  `slowest answer ${Math.round(slowest)} ms, ${answers} wrong tokens answered, largest memory ${
    Math.round(largest)
  } MB`,
);
process.exit(0);
