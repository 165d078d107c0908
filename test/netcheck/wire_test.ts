import assert from "node:assert/strict";
import test from "node:test";
import { ask, openWire } from "#src/netcheck/measure/wire.ts";

const LOOPBACK = 0x7f000001;

test("ask() hears what has come while this process could do nothing, however late that is", async () => {
  const [wire, other] = [await openWire(LOOPBACK), await openWire(LOOPBACK)];
  const question = () => other.send(Uint8Array.of(7), wire.local);
  const answer = ask(wire, question, (b) => b[0], [0, 20]);
  const end = performance.now() + 60;
  while (performance.now() < end);
  assert.equal((await answer)?.value, 7);
  await Promise.all([wire, other].map((it) => it.close()));
});
