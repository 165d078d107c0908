import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { encode } from "#src/daemon/history/form.ts";
import { History } from "#src/daemon/history/mod.ts";
import { bootClock } from "#src/daemon/history/wall_time.ts";
import { hostOf } from "#src/daemon/host/mod.ts";
import type { HistoryDocument, SnapshotEvent } from "#src/status/history_document.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { start } from "./run.ts";

/** What a real daemon remembers and tells, on all its sockets, and over a restart. */

const VIEWERS = 32;
const PORTS = { relay: 9545, server: 9544 } as const;
type Role = keyof typeof PORTS;

interface Where {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
}

interface Event {
  readonly event: string;
  readonly id: number;
  readonly data: SnapshotEvent & HistoryDocument;
}

/** One that looks on. */
class Viewer {
  readonly response: IncomingMessage;
  readonly events: Event[] = [];
  isEnded = false;
  #text = "";

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#take(text));
    for (const end of ["end", "close", "error"]) {
      response.on(end, () => void (this.isEnded = true));
    }
  }

  static async open(where: Where, path = "/events", headers = {}): Promise<Viewer> {
    return new Viewer(await answerOf(where, path, headers));
  }

  get last(): Event {
    return this.events.at(-1)!;
  }

  #take(text: string): void {
    const parts = (this.#text + text).split("\n\n");
    this.#text = parts.pop()!;
    for (const part of parts) {
      const found = /^event: (\w+)\nid: (\d+)\ndata: (.*)$/.exec(part);
      if (found === null) continue;
      const [, event, id, data] = found as unknown as [string, string, string, string];
      this.events.push({ event, id: Number(id), data: JSON.parse(data) });
    }
  }
}

function answerOf(where: Where, path: string, headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ ...where, path, headers, agent: false }, resolve).on("error", reject);
  });
}

async function ask<T>(where: Where, path: string): Promise<T> {
  const response = await answerOf(where, path);
  response.setEncoding("utf8");
  let text = "";
  for await (const piece of response) text += piece;
  return JSON.parse(text);
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(what);
}

class Daemon {
  readonly role: Role;
  readonly folder: string;
  readonly where: Readonly<Record<"tcp" | "unix" | "control", Where>>;
  log = "";
  #process: ChildProcess | undefined;

  constructor(role: Role) {
    this.role = role;
    this.folder = mkdtempSync(join(tmpdir(), "teredo-history-"));
    mkdirSync(join(this.folder, "run"), { mode: 0o755 });
    const socketPath = join(this.folder, "status");
    this.where = {
      tcp: { host: "127.0.0.1", port: PORTS[role] },
      unix: { socketPath },
      control: { socketPath: join(this.folder, "run", "control") },
    };
    const bind = role === "server" ? "bind_address = 198.51.100.1\n" : "drain_time = 0\n";
    writeFileSync(this.config, `[${role}]\n${bind}[status]\nsocket = ${socketPath}\n`);
  }

  get config(): string {
    return join(this.folder, "teredo.ini");
  }

  get file(): string {
    return join(this.folder, "run", "history");
  }

  async start(): Promise<void> {
    this.log = "";
    const env = { RUNTIME_DIRECTORY: join(this.folder, "run") };
    const daemon = start([this.role, "-c", this.config], env);
    this.#process = daemon;
    daemon.stderr.on("data", (text) => this.log += text);
    await until("it is ready", () => {
      assert.equal(daemon.exitCode, null, this.log);
      return this.log.includes("msg=Ready");
    });
  }

  /** @returns its exit status, or the signal */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<unknown> {
    const ended = once(this.#process!, "exit");
    // By its number: Deno takes one that it sent a signal to for killed by it.
    process.kill(this.#process!.pid!, signal);
    const [status, by] = await ended;
    return status ?? by;
  }

  history(query = ""): Promise<HistoryDocument> {
    return ask(this.where.tcp, `/history${query}`);
  }

  /** Until it has so many rows by the second. */
  rows(count: number): Promise<void> {
    return until(`${count} rows`, async () => (await this.history()).count >= count);
  }

  /** The next one needs its port and its interface. */
  async remove(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      await this.end("SIGKILL");
    }
    rmSync(this.folder, { recursive: true });
  }
}

function withDaemon(name: string, roles: readonly Role[], body: (it: Daemon) => Promise<void>) {
  for (const role of roles) {
    test(`${name} (${role})`, { timeout: 600_000 }, async () => {
      const daemon = new Daemon(role);
      try {
        await daemon.start();
        await body(daemon);
      } finally {
        await daemon.remove();
      }
    });
  }
}

const BOTH = ["relay", "server"] as const;

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip link add eth0 type veth peer name eth1");
  sh("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
  sh("sysctl -qw net.ipv6.conf.all.forwarding=1");
  for (const address of [1, 2]) sh(`ip addr add 198.51.100.${address}/24 dev eth0`);
  sh("ip link set eth0 up");
  sh("ip link set eth1 up");

  withDaemon("events come each second, the same by every socket", BOTH, async ({ where }) => {
    const viewers = [];
    for (const it of Object.values(where)) viewers.push(await Viewer.open(it));
    for (const viewer of viewers) {
      assert.equal(viewer.response.statusCode, 200);
      assert.equal(viewer.response.headers["content-type"], "text/event-stream");
      await until("events", () => viewer.events.length >= 4 && viewer.last.data.row.cpu! > 0);
      const ids = viewer.events.map(({ id }) => id);
      // No second is left out, unless nobody knows what passed in it.
      const isNext = ({ id, data }: Event, i: number) =>
        i === 0 || id - ids[i - 1]! <= 1 || data.row.cpu === undefined;
      assert.ok(viewer.events.every(isNext), ids.join());
      assert.ok(ids.every((id, i) => i === 0 || id >= ids[i - 1]!), ids.join());
      for (const { event, id, data } of viewer.events) {
        assert.equal(event, "snapshot");
        assert.equal(id, data.time);
        assert.deepEqual(problemsOf(data, "snapshot_event"), []);
        assert.ok(Math.abs(id - Date.now() / 1000) < 100);
      }
      const { state, row } = viewer.last.data;
      assert.match(state.sentence, /^(Ready|Not ready)( for \d+ \w+)?(, .*)?(: .*)?$/);
      assert.ok(row.cpu! > 0 && row.bits_up === 0);
    }
    const [a, b, c] = viewers.map((it) => new Map(it.events.map((event) => [event.id, event])));
    const common = [...a!.keys()].filter((id) => b!.has(id) && c!.has(id)).slice(1);
    assert.ok(common.length > 0);
    for (const id of common) {
      assert.deepEqual(b!.get(id), a!.get(id));
      assert.deepEqual(c!.get(id), a!.get(id));
    }
    for (const { response } of viewers) response.destroy();
  });

  withDaemon("who comes back is told what it missed", ["relay"], async ({ where }) => {
    const first = await Viewer.open(where.tcp);
    await until("a row", () => first.events.at(-1)?.data.row.cpu !== undefined);
    first.response.destroy();
    const seen = first.last.id;
    await until("some rows more", async () => {
      const { from, count } = await ask<HistoryDocument>(where.tcp, "/history");
      return from + count - 1 >= seen + 3;
    });
    const back = await Viewer.open(where.unix, "/events", { "Last-Event-ID": String(seen) });
    await until("both events", () => back.events.length >= 2);
    const [{ event, data }, next] = back.events as [Event, Event];
    assert.equal(event, "history");
    assert.deepEqual(problemsOf(data, "history"), []);
    assert.ok(data.from <= seen + 1 && data.from + data.count - 1 >= seen + 3);
    assert.equal(next.event, "snapshot");
    assert.equal(next.id, data.from + data.count - 1, "no second is left out");
    back.response.destroy();
  });

  withDaemon(
    "32 look on, the next comes later, and all end with the daemon",
    BOTH,
    async (daemon) => {
      const { tcp, unix, control } = daemon.where;
      const viewers: Viewer[] = [];
      const open = async (where: Where) => viewers.push(await Viewer.open(where));
      for (let i = 0; i < VIEWERS; i++) await open([tcp, unix, control][i % 3]!);
      for (const where of [tcp, unix, control]) {
        const refused = await answerOf(where, "/events");
        assert.equal(refused.statusCode, 503);
        assert.match(refused.headers["retry-after"]!, /^\d+$/);
        refused.resume();
        assert.equal((await ask<{ healthy: boolean }>(where, "/healthz")).healthy, true);
      }
      viewers.shift()!.response.destroy();
      await until("there is room again", async () => {
        const answer = await answerOf(tcp, "/events");
        if (answer.statusCode === 200) return viewers.push(new Viewer(answer)) > 0;
        answer.resume();
        return false;
      });
      // One of them does not read any more.
      viewers[1]!.response.pause();
      assert.equal(await daemon.end(), 0, daemon.log);
      viewers[1]!.response.resume();
      for (const viewer of viewers) await until("its end", () => viewer.isEnded);
      assert.match(daemon.log, /msg=Ended\n$/);
    },
  );

  withDaemon(
    "a history goes on over a restart, with a gap and what happened",
    BOTH,
    async (daemon) => {
      await daemon.rows(3);
      const before = await daemon.history();
      const { since } = socketsOf(await status(daemon));
      assert.equal(await daemon.end(), 0, daemon.log);
      assert.ok(readFileSync(daemon.file).length > 1_000);
      await daemon.start();
      const { from } = before;
      await until("rows of the new one", async () => {
        const { cpu } = (await daemon.history()).series;
        return cpu!.includes(null) && cpu!.at(-1) !== null;
      });
      const after = await daemon.history();
      assert.equal(after.from, from);
      assert.deepEqual(after.series.cpu!.slice(0, before.count), before.series.cpu);
      const kinds = after.changes.map(({ kind }) => kind).filter((it) =>
        /^(started|ending)$/.test(it)
      );
      assert.deepEqual(kinds, ["started", "ending", "started"]);
      const now = await status(daemon);
      // Of two processes that each look at two clocks.
      const apart = Date.parse(socketsOf(now).since) - Date.parse(since);
      assert.ok(Math.abs(apart) < 1_000, `${apart} ms`);
      assert.deepEqual(now.changes, after.changes);
      assert.deepEqual(problemsOf(now), []);
    },
  );

  withDaemon(
    "a history that is damaged, or of one that was killed, begins anew",
    ["server"],
    async (daemon) => {
      await daemon.rows(2);
      assert.equal(await daemon.end(), 0, daemon.log);
      const bytes = readFileSync(daemon.file);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(daemon.file, bytes);
      await daemon.start();
      assert.match(
        daemon.log,
        /level=warn msg="History not taken over" path=\S+ problem="the file is damaged"/,
      );
      const { warnings } = await status(daemon);
      assert.ok(warnings.some(({ text }) => text.startsWith("History not taken over")));
      await daemon.rows(2);
      const { from } = await daemon.history();
      assert.equal(await daemon.end("SIGKILL"), "SIGKILL");
      await daemon.start();
      assert.doesNotMatch(daemon.log, /History/);
      await daemon.rows(1);
      assert.ok((await daemon.history()).from > from);
    },
  );

  test(
    "who does not read what it missed is closed, and others are told",
    { timeout: 600_000 },
    async () => {
      const daemon = new Daemon("relay");
      try {
        writeFileSync(daemon.file, await busiest(), { mode: 0o600 });
        await daemon.start();
        const { unix } = daemon.where;
        const stalled = connect(unix.socketPath!);
        stalled.pause();
        stalled.write("GET /events?since=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const reader = await Viewer.open(unix, "/events?since=0");
        await until("all it missed", () => reader.events.length > 1);
        assert.equal(reader.events[0]!.event, "history");
        assert.ok(
          JSON.stringify(reader.events[0]!.data).length > 300_000,
          "more than a socket takes",
        );
        const others: Viewer[] = [];
        for (let i = 2; i < VIEWERS; i++) others.push(await Viewer.open(unix));
        await until("it is closed, and somebody has its place", async () => {
          const answer = await answerOf(unix, "/events");
          if (answer.statusCode === 200) return others.push(new Viewer(answer)) > 0;
          answer.resume();
          return false;
        });
        assert.ok(others.every(({ isEnded }) => !isEnded));
        const count = reader.events.length;
        await until("more is told", () => reader.events.length > count);
        reader.response.destroy();
        stalled.destroy();
        assert.equal(await daemon.end(), 0, daemon.log);
      } finally {
        await daemon.remove();
      }
    },
  );
}, 600_000);

interface Status {
  readonly checks: readonly { readonly name: string; readonly since: string }[];
  readonly changes: readonly unknown[];
  readonly warnings: readonly { readonly text: string }[];
  readonly process: { readonly open_fds?: number };
}

const socketsOf = ({ checks }: Status) => checks.find(({ name }) => name === "sockets")!;
const status = ({ where }: Daemon): Promise<Status> => ask(where.tcp, "/status");

/** What a relay leaves that had drops of all kinds in each of the last 900 seconds. */
async function busiest(): Promise<Uint8Array> {
  const libc = await openLibc();
  const now = bootClock(libc)();
  let at = now - 905_000;
  const history = new History("relay", () => at);
  let snapshot = sampleSnapshot();
  for (; at < now; at += 1_000) {
    const drops = Object.entries(snapshot.drops).map(([name, n]) => [name, n + 1_234_567]);
    snapshot = { ...snapshot, drops: Object.fromEntries(drops) };
    history.look(snapshot);
  }
  at = now;
  return Buffer.concat(encode(history, hostOf(libc).instance()!));
}
