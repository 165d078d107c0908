import assert from "node:assert/strict";
import test from "node:test";
import type { Layout } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { platformOf } from "#ffi/platform.ts";
import { findUser } from "#src/daemon/host/passwd.ts";
import {
  parseCapabilities,
  parseMaxFds,
  parseMemory,
  parseUdpInodes,
} from "#src/daemon/host/linux/proc.ts";
import { openNotifier, watchdogInterval } from "#src/daemon/notify.ts";
import { MAX_SERVED } from "#src/config/kinds/network.ts";
import { describeServed, servedPrefixes } from "#src/daemon/served.ts";
import { Cleanup } from "#src/daemon/cleanup.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { Memory } from "#test/kernel/memory.ts";
import { relayConfig } from "./checks/fake_host.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nteredo:x:998:997::/:/bin/false\nodd:x:y:1::/:\n";
const GROUP = "root:x:0:\nteredo:x:997:\nlogs:x:44:alice,teredo\nnet:x:45:teredo2\n";

const users: readonly [string, string, unknown][] = [
  ["a user with groups", "teredo", { name: "teredo", uid: 998, gid: 997, groups: [997, 44] }],
  ["a user by number", "998", { name: "teredo", uid: 998, gid: 997, groups: [997, 44] }],
  ["the superuser", "root", { name: "root", uid: 0, gid: 0, groups: [0] }],
  ["a user who is not there", "alice", undefined],
  ["a malformed line", "odd", undefined],
  ["the empty name", "", undefined],
];

for (const [name, wanted, want] of users) {
  test(`findUser() finds ${name}`, () => {
    assert.deepEqual(findUser(PASSWD, GROUP, wanted), want);
  });
}

test("parseCapabilities() reads the effective set", () => {
  const status = "CapPrm:\t000001ffffffffff\nCapEff:\t0000000000003000\nCapBnd:\t0\n";
  assert.deepEqual([...parseCapabilities(status)], ["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  assert.deepEqual([...parseCapabilities("")], []);
});

test("parseMemory() gives bytes", () => {
  const status = "VmPeak:\t  10 kB\nVmSize:\t   80 kB\nVmRSS:\t   64 kB\n";
  assert.deepEqual(parseMemory(status), { residentBytes: 65536, virtualBytes: 81920 });
  assert.deepEqual(parseMemory(""), { residentBytes: 0, virtualBytes: 0 });
});

test("parseMaxFds() reads the soft limit, where there is one", () => {
  const row = (soft: string) =>
    `Limit            Soft Limit  Hard Limit  Units\nMax open files   ${soft}  524288  files\n`;
  assert.equal(parseMaxFds(row("1024")), 1024);
  assert.equal(parseMaxFds(row("unlimited")), undefined);
  assert.equal(parseMaxFds(""), undefined);
});

test("parseUdpInodes() finds the sockets of a port", () => {
  const text =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid " +
    "timeout inode ref pointer drops\n" +
    "  10: 016433C6:0DD8 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4242 2 0 0\n" +
    "  11: 016433C6:0DD9 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4243 2 0 0\n";
  assert.deepEqual(parseUdpInodes(text, 3544), ["4242"]);
  assert.deepEqual(parseUdpInodes(text, 53), []);
});

const watchdogs: readonly [string, Record<string, string>, number | undefined][] = [
  ["none asked for", {}, undefined],
  ["20 s", { WATCHDOG_USEC: "20000000" }, 10_000],
  ["ours by number", { WATCHDOG_USEC: "20000000", WATCHDOG_PID: "7" }, 10_000],
  ["another process's", { WATCHDOG_USEC: "20000000", WATCHDOG_PID: "8" }, undefined],
  ["nonsense", { WATCHDOG_USEC: "soon" }, undefined],
  ["nothing", { WATCHDOG_USEC: "0" }, undefined],
];

for (const [name, env, want] of watchdogs) {
  test(`watchdogInterval() of ${name}`, () => assert.equal(watchdogInterval(env, 7), want));
}

/** A libc that takes a socket's name and a message, and keeps them. */
function namingLibc(layout: Layout): { libc: Libc; kept: Uint8Array[] } {
  const memory = new Memory();
  const kept: Uint8Array[] = [];
  const keep = (at: number, length: number) => void kept.push(memory.view(at, length).slice());
  const call: Partial<Libc["call"]> = {
    socket: () => 3,
    close: () => 0,
    connect: (_, address, length) => (keep(address, length), 0),
    sendto: (_fd, at, length) => (keep(at, length), length),
  };
  const addressOf = (bytes: Uint8Array<ArrayBuffer>) => memory.place(bytes);
  const libc = { layout, call, addressOf } as Partial<Libc> as Libc;
  return { libc, kept };
}

const names: readonly [string, string, readonly number[]][] = [
  ["linux", "/n", [1, 0, 0x2f, 0x6e]],
  ["linux", "@n", [1, 0, 0, 0x6e]],
  ["freebsd", "/n", [4, 1, 0x2f, 0x6e]],
  ["openbsd", "/n", [4, 1, 0x2f, 0x6e]],
];

for (const [kernel, path, want] of names) {
  test(`openNotifier() names the socket ${path} as ${kernel} does`, () => {
    const { libc, kept } = namingLibc(platformOf(kernel, "x64").layout);
    const notifier = openNotifier(libc, { NOTIFY_SOCKET: path }, 7);
    notifier.send("READY=1");
    assert.deepEqual(kept.map((it) => [...it]), [want, [...new TextEncoder().encode("READY=1")]]);
  });
}

/** Bytes of `sun_path`, its NUL included. */
const rooms: readonly [string, number][] = [["linux", 108], ["freebsd", 104], ["netbsd", 104]];

for (const [kernel, room] of rooms) {
  test(`openNotifier() writes no path beyond the ${room} bytes of ${kernel}`, () => {
    for (const [length, calls] of [[room - 1, 1], [room, 0], [4 * room, 0]] as const) {
      const { libc, kept } = namingLibc(platformOf(kernel, "x64").layout);
      openNotifier(libc, { NOTIFY_SOCKET: `/${"n".repeat(length - 1)}` }, 7);
      assert.equal(kept.length, calls, `${length} bytes`);
    }
  });
}

const own = () => ["2001:db8::1", "fe80::1%eth0", "::1", "2001:0:1::2", "fd00::1", "2001:db8::2"];

test("servedPrefixes() of any is every address", () => {
  assert.equal(servedPrefixes(relayConfig({ served: "any" }), own), undefined);
  assert.equal(describeServed(undefined), "any");
});

test("servedPrefixes() of self is this host's global addresses, one by one (H rows)", () => {
  const prefixes = servedPrefixes(relayConfig({ served: "self" }), own);
  assert.equal(describeServed(prefixes), "2001:db8::1/128,2001:db8::2/128");
});

test("servedPrefixes() of self keeps to what the thread has room for (H rows)", () => {
  const many = () =>
    Array.from({ length: MAX_SERVED + 44 }, (_, i) => `2001:db8::${i.toString(16)}`);
  assert.equal(servedPrefixes(relayConfig({ served: "self" }), many)!.length, MAX_SERVED);
});

test("servedPrefixes() of a list is the list", () => {
  const served = [parseIpv6Prefix("2001:db8::/32")!];
  assert.equal(servedPrefixes(relayConfig({ served }), own), served);
});

test("Cleanup.run() undoes last first, also after a step that fails, and once", async () => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.add(() => void done.push("first"));
  const removed = cleanup.add(() => void done.push("removed"));
  cleanup.add(async () => {
    await Promise.resolve();
    done.push("second");
    throw new Error("Failed on purpose");
  });
  cleanup.add(() => void done.push("third"));
  cleanup.remove(removed);
  await cleanup.run();
  await cleanup.run();
  assert.deepEqual(done, ["third", "second", "first"]);
});
