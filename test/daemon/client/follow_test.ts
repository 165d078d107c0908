import assert from "node:assert/strict";
import test from "node:test";
import { followNetwork } from "#src/daemon/client/surroundings/follow.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";

test("followNetwork() goes on where the network cannot be looked at, tells it once, and looks again", async () => {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const outcomes = ["ENOBUFS", "ENOBUFS", "", ""];
  let isNews = true;
  let looks = 0;
  const seen = Promise.withResolvers<void>();
  // Where nothing signals, it is asked all the time.
  const look = () => {
    const problem = outcomes[looks++];
    isNews = looks === 3;
    if (looks === outcomes.length) seen.resolve();
    if (problem !== "") throw new Error(problem);
  };
  const watch = { hasChanged: () => isNews };
  const end = followNetwork(watch, log, look, () => false);
  await seen.promise;
  end();
  assert.equal(
    looks,
    4,
    "at a change, twice more for the first was in vain, and at the next change",
  );
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^level=error msg="Cannot look at the network" .*ENOBUFS/);
});

test("followNetwork() looks though nothing has changed, as long as that is wanted", async () => {
  const log = createLogger({
    level: "info",
    format: formatLogfmt,
    sink: () => {},
    time: undefined,
  });
  const wanted = [true, true];
  let asked = 0;
  let looks = 0;
  const seen = Promise.withResolvers<void>();
  const again = () => {
    if (++asked === 5) seen.resolve();
    return wanted.shift() ?? false;
  };
  const end = followNetwork({ hasChanged: () => false }, log, () => void looks++, again);
  await seen.promise;
  end();
  assert.equal(looks, 2);
});
