import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import test from "node:test";
import { Answering } from "#src/daemon/client/apart/answering.ts";
import { errandsBy } from "#src/daemon/client/apart/inside.ts";
import { Questions } from "#src/daemon/client/apart/questions.ts";
import { PATIENCE, serveNames, serverFailure } from "#src/daemon/client/apart/resolver.ts";
import {
  type Answered,
  LINE_MAX,
  MESSAGE_MAX,
  type Question,
  readQuestion,
  write,
} from "#src/daemon/client/apart/words.ts";
import { RETRIES, ServerNames } from "#src/daemon/client/servers/names.ts";
import { FakeClock } from "./fake_clock.ts";

/** What is asked inside, of somebody who says nothing by himself. */
function inside() {
  const clock = new FakeClock();
  const asked: Question[] = [];
  const questions = new Questions(clock, (question) => asked.push(question) > 0);
  return { clock, asked, questions };
}

const DNS = { server: "192.0.2.53", dns: "AAAA" };
const TOO_MANY = "too many at once";
const SILENT = "whoever is outside does not answer";

/** @returns why there was no answer, as far as that is known */
function problems(answers: readonly Promise<Answered>[]): (string | undefined)[] {
  const found: (string | undefined)[] = answers.map(() => undefined);
  answers.forEach((it, i) =>
    void it.then((answer) => found[i] = "problem" in answer ? answer.problem : "")
  );
  return found;
}

test("ServerNames: a name that nobody outside answers for is asked for again", async () => {
  const { clock, asked, questions } = inside();
  const failed: string[] = [];
  const names = new ServerNames(
    {
      clock,
      lookUp: errandsBy((wanted) => questions.ask(wanted)).lookUp,
      changed: () => {},
      failed: (host, problem) => failed.push(`${host}: ${problem}`),
      answered: () => {},
    },
    [{ host: "a.test", secondary: undefined }],
    new Map(),
  );
  void names.ask();
  // resolv.conf(5): three name servers, asked twice for 5 s each, may all be silent.
  await clock.pass(30_000);
  assert.deepEqual(failed, []);
  await clock.pass(10_000);
  assert.deepEqual(failed, [`a.test: ${SILENT}`]);
  await clock.pass(RETRIES[0]!);
  assert.deepEqual(asked.map((it) => "lookUp" in it && it.lookUp), ["a.test", "a.test"]);
  names.close();
});

test("Questions: one to a name server ends after the patience outside, and makes room", async () => {
  const { clock, asked, questions } = inside();
  const ask = () => Array.from({ length: 257 }, () => questions.ask(DNS));
  const first = problems(ask());
  await clock.pass(PATIENCE);
  assert.deepEqual(first, [...Array(256).fill(undefined), TOO_MANY]);
  await clock.pass(2_000);
  assert.deepEqual(first, [...Array(256).fill(SILENT), TOO_MANY]);
  questions.hear({ id: asked[0]!.id, dns: "late" });
  const second = problems(ask());
  for (const { id } of asked.slice(256)) questions.hear({ id, dns: "AAAA" });
  await clock.pass(3_600_000);
  assert.deepEqual(second, [...Array(256).fill(""), TOO_MANY]);
  assert.equal(asked.length, 512);
});

test("Questions: those of a command take no room from those for names", async () => {
  const { clock, asked, questions } = inside();
  for (let i = 0; i < 1_000; i++) void questions.ask(DNS);
  void questions.ask({ lookUp: "a.test" });
  await clock.pass(0);
  assert.ok("lookUp" in asked.at(-1)!);
});

test("Questions: without anybody outside there is an answer at once", async () => {
  const questions = new Questions(new FakeClock(), () => false);
  for (let i = 0; i < 1_000; i++) {
    const answer = await questions.ask(DNS);
    assert.ok("problem" in answer && answer.problem.endsWith("gone"));
  }
});

/** Whoever answers outside, what he is told to find, and what he tells. */
function outside() {
  const told: Answered[] = [];
  const found: { readonly question: Question; end(answer: Answered): void; fail(): void }[] = [];
  let running = 0;
  const answering = new Answering({
    find: (question) => {
      const { promise, resolve, reject } = Promise.withResolvers<Answered>();
      found.push({ question, end: resolve, fail: () => reject(new Error("no")) });
      return promise;
    },
    tell: (answer) => told.push(answer),
    runs: () => running++,
  });
  return { answering, told, found, running: () => running };
}

const LOOK_UP = write({ id: 9_999, lookUp: "teredo.example" });
const question = (id: number) => write({ id, ...DNS });

test("Answering: each of 1,500 questions at once is taken or refused, and names are looked up", () => {
  const { answering, told, found } = outside();
  answering.take(Array.from({ length: 1_500 }, (_, id) => question(id)).join("") + LOOK_UP);
  assert.equal(found.length, 257);
  assert.deepEqual(found.at(-1)!.question, JSON.parse(LOOK_UP));
  const refused = Array.from({ length: 1_500 - 256 }, (_, i) => ({
    id: 256 + i,
    problem: TOO_MANY,
  }));
  assert.deepEqual(told, refused);
});

test("Answering: what has been answered, in whatever way, makes room", async () => {
  const { answering, told, found } = outside();
  for (let id = 0; id < 256; id++) answering.take(question(id));
  found[0]!.end({ id: 0, dns: "AAAA" });
  found[1]!.fail();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(told.splice(0), [{ id: 0, dns: "AAAA" }, { id: 1, problem: "Error: no" }]);
  for (let id = 256; id < 259; id++) answering.take(question(id));
  assert.equal(found.length, 258);
  assert.deepEqual(told, [{ id: 258, problem: TOO_MANY }]);
});

const LONG = write({ id: 1, ...DNS, dns: "A".repeat(LINE_MAX) });

for (const size of [1, 100, LINE_MAX, LONG.length + 10, 100_000]) {
  test(`Answering: too long a line, in pieces of ${size}, takes nothing else with it`, () => {
    const { answering, told, found, running } = outside();
    const text = question(0) + LONG + LOOK_UP + LONG.repeat(3) + write({ isRunning: true });
    for (let at = 0; at < text.length; at += size) answering.take(text.slice(at, at + size));
    assert.deepEqual(found.map(({ question: { id } }) => id), [0, 9_999]);
    assert.equal(running(), 1);
    assert.deepEqual(told, []);
  });
}

test("Answering: a question of no form is refused by its number", () => {
  const { answering, told, found } = outside();
  answering.take('{"id":7,"lookUp":"a test"}\n{"id":8}\n{"id":"9"}\nnonsense\n' + LOOK_UP);
  assert.deepEqual(told.map(({ id }) => id), [7, 8]);
  assert.equal(found.length, 1);
});

test("a message of MESSAGE_MAX bytes is on a line that is read outside, whatever is around it", () => {
  const dns = Buffer.alloc(MESSAGE_MAX, 255).toString("base64");
  const largest = { id: Number.MAX_SAFE_INTEGER, server: "255.255.255.255", dns };
  assert.ok(write(largest).length <= LINE_MAX);
  assert.deepEqual(readQuestion(write(largest)), largest);
});

/** RFC 1035 §4.1: AAAA of `a.test`, with RD, and an OPT record behind it (RFC 6891 §6.1.2). */
const HEADER = [0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
const NAME = [1, 97, 4, 116, 101, 115, 116, 0, 0, 28, 0, 1];
const QUERY = Uint8Array.of(...HEADER, ...NAME, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0);
const FAILURE = [0xbe, 0xef, 0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0, ...NAME];
const NO_QUESTION = [0xbe, 0xef, 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 0];

test("serverFailure: SERVFAIL with the question", () => {
  assert.deepEqual([...serverFailure(QUERY)!], FAILURE);
  assert.deepEqual([...serverFailure(Buffer.from(QUERY))!], FAILURE);
  assert.equal(QUERY[2], 1, "the query stays as it is");
});

const WITHOUT: readonly (readonly [name: string, query: readonly number[]])[] = [
  ["none", [...HEADER.slice(0, 5), 0, ...HEADER.slice(6)]],
  ["two", [...HEADER.slice(0, 5), 2, ...HEADER.slice(6), ...NAME, ...NAME]],
  ["one that ends early", [...HEADER, ...NAME.slice(0, -1)]],
  ["a name that ends early", [...HEADER, ...NAME.slice(0, 4)]],
  ["a pointer", [...HEADER, 0xc0, 12, 0, 28, 0, 1]],
];

for (const [name, query] of WITHOUT) {
  test(`serverFailure: where the question is ${name}, SERVFAIL alone`, () => {
    assert.deepEqual([...serverFailure(Uint8Array.from(query))!], NO_QUESTION);
  });
}

test("serverFailure: nothing for less than a header, nor for an answer", () => {
  assert.equal(serverFailure(QUERY.subarray(0, 11)), undefined);
  assert.equal(serverFailure(Uint8Array.from(FAILURE)), undefined);
});

/** @returns the port that it has */
function bind(socket: Socket, address: string): Promise<number> {
  return new Promise((resolve) => socket.bind(0, address, () => resolve(socket.address().port)));
}

/** Asks a server of names inside. */
async function askServed(
  ask: (server: string, message: Uint8Array) => Promise<Uint8Array | undefined>,
  message: Uint8Array,
): Promise<Uint8Array> {
  const free = createSocket("udp4");
  const port = await bind(free, "127.0.0.1");
  await new Promise<void>((resolve) => free.close(resolve));
  const close = await serveNames(["127.0.0.1"], ask, port);
  const program = createSocket("udp4");
  try {
    await bind(program, "127.0.0.1");
    const answer = new Promise<Uint8Array>((resolve) => program.once("message", resolve));
    program.send(message, port, "127.0.0.1");
    return await answer;
  } finally {
    program.close();
    close();
  }
}

/** The query, and zeros behind it. */
function padded(length: number): Uint8Array {
  const message = new Uint8Array(length);
  message.set(QUERY);
  return message;
}

test("serveNames: what nobody outside has answered is answered with SERVFAIL", async () => {
  const answer = await askServed(() => Promise.resolve(undefined), QUERY);
  assert.deepEqual([...answer], FAILURE);
});

test("serveNames: a message that is too large to be asked outside is refused, and no other", async () => {
  let asked = 0;
  const ask = (_: string, message: Uint8Array) => {
    asked++;
    return Promise.resolve(message.subarray(0, 5));
  };
  assert.deepEqual([...await askServed(ask, padded(MESSAGE_MAX + 1))], FAILURE);
  assert.equal(asked, 0);
  assert.deepEqual([...await askServed(ask, padded(MESSAGE_MAX))], [...QUERY.subarray(0, 5)]);
});
