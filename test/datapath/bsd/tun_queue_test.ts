import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { FREEBSD } from "#ffi/bsd/freebsd.ts";
import { OPENBSD } from "#ffi/bsd/openbsd.ts";
import type { Libc } from "#ffi/libc.ts";
import { EBADF } from "#ffi/posix.ts";
import { openLibc } from "#ffi/open.ts";
import { NativeSender } from "#src/datapath/bsd/native.ts";
import { BsdTunQueue } from "#src/datapath/bsd/tun/queue.ts";

const kernel = await openLibc();
/** A pipe that keeps packets apart, as a device of tun(4) does: O_DIRECT of Linux. */
const O_DIRECT = 0x4000;
const [AT, ROOM] = [64, 4096];

/** The calls and error numbers of the kernel here, the address family of a BSD. */
const likeBsd = (AF_INET6: number): Libc => ({
  ...kernel,
  addressOf: (bytes) => kernel.addressOf(bytes),
  errno: () => kernel.errno(),
  layout: { ...kernel.layout, AF_INET6 },
});

function withPipe(use: (arena: Arena, from: number, to: number) => void): void {
  const arena = new Arena(kernel, 512 * 1024);
  const at = arena.take(8);
  const flags = O_DIRECT | kernel.layout.O_NONBLOCK;
  assert.equal(kernel.call.pipe2(arena.address(at), flags), 0);
  const [from, to] = [arena.i32[at >> 2]!, arena.i32[(at >> 2) + 1]!];
  use(arena, from, to);
  for (const fd of [from, to]) kernel.call.close(fd);
  arena.close();
}

for (const { system, AF_INET6 } of [FREEBSD, OPENBSD]) {
  const head = `000000${AF_INET6.toString(16)}`;
  const libc = likeBsd(AF_INET6);

  test(`BsdTunQueue writes the address family of ${system} before a packet, over what was there`, () =>
    withPipe((arena, from, to) => {
      const at = arena.take(ROOM) + AT;
      arena.u8.fill(0xee, at - AT, at);
      arena.u8.set([0x60, 1, 2, 3, 4], at);
      const queue = new BsdTunQueue(libc, arena, to, "tun0");
      assert.equal(queue.write(at, 5), 5);
      const got = arena.take(ROOM);
      assert.equal(kernel.call.read(from, arena.address(got), ROOM), 9);
      const bytes = Buffer.from(arena.u8.subarray(got, got + 9));
      assert.equal(bytes.toString("hex"), `${head}6001020304`);
      assert.deepEqual(arena.u8.subarray(at - AT, at - 4), new Uint8Array(AT - 4).fill(0xee));
    }));

  test(`BsdTunQueue reads packets of ${system} without their address family`, () =>
    withPipe((arena, from, to) => {
      const queue = new BsdTunQueue(libc, arena, from, "tun0");
      const at = arena.take(ROOM) + AT;
      assert.equal(queue.read(at), 0, "none waits");
      const sent = arena.take(ROOM);
      for (const packet of [`${head}60aabb`, "00000002450102", head, `${head}600000000001`]) {
        const bytes = Buffer.from(packet, "hex");
        arena.u8.set(bytes, sent);
        assert.equal(kernel.call.write(to, arena.address(sent), bytes.length), bytes.length);
      }
      assert.equal(queue.read(at), 3);
      assert.deepEqual([...arena.u8.subarray(at, at + 3)], [0x60, 0xaa, 0xbb]);
      assert.equal(queue.read(at), 3, "of IPv4: its version tells");
      assert.equal(arena.u8[at]! >> 4, 4);
      assert.ok(queue.read(at) < 0, "no packet at all");
      assert.equal(queue.read(at, 2), 2, "cut off");
      // The third byte is still that of the packet before.
      assert.deepEqual([...arena.u8.subarray(at, at + 3)], [0x60, 0, 0x02]);
    }));
}

test("BsdTunQueue tells a full queue from one that is gone", () =>
  withPipe((arena, from, to) => {
    const libc = likeBsd(FREEBSD.AF_INET6);
    const queue = new BsdTunQueue(libc, arena, to, "tun0");
    const at = arena.take(ROOM) + AT;
    let written = 0;
    while (queue.write(at, 1280) === 1280) written++;
    assert.ok(written > 0);
    assert.equal(queue.write(at, 1280), 0);
    const gone = new BsdTunQueue(libc, arena, -1, "tun0");
    assert.equal(gone.write(at, 1280), -EBADF);
    assert.equal(gone.read(at), -EBADF);
    assert.ok(from >= 0);
  }));

test("NativeSender leaves the bytes before a packet alone, in the arena and outside", () =>
  withPipe((arena, from, to) => {
    const sender = new NativeSender(likeBsd(FREEBSD.AF_INET6), arena, to);
    const slot = arena.take(ROOM);
    arena.u8.fill(7, slot, slot + 40);
    const outside = new Uint8Array(40).fill(7);
    assert.equal(sender.send(arena.u8, slot + 8, 3), 0);
    assert.equal(sender.send(outside, 0, 3), 0);
    assert.deepEqual(arena.u8.slice(slot, slot + 40), outside);
    const got = arena.take(ROOM);
    for (let i = 0; i < 2; i++) {
      assert.equal(kernel.call.read(from, arena.address(got), ROOM), 7);
      assert.deepEqual([...arena.u8.subarray(got, got + 7)], [0, 0, 0, 28, 7, 7, 7]);
    }
    assert.equal(new NativeSender(likeBsd(28), arena, -1).send(outside, 0, 3), EBADF);
  }));
