import assert from "node:assert/strict";
import test from "node:test";
import type { Config, RelayConfig } from "#src/config/config.ts";
import { Attendant, attendFastPath } from "#src/daemon/fast_path/attend.ts";
import type { FilterReport } from "#src/daemon/host/traffic.ts";
import { type FastPath, noFastPath } from "#src/datapath/fast_path.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt, type Level } from "#src/log/record.ts";
import { fakeHost, relayConfig, serverConfig } from "#test/daemon/checks/fake_host.ts";

const LISTENING = ["0.0.0.0:3545"];
const LIMIT: FilterReport["handled"][number] = {
  traffic: undefined!,
  what: "limit",
  by: "rule A",
};

/** One that does as it is told, and what it was told. */
class Recorded implements FastPath {
  isNone = false;
  readonly maps: FastPath["maps"] = { leases: 3, slots: 4, control: 5 };
  readonly told: (string | undefined)[] = [];
  looks = 0;
  fails = false;
  hasReport = true;
  #note: string | undefined;

  report() {
    if (!this.hasReport) throw new Error("no map");
    const refusal = this.told.at(-1);
    const note = refusal ?? this.#note;
    return { on: refusal === undefined, note, leasesLimit: 9, leftAlone: {} };
  }

  permit(refusal: string | undefined, note?: string) {
    this.told.push(refusal);
    this.#note = note;
  }

  look() {
    this.looks += 1;
    if (this.fails) throw new Error("netlink is gone");
  }

  serve() {}
  close() {}
}

function setUp(fastPath: FastPath, mode: RelayConfig["fastPath"] = "auto") {
  const lines: string[] = [];
  const sink = (_: Level, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const filters: { handled: FilterReport["handled"]; fails: boolean } = {
    handled: [],
    fails: false,
  };
  const host = fakeHost({
    watchFilters: () => {
      if (filters.fails) throw new Error("no");
      return { filtered: [], handled: filters.handled, asked: [], seen: ["nftables"], unseen: [] };
    },
  });
  const relay = relayConfig({ fastPath: mode });
  const config = () => ({ relay, server: serverConfig() }) as Config;
  const open = { listening: LISTENING, interfaceName: "teredo", fastPath };
  const attended = { role: "relay" as const, host, log, config, open };
  return { lines, filters, attended, attendant: new Attendant(fastPath, attended) };
}

test("Attendant.judge() lets packets pass while the filters miss none, and says so once", () => {
  const fastPath = new Recorded();
  const { lines, filters, attendant } = setUp(fastPath);
  const missed = 'something would miss packets: "limit" of rule A';
  attendant.judge();
  attendant.judge();
  filters.handled = [LIMIT];
  attendant.judge();
  filters.handled = [];
  attendant.judge();
  assert.deepEqual(fastPath.told, [undefined, undefined, missed, undefined]);
  assert.deepEqual(lines, [
    'level=info msg="Fast path on"',
    `level=info msg="Fast path off" reason="${missed.replaceAll('"', '\\"')}"`,
    'level=info msg="Fast path on"',
  ]);
});

test("Attendant.judge() warns of what somebody wants and cannot have", () => {
  const { lines, attendant } = setUp(noFastPath("the kernel has no TCX", 9), "on");
  attendant.judge();
  assert.match(lines.join(""), /level=warn msg="Fast path off" reason="the kernel has no TCX"/);
});

test("Attendant.judge() of one who wants it says what misses packets", () => {
  const fastPath = new Recorded();
  const { lines, filters, attendant } = setUp(fastPath, "on");
  filters.handled = [LIMIT];
  attendant.judge();
  assert.deepEqual(fastPath.told, [undefined]);
  assert.match(lines.join(""), /msg="Fast path on" reason="past what sees packets: .*limit/);
});

test("Attendant lets nothing pass where this host cannot be looked at", () => {
  const fastPath = new Recorded();
  const { filters, attendant } = setUp(fastPath);
  filters.fails = true;
  attendant.judge();
  fastPath.fails = true;
  attendant.look();
  assert.deepEqual(fastPath.told, [
    "this host cannot be looked at: Error: no",
    "this host cannot be looked at: Error: netlink is gone",
  ]);
});

test("Attendant.judge() goes on where a fast path cannot tell how it is, and says so", () => {
  const fastPath = new Recorded();
  const { lines, attendant } = setUp(fastPath);
  fastPath.hasReport = false;
  attendant.judge();
  fastPath.hasReport = true;
  attendant.judge();
  assert.deepEqual(fastPath.told, [undefined, undefined]);
  assert.deepEqual(lines, [
    'level=error msg="Cannot look at the daemon" error="Error: no map"',
    'level=info msg="Fast path on"',
  ]);
});

test("attendFastPath() looks again and again, until it is ended, and not at what there is none of", async () => {
  const fastPath = new Recorded();
  const end = attendFastPath(setUp(fastPath).attended);
  while (fastPath.looks < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  end();
  const none = new Recorded();
  none.isNone = true;
  attendFastPath(setUp(none).attended);
  const { looks, told } = fastPath;
  const before = told.length;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(fastPath.looks, looks);
  assert.equal(told.length, before);
  assert.deepEqual(new Set(told), new Set([undefined]));
  assert.equal(none.looks, 0);
});
