import assert from "node:assert/strict";
import test from "node:test";
import { loadConfig } from "#src/config/load.ts";
import { Drain } from "#src/daemon/drain.ts";
import { History } from "#src/daemon/history/mod.ts";
import { DaemonState } from "#src/daemon/state.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { createStatus } from "#src/status/app.ts";
import { emptyFile, fakeHost } from "./checks/fake_host.ts";
import { datapath, OPEN, TUNNEL } from "./fake_datapath.ts";

test("Drain turns readiness, and ends what it has to, while this host cannot be looked at", async () => {
  const { config } = loadConfig("relay", { path: "r.ini", readFile: emptyFile });
  let isBlind = false;
  const revision = () => {
    if (isBlind) throw new Error("no buffer space");
    return 1;
  };
  const host = { ...fakeHost({ device: () => TUNNEL }), revision };
  const history = new History("relay", () => performance.now());
  const state = new DaemonState("relay", "1", config, host, () => 0, history);
  state.serve(OPEN, datapath(10));
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const drain = new Drain(log, state);
  const app = createStatus(state.read);
  const readiness = async () => (await app.request("/readyz")).status;
  assert.equal(await readiness(), 200);
  isBlind = true;
  assert.equal(drain.set(true, "SIGUSR1"), true);
  assert.equal(await readiness(), 503);
  assert.equal(drain.set(false), true);
  assert.equal(await readiness(), 200, "the last outcome of all else stands");
  drain.end();
  assert.equal(await readiness(), 503);
  const blind = 'level=error msg="Cannot look at the daemon" error="Error: no buffer space"';
  assert.deepEqual(lines, [
    'level=info msg="Draining until told otherwise" signal=SIGUSR1',
    blind,
    'level=info msg="Serving again"',
    blind,
    blind,
  ]);
});
