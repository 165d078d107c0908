import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import { EINTR, ENOMEM } from "#ffi/posix.ts";
import { Downlink } from "#src/datapath/downlink.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import type { TunQueue } from "#src/datapath/tun_queue.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { MOST_BORNE as BORNE } from "#src/datapath/borne.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { LOOPBACK, open as openEnd } from "./udp/ends.ts";

/** What a loop bears of the calls that it lives on, and what ends it. */
const libc = await openLibc();
const { ENOBUFS, ENETUNREACH } = libc.layout;
/** errno(3), the same everywhere. */
const [EBADF, EFAULT] = [9, 14];

/** The same, of whose calls of one name the next `count` fail. */
class Failing {
  readonly libc: Libc;
  count = 0;
  errno = 0;
  #failed = false;

  constructor(name: "poll" | "recvmmsg") {
    const real = libc.call[name] as (...args: number[]) => number;
    const call = (...args: number[]) => {
      this.#failed = this.count > 0;
      if (!this.#failed) return real(...args);
      this.count -= 1;
      return -1;
    };
    this.libc = Object.create(libc, {
      call: { value: Object.create(libc.call, { [name]: { value: call } }) },
      errno: { value: () => this.#failed ? this.errno : libc.errno() },
    });
  }

  fail(errno: number, count: number): void {
    Object.assign(this, { errno, count });
  }
}

/** A socket that is waited for and received from through `failing`. */
function open(failing: Failing) {
  const arena = new Arena(failing.libc, UdpReceiver.arenaLength + Waiter.arenaLength + 65_536);
  const options = { address: LOOPBACK, port: 0, buffer: 65_536 };
  const { fd, port } = openUdpSocket(LINUX_KERNEL, libc, arena, options);
  const other = openEnd();
  const waiter = new Waiter(failing.libc, arena, [fd]);
  const receiver = new UdpReceiver(failing.libc, arena, fd);
  return {
    waiter,
    receiver,
    /** One datagram comes, and is received. */
    receiveOne: () => {
      other.sender.queue(new Uint8Array(1), 0, 1, LOOPBACK, port, 0);
      other.sender.flush();
      let count = 0;
      while (count === 0) {
        waiter.wait(500);
        count = receiver.receive();
      }
      receiver.release(count);
      return count;
    },
    close: () => {
      libc.call.close(fd);
      other.close();
      arena.close();
    },
  };
}

const ERRORS = [["ENOMEM", ENOMEM], ["ENOBUFS", ENOBUFS], ["ENETUNREACH", ENETUNREACH]] as const;

for (const [symbol, errno] of ERRORS) {
  test(`Waiter.wait() and UdpReceiver.receive() bear ${BORNE} times ${symbol} in a row, and no more`, () => {
    for (const name of ["poll", "recvmmsg"] as const) {
      const failing = new Failing(name);
      const { waiter, receiver, receiveOne, close } = open(failing);
      const turn = () => name === "poll" ? waiter.wait(0) : receiver.receive();
      for (let round = 0; round < 3; round++) {
        failing.fail(errno, BORNE);
        for (let i = 0; i < BORNE; i++) turn();
        assert.equal(failing.count, 0);
        if (name === "poll") assert.equal(waiter.isReady(0), false);
        assert.equal(receiveOne(), 1);
      }
      failing.fail(errno, Infinity);
      for (let i = 0; i < BORNE; i++) turn();
      assert.throws(
        turn,
        (error) => error instanceof SyscallError && error.message.includes(symbol),
      );
      close();
    }
  });
}

test("Waiter.wait() and UdpReceiver.receive() bear signals for ever, whatever error these leave", () => {
  for (const name of ["poll", "recvmmsg"] as const) {
    for (const errno of [EINTR, libc.layout.EAGAIN]) {
      const failing = new Failing(name);
      const { waiter, receiver, close } = open(failing);
      failing.fail(errno, 10 * BORNE);
      while (failing.count > 0) {
        if (name === "poll") waiter.wait(0);
        else assert.equal(receiver.receive(), 0);
      }
      close();
    }
  }
});

test("Waiter.wait() and UdpReceiver.receive() end at the first error that tells of a descriptor", () => {
  for (const name of ["poll", "recvmmsg"] as const) {
    for (const errno of [EBADF, EFAULT]) {
      const failing = new Failing(name);
      const { waiter, receiver, close } = open(failing);
      failing.fail(errno, 1);
      assert.throws(() => name === "poll" ? waiter.wait(0) : receiver.receive(), SyscallError);
      close();
    }
  }
});

test(`Downlink.receive() bears ${BORNE} refusals in a row, and takes the interface for gone after them`, () => {
  const arena = new Arena(libc, Downlink.arenaLength + 3 * 65_536);
  let answer = 0;
  const tun = { name: "teredo", fd: -1, segmentSize: 0, read: () => answer } as unknown as TunQueue;
  const offloads = { tun: false, tunUdp: false, udpGro: false, udpSegment: false };
  const downlink = new Downlink(
    libc,
    arena,
    makeCounters(),
    -1,
    tun,
    makeSum(arena.memory),
    offloads,
  );
  const turn = (result: number) => {
    answer = result;
    assert.equal(downlink.receive(0, {} as TunnelSink), 0);
    return downlink.isLost;
  };
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < BORNE; i++) assert.equal(turn(-ENOBUFS), false);
    assert.equal(turn(0), false); // nothing waits: it is there
  }
  for (let i = 0; i < BORNE; i++) assert.equal(turn(-ENOBUFS), false);
  assert.equal(turn(-ENOBUFS), true);
  downlink.find();
  assert.equal(turn(0), false);
  assert.equal(turn(-EBADF), true, "at once");
  arena.close();
});
