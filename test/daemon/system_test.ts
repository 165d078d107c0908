import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { bootTime, monotonicTime } from "#ffi/linux/clock.ts";
import { openLibc } from "#ffi/open.ts";
import { linuxIpv6 } from "#src/daemon/host/linux/answers.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import { openNotifier } from "#src/daemon/notify.ts";
import { dropPrivileges } from "#src/daemon/privileges.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { datagramReceiver } from "#test/log/datagram_receiver.ts";
import { NOT_HERE } from "./checks/fake_host.ts";

const libc = await openLibc();
const LOOPBACK = parseIpv4("127.0.0.1")!;

async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-daemon-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const kind of ["file", "abstract"] as const) {
  test(`openNotifier() reaches a socket of kind ${kind}`, () =>
    inFolder((folder) => {
      const path = kind === "file" ? join(folder, "notify") : `@teredo-test-${process.pid}`;
      const manager = datagramReceiver(libc, path);
      const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "3000000" };
      const notifier = openNotifier(libc, env, process.pid);
      notifier.send("READY=1");
      assert.equal(manager.read(), "READY=1");
      notifier.send("STOPPING=1");
      assert.equal(manager.read(), "STOPPING=1");
      const before = monotonicTime(libc);
      notifier.reloading();
      const [, stamp] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(manager.read()!)!;
      assert.ok(Math.floor(1000 * before) <= Number(stamp));
      assert.ok(Number(stamp) <= 1000 * monotonicTime(libc));
      assert.equal(notifier.watchdog, 1500);
      notifier.close();
      manager.close();
    }));
}

test("monotonicTime() is of the machine, not of this process, and leaves out its sleep", () => {
  const now = monotonicTime(libc);
  assert.ok(now <= bootTime(libc));
  // A process that init began with this machine would be as old; this one has parents.
  assert.ok(now > 1000 * process.uptime(), `${now} ms`);
});

for (const path of [undefined, "", "relative", "/nowhere/notify", `/${"x".repeat(200)}`]) {
  test(`openNotifier() is silent for NOTIFY_SOCKET=${path?.slice(0, 20)}`, () => {
    const notifier = openNotifier(libc, { NOTIFY_SOCKET: path }, process.pid);
    notifier.send("READY=1");
    assert.equal(notifier.watchdog, undefined);
    notifier.close();
  });
}

/** As sysctl(8) reads it. */
function sysctl(path: string): string | undefined {
  const file = `/proc/sys/${path}`;
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

test("linuxHost() answers about this machine", () => {
  const host = linuxHost(libc);
  assert.ok(host.interfaces().some((it) => it.loopback && it.ipv4.includes(LOOPBACK)));
  const { residentBytes, virtualBytes, openFds, maxFds } = host.processUse();
  assert.ok(residentBytes > 1_000_000 && virtualBytes! > residentBytes);
  assert.ok(openFds! > 2 && maxFds! > openFds!);
  assert.equal(host.forwards6(), sysctl("net/ipv6/conf/all/forwarding") === "1");
  assert.deepEqual(host.ipv6(), linuxIpv6(sysctl));
  assert.ok(host.cores() >= 1);
  assert.equal(host.user("root")?.uid, 0);
  assert.equal(host.isDirectory("/proc"), true);
  assert.equal(host.isDirectory("/proc/self/status"), false);
  assert.equal(host.isDirectory("/nowhere"), false);
});

test("linuxHost() knows whether a port can be bound, and who has it", async () => {
  const host = linuxHost(libc);
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  assert.equal(host.refusesUdp(LOOPBACK, port)?.code, "EADDRINUSE");
  assert.equal(host.udpOwner(port)?.pid, process.pid);
  socket.close();
  await once(socket, "close");
  assert.equal(host.refusesUdp(LOOPBACK, port), undefined);
  assert.equal(host.udpOwner(port), undefined);
  assert.deepEqual(host.refusesUdp(parseIpv4("192.0.2.77")!, 0), NOT_HERE);
});

test("dropPrivileges() to the superuser is refused", () => {
  const root = { name: "root", uid: 0, gid: 0, groups: [0] };
  assert.throws(() => dropPrivileges(libc, root, undefined), {
    message: "root is the superuser; choose another user",
  });
});

test("dropPrivileges() says which root directory could not be had", () => {
  assert.throws(
    () => dropPrivileges(libc, undefined, "/nowhere"),
    /^SyscallError: chroot\(\/nowhere\): /,
  );
});
