import assert from "node:assert/strict";
import test from "node:test";
import { ENTRIES_A_TURN } from "#src/datapath/peers/answers.ts";
import { PeerAsker } from "#src/datapath/peers/asker.ts";
import { NoAnswer } from "#src/datapath/peers/turns.ts";
import { MAX_ROWS, Question } from "#src/datapath/peers/questions.ts";
import { Drop } from "#src/protocol/drops.ts";
import { ANY_PEER, parsePeerQuery } from "#src/protocol/peers/query.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import { writeClient } from "#test/memory/crowd.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { data, HOST } from "#test/protocol/relay/lab.ts";
import { textOf, worker } from "./worker.ts";

const texts = (rows: readonly PeerRow[]) => rows.map(({ address }) => formatIpv6(address));
const query = (text: string) => parsePeerQuery(text)!;

test("PeerAsker.peers() tells all peers of a worker, page by page", async () => {
  const { asker } = worker(1_200);
  const told: string[] = [];
  let behind = 0;
  do {
    const { rows, next } = await asker.peers(ANY_PEER, behind, MAX_ROWS);
    assert.ok(rows.length <= MAX_ROWS);
    told.push(...texts(rows));
    behind = next;
  } while (behind !== 0);
  assert.deepEqual(told, Array.from({ length: 1_200 }, (_, i) => textOf(i)));
});

test("PeerAsker.peers() finds one among many, whoever asks for whom beside it", async () => {
  const { asker } = worker(10_000);
  const answers = await Promise.all([
    asker.peers(query(textOf(9_999)), 0, 10),
    asker.peers(query("11.0.0.7"), 0, 10),
    asker.peers(query("11.0.0.8/30"), 0, 10),
    asker.peers(query("203.0.113.1"), 0, 10),
    asker.peers(query("2001:db8::/32"), 0, 10),
  ]);
  assert.deepEqual(answers.map(({ rows }) => texts(rows)), [
    [textOf(9_999)],
    [textOf(7)],
    [8, 9, 10, 11].map(textOf),
    [],
    [],
  ]);
  assert.ok(answers.every(({ next }) => next === 0));
});

test("PeerAnswers looks at no more than its share in a turn, and waits between two", async () => {
  const peers = 3 * ENTRIES_A_TURN + 1;
  const { asker, turns, answers, questions, crowd } = worker(peers);
  assert.equal(answers.nextAt, Infinity);
  const { rows } = await asker.peers(query("11.0.24.0"), 0, 1);
  assert.deepEqual(texts(rows), [textOf(peers - 1)]);
  assert.equal(turns(), 4);
  questions.askPeers(ANY_PEER, 0, 1);
  const { nextAt } = answers;
  assert.ok(nextAt > crowd.now, "not in the turn after");
  answers.answer(() => crowd.now);
  assert.ok(!questions.isAnswered);
  answers.answer(() => nextAt);
  assert.ok(questions.isAnswered);
});

test("PeerAsker.fate() tells what the rules would do with a packet, and they do nothing", async () => {
  const { asker, crowd } = worker(3);
  const client = new Uint8Array(16);
  writeClient(client, 0, 1);
  const [address, port] = [0x0b000001, 1_025];
  const counters = crowd.counters.slice();
  const toClient = data(HOST, client, 0, 8);
  const fromClient = data(client, HOST, 0, 8);
  assert.equal(await asker.fate(Question.ToClient, toClient), Drop.None);
  assert.equal(
    await asker.fate(Question.ToClient, data("fe80::1", client, 0, 8)),
    Drop.SourceScope,
  );
  assert.equal(await asker.fate(Question.FromClient, fromClient, address, port), Drop.None);
  assert.equal(
    await asker.fate(Question.FromClient, fromClient, 0xc0a80001, port),
    Drop.SourceNotGlobal,
  );
  assert.deepEqual(crowd.counters, counters);
});

test("PeerAsker refuses more questions at once than it keeps, and answers those it took", async () => {
  const { asker } = worker(10);
  const asked = Array.from({ length: 40 }, () => asker.peers(ANY_PEER, 0, 1));
  const done = await Promise.allSettled(asked);
  const refused = done.filter(({ status }) => status === "rejected");
  assert.equal(refused.length, 8);
  assert.ok(refused.every((it) => (it as PromiseRejectedResult).reason instanceof NoAnswer));
  assert.equal((await asker.peers(ANY_PEER, 0, 1)).rows.length, 1);
});

test("PeerAsker gives up on a worker that is stuck, asks it nothing meanwhile, and goes on with it", async () => {
  const { questions, answers, crowd } = worker(10);
  let woken = 0;
  const asker = new PeerAsker(questions, () => woken++, 20);
  await assert.rejects(asker.peers(query(textOf(3)), 0, 1), NoAnswer);
  await assert.rejects(asker.peers(query(textOf(4)), 0, 1), NoAnswer);
  assert.equal(woken, 1, "what it may be reading is not written over");
  answers.answer(() => crowd.now); // the answer that came too late is nobody's
  const turning = setInterval(() => answers.answer(() => crowd.now += 10), 1);
  const later = new PeerAsker(questions, () => {});
  assert.deepEqual(texts((await later.peers(query(textOf(5)), 0, 1)).rows), [textOf(5)]);
  clearInterval(turning);
});
