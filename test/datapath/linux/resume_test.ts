import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { AF_INET, SOCK_STREAM, TUNSETPERSIST } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { boundAsWanted } from "#src/datapath/linux/adopt_udp.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { openTun, resumeTun } from "#src/datapath/linux/tun/open.ts";
import { bindIpv4, openUdpSocket } from "#src/datapath/udp/socket.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";

const libc = await openLibc();
const arena = new Arena(libc, 1 << 20);
const LOOPBACK = 0x7f000001;
const WANTED = { address: LOOPBACK, port: 0, buffer: 65_536, gro: true };

const udp = (more: object = {}) => openUdpSocket(LINUX_KERNEL, libc, arena, { ...WANTED, ...more });
const close = (fd: number) => void libc.call.close(fd);

test("boundAsWanted() takes sockets that are bound as is wanted, one for each worker", () => {
  const one = udp();
  const taken = (fds: number[], more: object, workers: number) =>
    boundAsWanted(libc, arena, fds, { ...WANTED, ...more }, workers);
  assert.equal(taken([one.fd], {}, 1), one.port);
  assert.equal(taken([one.fd], { port: one.port }, 1), one.port);
  assert.equal(taken([one.fd], { port: one.port ^ 1 }, 1), undefined, "another port");
  assert.equal(taken([one.fd], { address: 0 }, 1), undefined, "another address");
  assert.equal(taken([one.fd], {}, 2), undefined, "too few");
  assert.equal(taken([one.fd, one.fd], {}, 2), undefined, "none that shares its port");
  assert.equal(taken([one.fd], { gro: false }, 1), undefined, "what waits in it may be joined");
  const first = udp({ reusePort: true });
  const second = udp({ reusePort: true, port: first.port });
  assert.equal(taken([first.fd, second.fd], {}, 2), first.port);
  assert.equal(taken([first.fd], {}, 1), undefined, "another may share its port");
  const other = udp({ reusePort: true });
  assert.equal(taken([first.fd, other.fd], {}, 2), undefined, "two ports");
  [one, first, second, other].forEach(({ fd }) => close(fd));
});

test("boundAsWanted() takes nothing else than UDP sockets", () => {
  const tcp = libc.call.socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(bindIpv4(libc, arena, tcp, LOOPBACK, 0), 0);
  const file = openSync("/dev/null", "r");
  for (const fd of [tcp, file, 999_999]) {
    assert.equal(boundAsWanted(libc, arena, [fd], WANTED, 1), undefined);
  }
  close(tcp);
  closeSync(file);
});

inNamespace(import.meta.filename!, () => {
  for (const offloads of [true, false]) {
    for (const queues of [1, 2]) {
      test(`resumeTun() takes ${queues} queues, offloads ${offloads}, as they are wanted alone`, () => {
        const tun = openTun(libc, arena, "teredo", { queues, offloads });
        const resume = (name: string, options: object = {}, fds = tun.queues) =>
          resumeTun(libc, arena, fds, name, { queues, offloads, ...options });
        assert.deepEqual(resume("teredo"), tun);
        assert.deepEqual(resume(""), tun);
        assert.deepEqual(resume("ter%d"), tun);
        assert.equal(resume("other"), undefined);
        assert.equal(resume("teredo", { offloads: !offloads }), undefined);
        assert.equal(resume("teredo", { queues: 3 - queues }), undefined);
        assert.equal(resume("teredo", {}, tun.queues.map(() => 999_999)), undefined);
        assert.equal(libc.call.ioctl(tun.queues[0]!, TUNSETPERSIST, 1), 0);
        assert.equal(resume("teredo"), undefined, "it is its maker's");
        assert.equal(libc.call.ioctl(tun.queues[0]!, TUNSETPERSIST, 0), 0);
        tun.queues.forEach(close);
      });
    }
  }

  test("resumeTun() takes nothing of an interface that is gone", () => {
    const tun = openTun(libc, arena, "teredo", { queues: 1, offloads: true });
    sh("ip link delete teredo");
    const options = { queues: 1, offloads: true };
    assert.equal(resumeTun(libc, arena, tun.queues, "teredo", options), undefined);
    tun.queues.forEach(close);
  });
});
