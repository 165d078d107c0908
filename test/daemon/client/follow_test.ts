import assert from "node:assert/strict";
import test from "node:test";
import { followNetwork } from "#src/daemon/client/surroundings/follow.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";

test("followNetwork() goes on where the network cannot be looked at, tells it once, and looks again", async () => {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const changes = [true, false, false, false, true];
  const outcomes = ["ENOBUFS", "ENOBUFS", "", ""];
  let looks = 0;
  const seen = Promise.withResolvers<void>();
  // Where nothing signals, it is asked all the time.
  const end = followNetwork({ hasChanged: () => changes.shift() ?? false }, log, () => {
    const problem = outcomes[looks++];
    if (looks === outcomes.length) seen.resolve();
    if (problem !== "") throw new Error(problem);
  });
  await seen.promise;
  end();
  assert.equal(looks, 4, "twice in vain, once again, and at the next change");
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^level=error msg="Cannot look at the network" .*ENOBUFS/);
});
