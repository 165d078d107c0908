import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { OWN_DROPS } from "#src/status/drop_help.ts";
import { METRIC_HELP } from "#src/status/metric_help.ts";
import { anchorsOf } from "#test/docs/markdown.ts";

const FILE = "docs/examples/prometheus/teredo.rules.yml";
const MEMORY = "/dev/shm";
const RULES = readFileSync(FILE, "utf8");

/** Series as promtool writes them: a value, then so many steps of so much; `_` is no sample. */
type Series = Readonly<Record<string, string>>;

interface Alarm {
  readonly alert: string;
  /** It fires by then, and not yet at `early`. */
  readonly at: string;
  readonly early?: string;
  readonly fires: Series;
  /** What comes close, and is none. */
  readonly quiet: Series;
  /** What people read then. */
  readonly summary: string;
}

const T = `instance="r1:9545",job="teredo"`;
const target = (name: string, labels = "") => `${name}{${labels}${labels && ","}${T}}`;
const OTHER = 'other{instance="r1:9545",job="teredo"}';
/** One of ours that goes on. */
const ALIVE = { [target("teredo_build_info", 'role="relay",version="1.0.0"')]: "1x200" };
const received = (steps: string) => ({
  [target("teredo_udp_received_datagrams_total")]: `0+${steps}x60`,
  [target("teredo_ipv6_received_packets_total")]: `0+${steps}x60`,
});
const dropped = (reason: string, steps: string) => ({
  [target("teredo_drops_total", `reason="${reason}"`)]: `0+${steps}x60`,
});
const bubbles = (answered: string, direct: string) => ({
  [target("teredo_bubbles_answered_total")]: `0+${answered}x60`,
  [target("teredo_bubbles_sent_direct_total")]: `0+${direct}x60`,
  [target("teredo_bubbles_sent_indirect_total")]: "0x60",
  [target("teredo_bubbles_sent_challenge_total")]: "0x60",
});
const version = (instance: string, text: string) =>
  `teredo_build_info{role="relay",version="${text}",instance="${instance}",job="teredo"}`;

const ALARMS: readonly Alarm[] = [
  {
    alert: "TeredoDown",
    at: "8m",
    early: "5m",
    fires: { [target("up")]: "1x5 0x60", [version("r1:9545", "1.0.0")]: "1x5 _x60" },
    // Another program's target, and one that answers.
    quiet: { [target("up")]: "0x60", [OTHER]: "1x60" },
    summary: "r1:9545 does not answer",
  },
  {
    alert: "TeredoNotReady",
    at: "3m",
    early: "30s",
    fires: {
      [target("teredo_ready")]: "0x20",
      [target("teredo_draining")]: "0x20",
      [target("teredo_check_ok", 'check="forwarding"')]: "0x20",
    },
    quiet: { [target("teredo_ready")]: "0x20", [target("teredo_draining")]: "1x20" },
    summary: "r1:9545 runs and cannot serve",
  },
  {
    alert: "TeredoHeartbeatOld",
    at: "3m",
    fires: { [target("teredo_heartbeat_age_seconds")]: "3+60x20" },
    quiet: { [target("teredo_heartbeat_age_seconds")]: "0.1 3 0.1 1.9x20" },
    summary: "The datapath of r1:9545 hangs",
  },
  {
    alert: "TeredoDrops",
    at: "15m",
    early: "2m",
    fires: { ...received("3000"), ...dropped("socket_overflow", "120") },
    // A flood of what others may not send is their business.
    quiet: {
      ...received("3000"),
      ...dropped("socket_overflow", "59"),
      ...dropped("source_mismatch", "3000"),
    },
    summary: "r1:9545 drops 2% of its packets",
  },
  {
    alert: "TeredoBubblesUnanswered",
    at: "40m",
    early: "10m",
    fires: bubbles("20", "60"),
    quiet: bubbles("31", "60"),
    summary: "r1:9545: 33.33% of the bubbles are answered",
  },
  {
    alert: "TeredoPeersNearLimit",
    at: "8m",
    early: "3m",
    fires: { [target("teredo_peers")]: "95x20", [target("teredo_peers_limit")]: "100x20" },
    quiet: { [target("teredo_peers")]: "90x20", [target("teredo_peers_limit")]: "100x20" },
    summary: "The peer table of r1:9545 is 95% full",
  },
  {
    alert: "TeredoInterfaceNotKept",
    at: "3m",
    early: "30s",
    fires: { [target("teredo_interface_kept")]: "1 0x20" },
    quiet: { [target("teredo_interface_kept")]: "1x20" },
    summary: "Nobody keeps the interface of r1:9545",
  },
  {
    alert: "TeredoInterfaceRestored",
    at: "9m",
    fires: { [target("teredo_restored_total", 'what="route"')]: "0+1x20" },
    quiet: { [target("teredo_restored_total", 'what="route"')]: "0x3 3x20" },
    summary: "Another program changes the interface of r1:9545",
  },
  {
    alert: "TeredoReloadFailed",
    at: "3m",
    early: "30s",
    fires: { [target("teredo_config_last_reload_successful")]: "0x20" },
    // Put right within the minute.
    quiet: { [target("teredo_config_last_reload_successful")]: "1 1 1 0 1x20" },
    summary: "r1:9545 has refused its new configuration",
  },
  {
    alert: "TeredoRestartLoop",
    at: "12m",
    fires: { ...ALIVE, [target("process_start_time_seconds")]: "100+120x20" },
    // Some other program that does so is not ours to tell of.
    quiet: { [OTHER]: "1x60", [target("process_start_time_seconds")]: "100+120x20" },
    summary: "r1:9545 starts again and again",
  },
  {
    alert: "TeredoVersionSkew",
    at: "70m",
    early: "50m",
    fires: { [version("r1:9545", "1.0.0")]: "1x80", [version("r2:9545", "1.0.1")]: "1x80" },
    quiet: { [version("r1:9545", "1.0.0")]: "1x80", [version("r2:9545", "1.0.0")]: "1x80" },
    summary: "Your Teredo relays run 2 different versions",
  },
];

/** A test of promtool(1) that expects no alert. JSON is YAML. */
function silence(alert: string, series: Series, at: string) {
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const alert_rule_test = [{ alertname: alert, eval_time: at, exp_alerts: [] }];
  return { name: alert, interval: "1m", input_series, alert_rule_test };
}

/** Runs tests of promtool on the rules. */
function promtool(tests: readonly object[]) {
  const folder = mkdtempSync(join(tmpdir(), "teredo-alerts-"));
  try {
    copyFileSync(FILE, join(folder, "rules.yml"));
    const document = { rule_files: ["rules.yml"], evaluation_interval: "15s", tests };
    writeFileSync(join(folder, "test.yml"), JSON.stringify(document));
    // It writes a database for each test: to memory, where that can be had.
    const env = { ...process.env, ...(existsSync(MEMORY) ? { TMPDIR: MEMORY } : {}) };
    const options = { encoding: "utf8", env } as const;
    const { status, stdout, stderr } = spawnSync(
      "promtool",
      ["test", "rules", join(folder, "test.yml")],
      options,
    );
    return { status, text: `${stdout}\n${stderr}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("every alert of teredo.rules.yml has a case", () => {
  const names = [...RULES.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  assert.deepEqual(names, ALARMS.map(({ alert }) => alert));
});

test("no alert of teredo.rules.yml fires for what only comes close, or too early", () => {
  const quiet = ALARMS.map(({ alert, at, quiet }) => silence(alert, quiet, at));
  const early = ALARMS.flatMap(({ alert, early, fires }) =>
    early === undefined ? [] : [silence(alert, fires, early)]
  );
  const { status, text } = promtool([...quiet, ...early]);
  assert.equal(status, 0, text);
});

/** Alerts that fire come as what was not expected, with all that they say. */
const fired = promtool(ALARMS.map(({ alert, at, fires }) => silence(alert, fires, at))).text;

for (const { alert, summary } of ALARMS) {
  test(`${alert} of teredo.rules.yml fires, and says what to do`, () => {
    const [, text] = new RegExp(`got:\\[\\s+0:\\s+(Labels:\\{alertname="${alert}"[^]*?)\\n\\s+\\]`)
      .exec(fired) ?? [];
    assert.ok(text !== undefined, fired);
    assert.doesNotMatch(text, /\b1:\s+Labels/, "it fires once");
    assert.doesNotMatch(text, /<error|no value/);
    assert.ok(text.includes(`summary="${summary}"`), text);
    assert.match(text, /description="[A-Z][^"]{40,}\."/);
    const [, path, anchor] = /runbook="([\w/.]+)(?:#([\w-]+))?"/.exec(text)!;
    assert.ok(existsSync(path!), path);
    if (anchor !== undefined) assert.ok(anchorsOf(path!).includes(anchor), `${path} #${anchor}`);
  });
}

test("teredo.rules.yml names metrics and drop reasons that there are", () => {
  const names = [...RULES.matchAll(/\b(?:teredo|process)_\w+/g)].map(([name]) => name);
  assert.ok(names.length > 10);
  for (const name of names) assert.ok(Object.hasOwn(METRIC_HELP, name), name);
  const [, reasons] = /reason=~"([\w|]+)"/.exec(RULES)!;
  assert.deepEqual(reasons!.split("|").sort(), OWN_DROPS.toSorted());
});
