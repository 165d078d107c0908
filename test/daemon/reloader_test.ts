import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { Role } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import type { RelayRules, ServerRules } from "#src/datapath/datapath.ts";
import { addressesOf, relayRules, serverRules } from "#src/daemon/open.ts";
import { Reloader } from "#src/daemon/reload/reloader.ts";
import { reportDocument, statusOf } from "#src/daemon/reload/report.ts";
import { History } from "#src/daemon/history/mod.ts";
import { DaemonState } from "#src/daemon/state.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { fakeHost } from "./checks/fake_host.ts";

const SERVER = "[server]\nbind_address = 198.51.100.1\n";

/** A daemon as far as it is reloaded, its file, and what it was told. */
class Lab {
  readonly file: string;
  readonly folder = mkdtempSync(join(tmpdir(), "teredo-reload-"));
  readonly lines: string[] = [];
  readonly rules: (RelayRules | ServerRules)[] = [];
  readonly told: string[] = [];
  readonly state: DaemonState;
  readonly reloader: Reloader;
  levels: string[] = [];
  beyond: readonly string[] = [];
  hasRoom = true;
  /** How often there was none. */
  refusals = 0;

  constructor(text: string, role: Role = "relay", overrides: Record<string, string> = {}) {
    this.file = join(this.folder, "teredo.ini");
    writeFileSync(this.file, text);
    const options = { path: this.file, overrides };
    const { config } = loadConfig(role, options);
    const host = fakeHost();
    this.state = new DaemonState(role, "1", config, host, () => 0, new History(role, () => 0));
    const sink = (_: string, line: string) => void this.lines.push(line);
    this.reloader = new Reloader({
      role,
      options,
      log: createLogger({ level: "info", format: formatLogfmt, sink, time: undefined }),
      setLog: ({ level }) => void this.levels.push(level),
      state: this.state,
      beyond: () => this.beyond,
      goBy: ({ relay, server }) => {
        const rules = role === "relay" ? relayRules(relay, addressesOf(host)) : serverRules(server);
        if (this.hasRoom) this.rules.push(rules);
        else this.refusals += 1;
        return this.hasRoom;
      },
      reloaded: () => {},
      notifier: {
        send: (state) => void this.told.push(state),
        reloading: () => void this.told.push("RELOADING=1"),
        sendWith: () => false,
        watchdog: undefined,
        close: () => {},
      },
    });
  }

  write(text: string): void {
    writeFileSync(this.file, text);
  }

  close(): void {
    this.reloader.close();
    rmSync(this.folder, { recursive: true });
  }
}

function inLab(name: string, lab: () => Lab, body: (lab: Lab) => void | Promise<void>): void {
  test(name, async () => {
    const made = lab();
    try {
      await body(made);
    } finally {
      made.close();
    }
  });
}

const relay = () => new Lab("[relay]\nhold_packets = 4\n");

inLab("Reloader takes what needs no restart, and names what does", relay, (lab) => {
  lab.write("[relay]\nhold_packets = 16\nbind_port = 4000\ndrain_time = 5s\n[log]\nlevel = warn\n");
  const report = lab.reloader.reload();
  assert.equal(report.ok, true);
  assert.deepEqual(report.changes.map(({ id, from, to, reload }) => [id, from, to, reload]), [
    ["relay.bind_port", "3545", "4000", "restart"],
    ["relay.hold_packets", "4", "16", "yes"],
    ["relay.drain_time", "1s", "5s", "yes"],
    ["log.level", "info", "warn", "yes"],
  ]);
  const { relay } = lab.state.config;
  assert.deepEqual([relay.holdPackets, relay.drainTime, relay.bindPort], [16, 5_000, 3545]);
  assert.equal((lab.rules.at(-1) as RelayRules).holdPackets, 16);
  assert.deepEqual(lab.levels, ["warn"]);
  const { ok, needsRestart, problems } = lab.state.reload;
  assert.deepEqual([ok, needsRestart, problems], [true, ["relay.bind_port"], []]);
  assert.deepEqual(lab.told, ["RELOADING=1", "READY=1"]);
  assert.deepEqual(lab.lines.slice(0, 2), [
    `level=info msg=Reloaded file=${lab.file} count=3`,
    'level=warn msg="Setting needs a restart" key=relay.bind_port value=4000 detail="was 3545"',
  ]);
  assert.equal(lab.reloader.reload().changes.length, 1, "what needs a restart is named again");
});

inLab("Reloader takes the rest where this daemon cannot take a setting", relay, (lab) => {
  lab.beyond = ["relay.hold_packets", "relay.hold_age"];
  lab.write("[relay]\nhold_packets = 16\ndrain_time = 5s\n");
  const { changes } = lab.reloader.reload();
  assert.deepEqual(changes.map(({ id, reload }) => `${id} ${reload}`), [
    "relay.hold_packets restart",
    "relay.drain_time yes",
  ]);
  const { relay } = lab.state.config;
  assert.deepEqual([relay.holdPackets, relay.drainTime], [4, 5_000]);
  assert.deepEqual(lab.state.reload.needsRestart, ["relay.hold_packets"]);
});

inLab("Reloader: a dry run shows the same and changes nothing", relay, (lab) => {
  lab.write("[relay]\nhold_packets = 16\nbind_port = 4000\n");
  const before = lab.state.config;
  const report = lab.reloader.reload({ dryRun: true });
  assert.deepEqual([report.ok, report.dryRun, report.changes.length], [true, true, 2]);
  assert.equal(lab.state.config, before);
  assert.deepEqual([lab.rules, lab.lines, lab.told], [[], [], []]);
  lab.write("[relay]\nhold_packets = x\n");
  const refused = lab.reloader.reload({ dryRun: true });
  assert.equal(refused.ok, false);
  assert.equal(lab.state.reload.ok, true, "nobody asked the daemon to go by it");
});

/** Each makes the file something that must change nothing; what is said of it. */
const hostile: readonly [name: string, make: (lab: Lab) => void, said: RegExp][] = [
  [
    "one that is wrong",
    (lab) => lab.write("[relay]\nhold_packets = 16\n\nhold_age = 5 apples\n"),
    /^FILE:4: hold_age: `5 apples` is not a duration; /,
  ],
  [
    "one that is torn within a line",
    (lab) => lab.write("[relay]\nhold_packets = 16\nhold_bytes = 2"),
    /^FILE:3: (hold_bytes: .*|the last line has no end, as if the file were half written; .*)$/,
  ],
  [
    "one that is torn behind a number",
    (lab) => lab.write("[relay]\nhold_packets = 1"),
    /^FILE:2: the last line has no end, as if the file were half written; end it with a line feed$/,
  ],
  [
    "one that is emptied",
    (lab) => truncateSync(lab.file),
    /^FILE: no section and no setting in it; /,
  ],
  ["none", (lab) => unlinkSync(lab.file), /^FILE: no such file; check the path$/],
  [
    "one for the other daemon",
    (lab) => lab.write("[server]\nbind_address = 198.51.100.1\n"),
    /^FILE: for the server only; run `teredo server`, or /,
  ],
  [
    "Miredo's for its server",
    (lab) => lab.write("ServerBindAddress 198.51.100.1\n"),
    /^FILE: this is a miredo-server\.conf; run `teredo server`$/,
  ],
  [
    "a FIFO without an end",
    (lab) => {
      unlinkSync(lab.file);
      spawnSync("mkfifo", [lab.file]);
    },
    /^FILE: not a regular file; name a file$/,
  ],
  [
    "a link to a device",
    (lab) => {
      unlinkSync(lab.file);
      symlinkSync("/dev/zero", lab.file);
    },
    /^FILE: not a regular file; name a file$/,
  ],
  [
    "a link to itself",
    (lab) => {
      unlinkSync(lab.file);
      symlinkSync(lab.file, lab.file);
    },
    /^FILE: cannot be read \(ELOOP\); check the disk$/,
  ],
  [
    "one of random bytes",
    (lab) => writeFileSync(lab.file, randomBytes(300_000)),
    /^FILE[:\d]*: /,
  ],
];

for (const [name, make, said] of hostile) {
  inLab(`Reloader: ${name} changes nothing, and is told of`, relay, (lab) => {
    const before = lab.state.config;
    const since = lab.state.reload.succeededAt;
    make(lab);
    const report = lab.reloader.reload();
    assert.equal(report.ok, false);
    assert.equal(statusOf(report), 422);
    assert.match(report.problems[0]!.replaceAll(lab.file, "FILE"), said);
    assert.equal(lab.state.config, before);
    // The service manager waits for the end of each reload, however it ends.
    assert.deepEqual([lab.rules, lab.told], [[], ["RELOADING=1", "READY=1"]]);
    const { ok, succeededAt, problems } = lab.state.reload;
    assert.deepEqual([ok, succeededAt, problems], [false, since, report.problems]);
    assert.ok(lab.lines.every((line) => line.startsWith('level=error msg="Reload refused" ')));
    rmSync(lab.file, { force: true });
    lab.write("[relay]\nhold_packets = 5\n");
    assert.equal(lab.reloader.reload().ok, true);
    assert.equal(lab.state.reload.ok, true);
  });
}

inLab(
  "Reloader: flags win over the file as at start",
  () => new Lab("[relay]\n", "relay", { "relay.hold_packets": "7" }),
  (lab) => {
    lab.write("[relay]\nhold_packets = 16\nhold_age = 9s\n");
    assert.deepEqual(lab.reloader.reload().changes.map(({ id }) => id), ["relay.hold_age"]);
    assert.equal(lab.state.config.relay.holdPackets, 7);
  },
);

inLab(
  "Reloader: what stays for a restart does not make the rest unfit",
  () => new Lab("[relay]\ninterface_mtu = 9000\nhold_bytes = 9000\n"),
  (lab) => {
    lab.write("[relay]\ninterface_mtu = 1280\nhold_bytes = 1280\n");
    assert.equal(lab.reloader.reload().ok, true);
    const { interfaceMtu, holdBytes } = lab.state.config.relay;
    assert.deepEqual([interfaceMtu, holdBytes], [9_000, 9_000]);
  },
);

inLab(
  "Reloader: a server takes other secrets, or says that they are too many",
  () => new Lab(SERVER, "server"),
  (lab) => {
    const secrets = join(lab.folder, "secrets");
    writeFileSync(secrets, "alice hex:00112233445566778899aabbccddeeff\n");
    chmodSync(secrets, 0o640);
    const text = `${SERVER}secrets_file = ${secrets}\nrequire_authentication = yes\n`;
    lab.write(text);
    lab.hasRoom = false;
    const refused = lab.reloader.reload();
    assert.deepEqual([refused.ok, statusOf(refused)], [false, 409]);
    assert.match(refused.problems[0]!, /; restart the daemon$/);
    assert.equal(lab.state.config.server.requireAuthentication, false);
    lab.hasRoom = true;
    assert.equal(lab.reloader.reload().ok, true);
    const rules = lab.rules.at(-1) as ServerRules;
    assert.deepEqual([rules.requireAuthentication, rules.secrets.length], [true, 1]);
    writeFileSync(secrets, "bob hex:00112233445566778899aabbccddeeff\n");
    assert.deepEqual(lab.reloader.reload().changes.map(({ id, to }) => [id, to]), [
      ["server.secrets_file", `${secrets} (new content)`],
    ]);
    chmodSync(secrets, 0o644);
    assert.match(lab.reloader.reload().problems[0]!, /anyone can read this file of secrets/);
  },
);

inLab(
  "Reloader: with chroot the file is out of reach, with user it says whose right is missing",
  () => new Lab("[relay]\nchroot = /run/jail\nuser = nobody\n"),
  (lab) => {
    lab.write("[relay]\nchroot = /run/jail\nuser = nobody\nhold_packets = 16\n");
    const report = lab.reloader.reload();
    assert.equal(statusOf(report), 409);
    assert.deepEqual(report.problems, [
      "with `chroot = /run/jail` the configuration is out of reach; restart the daemon",
    ]);
    assert.deepEqual(lab.rules, []);
  },
);

inLab("Reloader goes back by itself, unless it is confirmed in time", relay, async (lab) => {
  lab.write("[relay]\nhold_packets = 16\n");
  const report = lab.reloader.reload({ confirmWithin: 60_000 });
  assert.equal(typeof reportDocument(report).confirm_by, "string");
  const { history, reload } = lab.state;
  assert.deepEqual(history.time.date(reload.confirmBy!), report.confirmBy);
  assert.match(
    lab.reloader.reload().problems[0]!,
    /^an earlier reload waits for its confirmation; /,
  );
  assert.equal(lab.reloader.confirm().ok, true);
  assert.equal(lab.state.reload.confirmBy, undefined);
  assert.deepEqual(lab.reloader.confirm().problems, ["no reload waits for its confirmation"]);
  assert.equal(lab.state.config.relay.holdPackets, 16);

  lab.write("[relay]\nhold_packets = 32\n");
  lab.reloader.reload({ confirmWithin: 20 });
  assert.equal(lab.state.config.relay.holdPackets, 32);
  while (lab.state.config.relay.holdPackets !== 16) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((lab.rules.at(-1) as RelayRules).holdPackets, 16);
  assert.equal(lab.state.reload.ok, false);
  assert.match(lab.lines.at(-1)!, /msg="Reload taken back" reason="it was not confirmed in time"$/);
  assert.equal(lab.reloader.reload().ok, true, "the next one is free to come");
});

inLab("Reloader goes back as soon as it can, and tells once why it cannot", relay, async (lab) => {
  lab.write("[relay]\nhold_packets = 64\n");
  lab.reloader.reload({ confirmWithin: 20 });
  lab.lines.length = 0;
  lab.hasRoom = false;
  while (lab.refusals < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const problem =
    "cannot be taken back yet: more addresses of this host than a running relay can be " +
    "given; restart the daemon";
  assert.deepEqual(lab.lines, [`level=error msg="Reload refused" problem="${problem}"`]);
  assert.deepEqual([lab.state.reload.ok, lab.state.reload.problems], [false, [problem]]);
  assert.match(lab.reloader.reload().problems[0]!, /^an earlier reload waits /);
  lab.hasRoom = true;
  while (lab.state.config.relay.holdPackets !== 4) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(lab.state.reload.confirmBy, undefined);
  assert.match(lab.lines.at(-1)!, /msg="Reload taken back" /);
  assert.equal(lab.reloader.reload().ok, true, "the next one is free to come");
});

inLab("Reloader stays where it cannot go back once that is confirmed", relay, async (lab) => {
  lab.write("[relay]\nhold_packets = 64\n");
  lab.reloader.reload({ confirmWithin: 20 });
  lab.hasRoom = false;
  while (lab.refusals < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  lab.hasRoom = true;
  assert.equal(lab.reloader.confirm().ok, true);
  assert.deepEqual([lab.state.reload.ok, lab.state.reload.problems], [true, []]);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assert.equal(lab.state.config.relay.holdPackets, 64);
});

inLab("Reloader: of signals in a storm many are one", relay, async (lab) => {
  const end = performance.now() + 350;
  let asked = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 100; i++) {
      lab.reloader.reloadSoon();
      asked++;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const done = () => lab.lines.filter((line) => line.includes("msg=Reloaded")).length;
  while (done() === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(asked > 100);
  assert.ok(done() <= 1 + asked / 100, `${done()} of ${asked}`);
  lab.write("[relay]\nhold_packets = 99\n");
  lab.reloader.reloadSoon();
  // The last one sees the file as it is then.
  while (lab.state.config.relay.holdPackets !== 99) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
