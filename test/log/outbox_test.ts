import assert from "node:assert/strict";
import test from "node:test";
import { Outbox, type Output } from "#src/log/outbox.ts";

/** A reader that takes as many bytes as it is allowed to. */
class Reader implements Output {
  taken = "";
  closed = false;

  room: number;
  readonly #gone: boolean;

  constructor(room: number, gone = false) {
    this.room = room;
    this.#gone = gone;
  }

  write(bytes: Uint8Array): number {
    if (this.#gone) return -1;
    const length = Math.min(bytes.length, this.room);
    this.room -= length;
    this.taken += new TextDecoder().decode(bytes.subarray(0, length));
    return length;
  }

  wait(): boolean {
    return this.room > 0;
  }

  close(): void {
    this.closed = true;
  }
}

const message = (text: string) => new TextEncoder().encode(text);

test("Outbox hands over at once what is taken, and the rest in order", () => {
  const reader = new Reader(5);
  const outbox = new Outbox(reader);
  outbox.send(message("abc\n"));
  assert.equal(reader.taken, "abc\n");
  outbox.send(message("def\n"));
  outbox.send(message("ghi\n"));
  assert.equal(reader.taken, "abc\nd");
  reader.room = 100;
  outbox.send(message("jkl\n"));
  assert.equal(reader.taken, "abc\ndef\nghi\njkl\n");
  assert.equal(outbox.dropped, 0);
  outbox.close();
});

test("Outbox tries again by itself", async () => {
  const reader = new Reader(0);
  const outbox = new Outbox(reader);
  outbox.send(message("abc\n"));
  reader.room = 100;
  while (reader.taken !== "abc\n") await new Promise((resolve) => setTimeout(resolve, 5));
  outbox.close();
});

test("Outbox keeps 64 KiB, counts what is beyond, and says so once there is room", async () => {
  const reader = new Reader(0);
  const outbox = new Outbox(reader);
  const told: number[] = [];
  outbox.onRoom = (count) => told.push(count);
  for (let i = 0; i < 2000; i++) outbox.send(message(`${"x".repeat(99)}\n`));
  assert.equal(outbox.dropped, 2000 - 655);
  assert.deepEqual(told, []);
  reader.room = 1e9;
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(reader.taken.length, 65_500);
  assert.deepEqual(told, [2000 - 655]);
  outbox.send(message("more\n"));
  assert.deepEqual(told, [2000 - 655]);
  outbox.close();
});

test("Outbox counts what a reader that is gone did not get, and speaks of it to nobody", () => {
  const outbox = new Outbox(new Reader(0, true));
  outbox.onRoom = () => assert.fail("there is nobody to tell");
  for (let i = 0; i < 100; i++) outbox.send(message("abc\n"));
  assert.equal(outbox.dropped, 100);
  outbox.close();
});

test("Outbox.close() hands over the last words, and takes no more", () => {
  const reader = new Reader(0);
  const outbox = new Outbox(reader);
  outbox.send(message("last\n"));
  reader.room = 100;
  outbox.close();
  assert.equal(reader.taken, "last\n");
  assert.ok(reader.closed);
  outbox.send(message("later\n"));
  outbox.close();
  assert.equal(reader.taken, "last\n");
  assert.equal(outbox.dropped, 1);
});

test("Outbox.close() does not wait for a reader that is stuck", () => {
  const outbox = new Outbox(new Reader(0));
  outbox.send(message("last\n"));
  outbox.close();
});
