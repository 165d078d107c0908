import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { RecordingPages } from "#src/daemon/recordings/pages.ts";
import { HistoryPages } from "#src/daemon/history/pages.ts";
import type { Client } from "#src/status/access/client.ts";
import { guard } from "#src/status/access/guard.ts";
import type { AccessRules } from "#src/status/access/rules.ts";
import { createStatus } from "#src/status/app.ts";
import { serve } from "#src/status/connection.ts";
import type { App } from "#src/status/listen.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { Clocks } from "#test/daemon/history/clocks.ts";
import { LOCKED, LOOPBACK, NETWORK, NONE, TOKEN, UNIX } from "#test/status/doors.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import type { Prng } from "#test/sim/prng.ts";
import type { Target } from "../engine/target.ts";
import { mutateParts } from "../inputs/lines.ts";

/** No answer is longer, whatever is asked. docs/limits.md */
const MOST_ANSWER = 2_200_000;
/** Who asks, and by which rules. */
const DOORS: readonly (readonly [Client, AccessRules])[] = [
  [LOOPBACK, NONE],
  [NETWORK, LOCKED],
  [NETWORK, { ...LOCKED, public: ["health", "metrics"], hosts: ["example.org"] }],
  [LOOPBACK, LOCKED],
  [UNIX, LOCKED],
  [NETWORK, NONE],
];

/** Of the first byte: the client waits a moment before it closes its side. */
const STAYS = 0x80;

const PATHS = ["/", "/healthz", "/readyz", "/metrics", "/status", "/history", "/events", "/login"]
  .concat(["/assets/style.css", "/recordings", "/recordings/1", "/recording.pcapng", "/nothing"])
  .concat(["/changes", "/peers", "/why?address=1", "/history?step=60&since=1", "/events?since=1"])
  .concat(["//metrics", "/%00", "/%", "/?a=%zz", "http://localhost/status", "*", "/\u00e9", "/a b"])
  .concat(["http://h:99999/", "http://[::1/", "//[", "//a:b@c/", "/..", "/\\", "/?sort=x&by=y"]);
const METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "get", ""];
const FIELDS = [
  "Host: localhost",
  "Host: 127.0.0.1:9545",
  "Host: example.org",
  "Host: evil",
  "Host:",
]
  .concat(["Accept: text/html,*/*;q=0.8", "Accept: */*", `Authorization: Bearer ${TOKEN}`])
  .concat([`Authorization: Bearer ${TOKEN.slice(1)}`, "Authorization: Basic YTpi", "Cookie: a=b"])
  .concat(["Cookie: teredo_relay=1.2", "X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https"])
  .concat([
    "Content-Length: 10",
    "Content-Length: 99999",
    "Content-Length: -1",
    "Expect: 100-continue",
  ])
  .concat([
    "Transfer-Encoding: chunked",
    "Last-Event-ID: 5",
    "Last-Event-ID: \u00e9",
    "User-Agent: curl",
  ])
  .concat([
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Mode: navigate",
    "If-None-Match: *",
    "Range: bytes=0-1",
  ])
  .concat([
    " folded",
    "no colon",
    "Bad Name: x",
    "X: \x01",
    "Accept-Language: de",
    "Origin: http://evil",
  ]);

const request = (path: string, ...fields: string[]) =>
  new TextEncoder().encode([`GET ${path} HTTP/1.1`, ...fields, "", ""].join("\r\n"));

/** What a client writes to the status pages' socket; before it one byte: who it is. */
export const target: Target = {
  name: "http",
  unit: 1,
  most: 2_048,
  seeds: () =>
    PATHS.flatMap((path, i) => {
      const asked = request(path, "Host: localhost", FIELDS[i % FIELDS.length]!);
      return [0, 1].map((door) => Uint8Array.of(door | (i & 1 ? STAYS : 0), ...asked));
    }),
  words: ["\r\n", "\n", "%00", "%ff", "..", "//", "?", "&", "=", "\t", "\0"].map((text) =>
    new TextEncoder().encode(text)
  ),
  mutate: (input, random) => {
    const changed = mutateParts(input.subarray(1), random, "\r\n", anyLine);
    const door = random.below(8) === 0 ? random.below(256) : input[0] ?? 0;
    return Uint8Array.of(door, ...changed);
  },
  open: () => {
    const doors = DOORS.map(([client, rules]) => [makePages(rules), client] as const);
    return (input) => {
      const [app, client] = doors[((input[0] ?? 0) & ~STAYS) % doors.length]!;
      return ask(app, client, input.subarray(1), ((input[0] ?? 0) & STAYS) !== 0);
    };
  },
};

function anyLine(random: Prng): string {
  const kind = random.below(6);
  if (kind === 0) {
    const method = random.pick(METHODS);
    return `${method} ${random.pick(PATHS)} HTTP/1.${random.pick(["1", "1", "0", "2", ""])}`;
  }
  if (kind === 1) return `token=${random.pick([TOKEN, "wrong", ""])}&next=${random.pick(PATHS)}`;
  return kind === 2 ? "" : random.pick(FIELDS);
}

/** As a daemon serves them that has come up, with what it tells by itself. */
function makePages(rules: AccessRules): App {
  const clocks = new Clocks("relay", 1_200);
  const history = new HistoryPages(clocks.history, () => clocks.snapshot);
  const recordings = new RecordingPages("relay");
  const open = { listening: ["0.0.0.0:3545"], interfaceName: "teredo" } as unknown as OpenRole;
  recordings.serve("teredo 1", open, { tapes: [new Tape()] } as unknown as Datapath)();
  const snapshot = sampleSnapshot();
  const pages = createStatus(
    () => snapshot,
    () => 0,
    { ...history.pages, ...recordings.pages },
    history.streams,
    (step) => history.document(step),
  );
  return guard(pages, { scope: "relay", rules: () => rules });
}

/** The client's end of a connection, which keeps what it is sent. */
class Connection extends Duplex {
  readonly parts: Buffer[] = [];
  length = 0;
  override _read(): void {}
  override _write(bytes: Buffer, _: unknown, done: () => void): void {
    this.parts.push(bytes);
    this.length += bytes.length;
    done();
  }
}

async function ask(app: App, client: Client, bytes: Uint8Array, stays: boolean): Promise<void> {
  const connection = new Connection({ allowHalfOpen: true });
  const ended = new Promise<void>((resolve) => connection.once("close", resolve));
  serve(connection as unknown as Socket, ({ method, target, headers, body }) => {
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    return app.fetch(new Request(`http://localhost${target}`, init), client);
  });
  connection.on("finish", () => connection.destroy());
  // In two pieces. What a listener throws would end the daemon: here it is thrown to who looks.
  const half = bytes.length >> 1;
  for (const piece of [bytes.subarray(0, half), bytes.subarray(half)]) {
    if (piece.length > 0) connection.emit("data", Buffer.from(piece));
  }
  if (stays) await new Promise((resolve) => setImmediate(resolve));
  Object.defineProperty(connection, "readableEnded", { value: true });
  connection.emit("end");
  await ended;
  const answer = Buffer.concat(connection.parts);
  if (answer.length > 0) checkAnswer(answer, client, bytes);
}

const STATUS = /^HTTP\/1\.1 (\d{3}) /;

function checkAnswer(answer: Buffer, client: Client, asked: Uint8Array): void {
  const text = answer.toString("latin1");
  const status = Number(STATUS.exec(text)?.[1] ?? assert.fail(`no status: ${text.slice(0, 80)}`));
  // So many files of recordings are given out within some seconds: more are asked to come later.
  const isBusy = status === 503 && Buffer.from(asked).includes(".pcapng");
  assert.ok(status >= 200 && (status <= 499 || isBusy), text.slice(0, 400));
  assert.ok(answer.length < MOST_ANSWER, `${answer.length} bytes`);
  const end = text.indexOf("\r\n\r\n");
  assert.ok(end > 0, "a head without an end");
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) assert.equal(answer.length - end - 4, Number(length));
  // Whoever writes a field of the answer could write another answer.
  assert.doesNotMatch(head.replaceAll("\r\n", ""), /[\r\n\0]/);
  // Nobody is told the token, but who has sent it may see it where he sent it.
  const request = Buffer.from(asked).toString("latin1");
  if (!request.includes(TOKEN)) assert.ok(!text.includes(TOKEN), "the token is told");
  const isOpen = client.way !== "network" || request.includes(TOKEN);
  if (!isOpen) assert.ok(!/teredo_peers|"peers"/.test(text) || / \/metrics/.test(request));
}
