import assert from "node:assert/strict";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { ENTRY_LENGTH, TAPE_ENTRIES, Way } from "#src/datapath/recorder/entry.ts";
import { latestOf, type RecordedPackets } from "#src/datapath/recorder/packets.ts";
import { Stop, Tape, type TapeCopy } from "#src/datapath/recorder/tape.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { numbered } from "./numbered.ts";

const OPTIONS = { timeout: 600_000 };
/** Copies of a tape that is being written. */
const COPIES = 3_000;
/** Of so many copies one is looked at as a whole, of the others the oldest entries: these are overtaken. */
const WHOLE_EVERY = 25;
const OLDEST = 200;

/** All words of an entry's headers that say its number. */
function numbersIn(packets: RecordedPackets, i: number): Set<number> {
  const { address, local, headers } = packets.at(i);
  assert.equal(headers.length, 48);
  const words = Array.from({ length: 10 }, (_, k) => readU32(headers, 8 + 4 * k));
  return new Set([address, local, ...words]);
}

function sequences({ entries, count }: TapeCopy): number[] {
  const words = new Uint32Array(entries.buffer);
  return Array.from({ length: count }, (_, i) => words[i * ENTRY_LENGTH / 4]!);
}

test(
  "Tape.copy() while a thread writes as fast as it can has whole entries alone",
  OPTIONS,
  async () => {
    const tape = new Tape();
    const control = new Int32Array(new SharedArrayBuffer(4));
    const writer = new Worker(new URL("./writer.ts", import.meta.url), {
      workerData: { buffer: tape.buffer, control },
    });
    const ended = new Promise((resolve) => writer.once("exit", resolve));
    const expected = new Uint8Array(2048);
    let overtaken = 0;
    let last = -1;
    try {
      while (tape.copy().count < TAPE_ENTRIES / 2) await new Promise((next) => setTimeout(next, 1));
      for (let k = 0; k < COPIES; k++) {
        const copy = tape.copy();
        const order = sequences(copy);
        assert.ok(
          order.every((n, i) => i === 0 || n === order[i - 1]! + 1),
          "one behind the other",
        );
        if (copy.count < TAPE_ENTRIES / 2) overtaken++;
        if (copy.count > 0) {
          assert.ok(order.at(-1)! >= last, "the latest come last");
          last = order.at(-1)!;
        }
        const packets = latestOf([copy], TAPE_ENTRIES);
        let before = -1;
        const looked = k % WHOLE_EVERY === 0 ? packets.count : Math.min(packets.count, OLDEST);
        for (let i = 0; i < looked; i++) {
          const numbers = numbersIn(packets, i);
          assert.equal(numbers.size, 1, `entry ${i} of copy ${k} says ${[...numbers].join()}`);
          const [n] = numbers as Set<number>;
          const packet = packets.at(i);
          assert.equal(packet.length, numbered(expected, n!));
          assert.equal(packet.allLength, packet.length);
          assert.equal(packet.port, 1 + (n! % 60_000));
          assert.deepEqual(packet.headers, expected.slice(0, 48));
          const isSecond = packet.way === Way.ToUdp;
          if (i > 0) assert.equal(n, isSecond ? before : before + 1, "none is left out");
          before = n!;
        }
      }
    } finally {
      Atomics.store(control, 0, 1);
      await ended;
    }
    // Else nothing was tried: the writer has to have been at it meanwhile.
    assert.ok(last > COPIES * 10, `${last} entries in ${COPIES} copies`);
    assert.ok(overtaken < COPIES, `${overtaken} of ${COPIES} copies have next to nothing`);
  },
);

test("Tape.copy() of one that nothing was written to is empty", () => {
  assert.equal(new Tape().copy().count, 0);
});

test("Tape: a stop holds until it is released", () => {
  const tape = new Tape();
  const writer = new Tape(tape.buffer);
  assert.equal(tape.stopped, Stop.No);
  writer.stop(Stop.Drops);
  assert.equal(tape.stopped, Stop.Drops);
  tape.release();
  assert.equal(writer.stopped, Stop.No);
});

test("Tape.setClocks() gives the times of entries by the wall clock, the latest setting of it", () => {
  const tape = new Tape();
  tape.setClocks(1_000, 1_764_386_401_000);
  assert.equal(tape.copy().toWall, 1_764_386_400_000);
  tape.setClocks(2_000, 1_764_390_002_000);
  assert.equal(tape.copy().toWall, 1_764_390_000_000);
});
