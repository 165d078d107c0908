import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { FdStore } from "#src/daemon/fd_store.ts";
import { openNotifier } from "#src/daemon/notify.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { datagramReceiver } from "#test/log/datagram_receiver.ts";
import { fakeHost, IN_USE } from "./checks/fake_host.ts";

const libc = await openLibc();
const arena = new Arena(libc, 1 << 20);
const LOOPBACK = 0x7f000001;
const PID = process.pid;

/** A store and its service manager, of a process that was given descriptors of these names. */
function open(names: readonly string[], env: Record<string, string> = {}) {
  const path = `@teredo-store-${PID}-${Math.random()}`;
  const manager = datagramReceiver(libc, path);
  const notifier = openNotifier(libc, { NOTIFY_SOCKET: path }, PID);
  const lines: string[] = [];
  const sink = (_: unknown, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const given = {
    LISTEN_PID: `${PID}`,
    LISTEN_FDS: `${names.length}`,
    LISTEN_FDNAMES: names.join(":"),
    ...env,
  };
  const store = new FdStore(libc, log, notifier, given, PID);
  const close = () => {
    notifier.close();
    manager.close();
  };
  return { store, manager, lines, close };
}

const CASES: readonly [string, readonly string[], Record<string, string>, number[], number[]][] = [
  ["in any order", ["tun-1", "udp-0", "tun-0", "udp-1"], {}, [4, 6], [5, 3]],
  ["beside others", ["http", "udp-0", "", "udp-x"], {}, [4], []],
  ["of another process", ["udp-0"], { LISTEN_PID: "1" }, [], []],
  ["without a process", ["udp-0"], { LISTEN_PID: "" }, [], []],
  ["of no number", ["udp-0"], { LISTEN_FDS: "x" }, [], []],
  ["of a negative number", ["udp-0"], { LISTEN_FDS: "-1" }, [], []],
  ["too many", ["udp-0"], { LISTEN_FDS: "1000000000" }, [], []],
  ["without names", [], { LISTEN_FDS: "2", LISTEN_FDNAMES: "" }, [], []],
];
for (const [name, names, env, udp, tun] of CASES) {
  test(`FdStore.take() finds what was left: ${name}`, () => {
    const { store, close } = open(names, env);
    assert.deepEqual([store.take("udp"), store.take("tun")], [udp, tun]);
    close();
  });
}

test("FdStore.settle(): what this process goes on with is its alone", () => {
  const { store, manager, lines, close } = open(["udp-0", "tun-0", "other"]);
  store.take("udp");
  store.take("tun");
  store.settle();
  assert.equal(manager.read(), "FDSTOREREMOVE=1\nFDNAME=udp-0");
  assert.equal(manager.read(), "FDSTOREREMOVE=1\nFDNAME=tun-0");
  assert.equal(manager.read(), undefined);
  assert.deepEqual(lines, ['level=info msg="Descriptors taken over" count=2']);
  close();
});

test("FdStore.release() waits until the manager has let go, once", () => {
  const { store, manager, lines, close } = open(["udp-0"]);
  store.take("udp");
  store.release("udp");
  store.release("udp");
  store.release("tun"); // nothing of that kind
  assert.equal(manager.read(), "FDSTOREREMOVE=1\nFDNAME=udp-0");
  assert.equal(manager.read(), "BARRIER=1");
  assert.equal(manager.read(), undefined);
  assert.match(lines.join(), /^level=warn msg="Descriptors not taken over" what=udp problem=/);
  store.settle();
  assert.equal(manager.read(), undefined);
  close();
});

test("FdStore.keep() gives the manager every descriptor by name, or none", () => {
  const { store, manager, lines, close } = open([]);
  const fd = openSync("/dev/null", "r");
  assert.equal(
    store.keep({ udp: [fd], tun: [] }),
    false,
    "a TUN that is its maker's stays with it",
  );
  assert.equal(manager.read(), undefined);
  assert.equal(store.keep({ udp: [fd], tun: [fd] }), true);
  assert.equal(manager.read(), "FDSTORE=1\nFDNAME=udp-0");
  assert.equal(manager.read(), "FDSTORE=1\nFDNAME=tun-0");
  assert.deepEqual(lines, ['level=info msg="Descriptors handed over" count=2']);
  assert.equal(store.keep({ udp: [fd], tun: [999_999] }), false);
  assert.equal(manager.read(), "FDSTORE=1\nFDNAME=udp-0");
  assert.equal(manager.read(), "FDSTOREREMOVE=1\nFDNAME=udp-0");
  closeSync(fd);
  close();
});

test("FdStore without a manager keeps nothing", () => {
  const log = createLogger({
    level: "info",
    format: formatLogfmt,
    sink: () => {},
    time: undefined,
  });
  const store = new FdStore(libc, log, openNotifier(libc, {}, PID), {}, PID);
  assert.equal(store.keep({ udp: [1], tun: [2] }), false);
});

test("FdStore.seenFrom(): the port of what waits is free for who goes on with it, and no other", () => {
  const { fd, port } = openUdpSocket(LINUX_KERNEL, libc, arena, {
    address: LOOPBACK,
    port: 0,
    buffer: 65_536,
  });
  const host = fakeHost({ refusesUdp: () => IN_USE });
  const names = Array.from({ length: fd - 2 }, (_, i) => i === fd - 3 ? "udp-0" : "");
  const { store, close } = open(names);
  const seen = store.seenFrom(host);
  assert.equal(seen.refusesUdp(LOOPBACK, port), undefined);
  assert.equal(seen.refusesUdp(LOOPBACK, port ^ 1), IN_USE);
  assert.equal(open([]).store.seenFrom(host), host);
  libc.call.close(fd);
  close();
});
