import assert from "node:assert/strict";
import test from "node:test";
import { loadConfig } from "#src/config/load.ts";
import { DaemonState } from "#src/daemon/state.ts";
import { emptyFile, fakeHost } from "./checks/fake_host.ts";
import { datapath, OPEN } from "./fake_datapath.ts";
import { BOOTED, Clocks } from "./history/clocks.ts";

test("DaemonState.read() dates the last reload by the wall clock as it is set now", () => {
  const { config } = loadConfig("relay", { path: "r.ini", readFile: emptyFile });
  const clocks = new Clocks("relay", 1_000);
  const { history } = clocks;
  const state = new DaemonState("relay", "1", config, fakeHost(), () => 0, history);
  state.serve(OPEN, datapath(10));
  state.reload = { ...state.reload, confirmBy: 1_060_000 };
  const dates = () => {
    const { succeededAt, confirmBy } = state.read().reload;
    return [succeededAt, confirmBy].map((it) => (it!.getTime() - BOOTED) / 1_000);
  };
  assert.deepEqual(dates(), [1_000, 1_060]);
  clocks.wrongBy = 3_600;
  clocks.look();
  assert.deepEqual(dates(), [4_600, 4_660]);
});
