import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const NEEDED = {
  relay: ["CAP_NET_ADMIN CAP_NET_RAW CAP_BPF", "DeviceAllow=/dev/net/tun rw"],
  server: ["CAP_NET_RAW", "DevicePolicy=closed"],
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
        "UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS BUN_INSPECT NODE_OPTIONS",
        "WorkingDirectory=/",
        "Type=notify",
        "RestartPreventExitStatus=2 78",
        device,
      ]
    ) assert.ok(lines.includes(want), want);
  });
}
