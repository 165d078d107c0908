import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Hono } from "hono";
import { type Listening, listenTcp, listenUnix } from "#src/status/listen.ts";
import { EVENTS_TYPE, formatEvent, Viewers } from "#src/status/viewers.ts";

const GET = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HELLO = formatEvent("hello", "{}", 7);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function appOf(viewers: Viewers): Hono {
  const app = new Hono();
  const headers = { "Content-Type": EVENTS_TYPE };
  app.get("/events", (c) => {
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    return viewers.isFull ? c.text("", 503) : c.body(viewers.open([HELLO]), 200, headers);
  });
  app.get("/healthz", (c) => c.text("ok"));
  return app;
}

/** A test on TCP and on a Unix socket. @param most viewers */
function withViewers(
  name: string,
  most: number,
  body: (open: (said?: string) => Client, viewers: Viewers) => Promise<void>,
): void {
  for (const kind of ["TCP", "Unix"] as const) {
    test(`${name} (${kind})`, { timeout: 600_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "teredo-viewers-"));
      const path = join(folder, "status.sock");
      const viewers = new Viewers(most);
      const app = appOf(viewers);
      const listening: Listening = kind === "TCP"
        ? await listenTcp(app, "127.0.0.1", 0)
        : await listenUnix(app, path);
      const where = kind === "TCP"
        ? { host: "127.0.0.1", port: Number(new URL(listening.url).port) }
        : { path };
      const clients: Client[] = [];
      try {
        await body((said = GET) => {
          clients.push(new Client(connect({ ...where, allowHalfOpen: true }), said, listening));
          return clients.at(-1)!;
        }, viewers);
      } finally {
        for (const { socket } of clients) socket.destroy();
        await listening.close();
        rmSync(folder, { recursive: true });
      }
      await until("all have left", () => viewers.count === 0);
    });
  }
}

class Client {
  readonly socket: Socket;
  readonly listening: Listening;
  text = "";
  isClosed = false;

  constructor(socket: Socket, said: string, listening: Listening) {
    this.socket = socket;
    this.listening = listening;
    socket.on("data", (data) => void (this.text += data));
    for (const event of ["end", "error", "close"]) {
      socket.on(event, () => void (this.isClosed = true));
    }
    socket.write(said);
  }

  get body(): string {
    return this.text.slice(this.text.indexOf("\r\n\r\n") + 4);
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 3_000 && !isSo(); i++) await pause(20);
  assert.ok(isSo(), what);
}

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

test("formatEvent() is one event of HTML's event streams", () => {
  assert.equal(text(HELLO), "event: hello\nid: 7\ndata: {}\n\n");
  assert.equal(text(formatEvent("x", "1")), "event: x\ndata: 1\n\n");
});

withViewers(
  "Viewers.tell() reaches all at once, each after what it was told first",
  3,
  async (open, viewers) => {
    const clients = [open(), open()];
    for (const client of clients) {
      await until("the first", () => client.body === text(HELLO));
      assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(client.text, /\r\ncontent-type: text\/event-stream\r\n/);
      assert.doesNotMatch(client.text, /content-length/);
    }
    for (let i = 0; i < 3; i++) {
      viewers.tell(formatEvent("more", String(i)));
      for (const client of clients) {
        await until("one more", () => client.body.endsWith(`event: more\ndata: ${i}\n\n`));
      }
    }
  },
);

withViewers(
  "Viewers.tell() closes who does not read, by what waits for it, and no other",
  3,
  async (open, viewers) => {
    const [stalled, reader] = [open(), open()];
    await until("both look on", () => viewers.count === 2);
    stalled.socket.pause();
    const much = formatEvent("much", "x".repeat(65_536));
    let told = 0;
    // More than the bound and all that two kernels take.
    for (; viewers.count === 2 && told < 400; told++) {
      viewers.tell(much);
      await until("the other reads", () => reader.text.length >= told * much.length);
    }
    assert.ok(told < 400, "it has been closed");
    assert.ok(told * much.length > 1_048_576, "but not before");
    await until("all of it", () => reader.body.length === HELLO.length + told * much.length);
    stalled.socket.resume();
    await until("it learns of it", () => stalled.isClosed);
    assert.ok(stalled.text.length < told * much.length);
    assert.equal(reader.isClosed, false);
  },
);

withViewers(
  "Viewers.open() refuses one too many, and takes the next when one has gone",
  2,
  async (open, viewers) => {
    const [first] = [open(), open()];
    await until("two look on", () => viewers.count === 2);
    const third = open();
    await until("the third is refused", () => third.isClosed);
    assert.match(third.text, /^HTTP\/1\.1 503 /);
    first!.socket.destroy();
    await until("one has gone", () => (viewers.tell(HELLO), viewers.count === 1));
    const fourth = open();
    await until("the fourth looks on", () => fourth.body === text(HELLO));
  },
);

withViewers(
  "serve() takes who closes its side for gone, whatever is told",
  2,
  async (open, viewers) => {
    const client = open();
    await until("it looks on", () => viewers.count === 1);
    client.socket.end();
    await until("it has gone", () => viewers.count === 0);
    await until("its end", () => client.isClosed);
    const early = open();
    early.socket.end();
    await until("its end too", () => early.isClosed);
    await until("it has gone", () => viewers.count === 0);
  },
);

withViewers("Viewers.end() ends all bodies", 2, async (open, viewers) => {
  const client = open();
  await until("it looks on", () => viewers.count === 1);
  viewers.tell(formatEvent("last", "1"));
  viewers.end();
  await until("its end", () => client.isClosed);
  assert.ok(client.body.endsWith("event: last\ndata: 1\n\n"));
});

withViewers("Listening.close() ends who looks on at once", 2, async (open, viewers) => {
  const [client, stalled] = [open(), open()];
  await until("two look on", () => viewers.count === 2);
  stalled.socket.pause();
  for (let i = 0; i < 8; i++) viewers.tell(formatEvent("much", "x".repeat(65_536)));
  await client.listening.close();
  await until("none looks on", () => viewers.count === 0);
  await until("its end", () => client.isClosed);
});

withViewers("serve() keeps who looks on, whoever crowds in", 2, async (open, viewers) => {
  const client = open();
  await until("it looks on", () => viewers.count === 1);
  const crowd = Array.from({ length: 100 }, () => open("GET /healthz HTTP/1.1\r\n"));
  await until(
    "a crowd, cut down to its bound",
    () => crowd.filter(({ isClosed }) => isClosed).length >= 36,
  );
  viewers.tell(formatEvent("still", "1"));
  await until("it is told more", () => client.body.endsWith("event: still\ndata: 1\n\n"));
});

withViewers("HEAD of a stream ends, and nobody looks on", 2, async (open, viewers) => {
  const client = open(GET.replace("GET", "HEAD"));
  await until("its end", () => client.isClosed);
  assert.match(client.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(client.body, "");
  assert.equal(viewers.count, 0);
});

test("Viewers send a comment now and then, as long as somebody looks on", async () => {
  const viewers = new Viewers(1, 10);
  const pieces = viewers.open([HELLO]).getReader();
  const read = async () => text((await pieces.read()).value!);
  assert.equal(await read(), text(HELLO));
  assert.equal(await read(), ":\n\n");
  assert.equal(await read(), ":\n\n");
  await pieces.cancel();
  assert.equal(viewers.count, 0);
});
