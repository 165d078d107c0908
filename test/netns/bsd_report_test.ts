import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { REPORT, reportScript } from "../../scripts/bsd_report.ts";
import { teredo } from "./programs.ts";

/** What the script does in a network of its own, as far as it shows the same on every system. */
const SHOWN = [
  "layouts are those of the headers",
  "the runtime's variables are not heeded",
  "check relay passes",
  "check server passes",
  "relay is ready",
  "a packet from the IPv6 side comes to the client",
  "a packet of the client is answered by this host",
  "up comes back",
  "mtu comes back",
  "address comes back",
  "route comes back",
  "relay is ready with all of it",
  "relay is ready after a crash",
  "the server advertises itself",
  "the server forwards to the IPv6 side, and the answer finds the relay",
  "server ends with status 0",
  "relay ends with status 0",
  "no interface is left",
  "no route is left",
  "relay is ready after one that could not clean up",
];

function run(report: string, program: string): Promise<{ status: number; output: string }> {
  const inside = `ip link set lo up && exec sh ${REPORT}`;
  const env = { ...process.env, TEREDO: program, REPORT: report };
  return new Promise((resolve) => {
    execFile(
      "unshare",
      ["--net", "sh", "-c", inside],
      { env, maxBuffer: 1 << 26 },
      (error, out) => {
        resolve({ status: error === null ? 0 : Number(error.code), output: out });
      },
    );
  });
}

test("scripts/bsd-report is what scripts/bsd_report.ts makes of the layouts", () => {
  const script = readFileSync(REPORT, "utf8");
  assert.equal(reportScript(script), script, "run: bun scripts/bsd_report.ts");
});

test("bsd-report sends packets both ways on Linux and finds all well", {
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-report-"));
  try {
    const report = join(folder, "report.txt");
    const { status, output } = await run(report, teredo().join(" "));
    const summary = output.slice(output.indexOf("== Summary"));
    assert.equal(status, 0, summary);
    for (const line of SHOWN) assert.ok(summary.includes(`ok    ${line}\n`), `${line}\n${summary}`);
    assert.ok(readFileSync(report, "utf8").includes(summary.slice(0, summary.indexOf("\n\n"))));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("bsd-report says what failed when there is no teredo", {
  timeout: 600_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-report-"));
  try {
    const { status, output } = await run(join(folder, "report.txt"), join(folder, "missing"));
    assert.equal(status, 1);
    assert.match(output, /^FAIL {2}teredo starts$/m);
    assert.match(output, /^FAIL {2}relay serves$/m);
    assert.match(output, /^ok {4}layouts are those of the headers$/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
