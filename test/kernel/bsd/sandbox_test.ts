import assert from "node:assert/strict";
import test from "node:test";
import { OpenBsdSandbox } from "#src/daemon/sandbox/bsd/openbsd.ts";
import type { SandboxNeeds } from "#src/daemon/sandbox/contract.ts";
import { machineOf } from "./hosts.ts";
import { BsdProcess } from "./process.ts";

const NEEDS: SandboxNeeds = {
  role: "relay",
  mode: "auto",
  user: undefined,
  chroot: undefined,
  rereads: ["/etc/teredo/teredo.ini", "/etc/miredo.conf"],
  folder: { path: "/var/run/teredo-relay", isGiven: false },
  removes: ["/var/run/teredo.pid"],
  devices: ["tun7"],
  hasHelpers: false,
  remakes: true,
  reprograms: false,
  notifies: undefined,
  line: (call) => call,
};

function enter(changes: Partial<SandboxNeeds>) {
  const machine = machineOf("OpenBSD 7");
  const process = new BsdProcess(machine);
  const sandbox = new OpenBsdSandbox(process.libc, { ...NEEDS, ...changes });
  sandbox.begin();
  sandbox.enter();
  const [unveil] = sandbox.state.layers;
  return { unveiled: new Map(process.kernel.unveiled), unveil, kernel: process.kernel };
}

test("OpenBSD: what is left is what a reload, the interface and the end need, and nothing can be added", () => {
  const { unveiled, unveil, kernel } = enter({});
  assert.deepEqual(unveil, { name: "unveil", holds: true });
  const want = {
    "/sbin": "rx",
    "/dev/tun7": "rw",
    "/etc/teredo": "r",
    "/etc/miredo.conf": "r",
    "/var/run/teredo-relay": "rwc",
    "/var/run/teredo.pid": "rwc",
  };
  for (const [path, permissions] of Object.entries(want)) {
    assert.equal(unveiled.get(path), permissions, path);
  }
  for (const path of ["/", "/etc", "/dev", "/home", "/root", "/var", "/var/run", "/tmp"]) {
    assert.equal(unveiled.get(path), undefined, path);
  }
  assert.throws(() => kernel.unveil("/", "rwxc"));
});

for (const changes of [{ mode: "log" }, { chroot: "/var/empty" }] as const) {
  test(`OpenBSD with ${JSON.stringify(changes)}: nothing is taken, and that is told`, () => {
    const { unveiled, unveil } = enter(changes);
    assert.equal(unveiled.size, 0);
    assert.equal(unveil?.holds, false);
    assert.match(unveil?.note ?? "", /^`(sandbox = log|chroot)`/);
  });
}
