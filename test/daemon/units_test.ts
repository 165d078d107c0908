import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { searchPlaces } from "#src/config/files.ts";
import { SOCKET_BUFFER } from "#src/config/setting.ts";

const NEEDED = {
  relay: ["CAP_NET_ADMIN CAP_NET_RAW CAP_BPF", "DeviceAllow=/dev/net/tun rw"],
  server: ["CAP_NET_RAW", "PrivateDevices=yes"],
  client: ["CAP_NET_ADMIN CAP_NET_RAW", "DeviceAllow=/dev/net/tun rw"],
} as const;

for (const [role, [capabilities, device]] of Object.entries(NEEDED)) {
  test(`docs/examples/teredo-${role}.service gives what checks and workers ask for, and no more`, () => {
    const text = readFileSync(`docs/examples/teredo-${role}.service`, "utf8");
    const lines = text.split("\n");
    const settings = lines.filter((line) => line !== "" && !/^[#[]/.test(line));
    for (const line of settings) assert.match(line, /^[A-Z][A-Za-z]+=\S/, line);
    for (
      const want of [
        `ExecStart=/usr/local/bin/teredo ${role}`,
        `AmbientCapabilities=${capabilities}`,
        `CapabilityBoundingSet=${capabilities}`,
        "WorkingDirectory=/",
        "Type=notify",
        "RestartPreventExitStatus=2 78",
        `RuntimeDirectory=teredo-${role}`,
        device,
      ]
    ) assert.ok(lines.includes(want), want);
  });
}

for (const role of ["relay", "server", "client"] as const) {
  test(`docs/examples/teredo-${role}.service starts where our file or Miredo's is, and else not`, () => {
    const unit = readFileSync(`docs/examples/teredo-${role}.service`, "utf8");
    const conditions = [...unit.matchAll(/^ConditionPathExists=\|(.*)$/gm)].map(([, it]) => it!);
    assert.deepEqual(conditions, [
      "/etc/teredo/teredo.ini",
      role === "server" ? "/etc/miredo/miredo-server.conf" : "/etc/miredo/miredo.conf",
    ]);
    for (const it of conditions) assert.ok(searchPlaces(role).includes(it), it);
  });
}

for (const role of ["relay", "server", "client"]) {
  test(`systemd-analyze finds nothing amiss in docs/examples/teredo-${role}.service`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-units-"));
    try {
      const path = join(folder, `teredo-${role}.service`);
      const text = readFileSync(`docs/examples/teredo-${role}.service`, "utf8");
      // It looks for the program; on this machine it need not be installed.
      writeFileSync(path, text.replaceAll("/usr/local/bin/teredo", "/bin/true"));
      const args = ["verify", "--man=no", path];
      const { status, stderr, error } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
      assert.deepEqual({ status, stderr, error }, { status: 0, stderr: "", error: undefined });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

for (const role of ["relay", "server", "client"]) {
  test(`docs/examples/teredo-${role}.service is exposed as little as docs/security.md says`, () => {
    const unit = `docs/examples/teredo-${role}.service`;
    const args = ["security", "--offline=yes", "--threshold=21", "--no-pager", unit];
    const { status, stdout, error } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    assert.equal(error, undefined, "systemd-analyze is needed");
    assert.equal(status, 0, stdout);
    const [, score] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? [];
    const text = readFileSync("docs/security.md", "utf8");
    const [, told] = new RegExp(`^\\| \`teredo-${role}.service\` +\\| ([\\d.]+)`, "m").exec(text) ??
      [];
    assert.equal(told, score);
  });
}

test("docs/examples/sysctl.d/teredo.conf sets variables that there are, as large as the default wants", () => {
  const lines = readFileSync("docs/examples/sysctl.d/teredo.conf", "utf8").split("\n");
  const set = lines.filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" = "));
  for (const [name] of set) assert.ok(existsSync(`/proc/sys/${name!.replaceAll(".", "/")}`), name);
  const values = Object.fromEntries(set);
  const buffer = String(SOCKET_BUFFER.default);
  assert.equal(values["net.core.rmem_max"], buffer);
  assert.equal(values["net.core.wmem_max"], buffer);
  assert.equal(values["net.ipv6.conf.all.forwarding"], "1");
});

test("the server's unit hands over secrets that only root may read, and starts without any", () => {
  const text = readFileSync("docs/examples/teredo-server.service", "utf8");
  assert.match(text, /^LoadCredential=secrets:\/etc\/teredo\/secrets$/m);
  assert.match(text, /^SetCredential=secrets:#$/m);
});

test("the client's unit keeps its state, and hands over a secret that only root may read", () => {
  const text = readFileSync("docs/examples/teredo-client.service", "utf8");
  assert.match(text, /^StateDirectory=teredo-client$/m);
  assert.match(text, /^LoadCredential=secret:\/etc\/teredo\/secret$/m);
  assert.match(text, /^SetCredential=secret:#$/m);
});
