import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { UdpInlet } from "#src/datapath/udp/inlet.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { NOTHING, Waiter } from "#src/datapath/waiter.ts";
import { DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { LOOPBACK } from "./ends.ts";

const libc = await openLibc();
const BUFFER = 1 << 20;
const PATIENCE_MS = 60_000;

/** Sockets of one sender, one receiver and one waiter, and one that speaks to them and hears them. */
function several(count: number, through = libc) {
  const arena = new Arena(
    libc,
    2 * (UdpReceiver.arenaLength + UdpSender.arenaLength) + Waiter.arenaLength + 65_536,
  );
  const options = { address: LOOPBACK, port: 0, buffer: BUFFER };
  const open = () => openUdpSocket(LINUX_KERNEL, libc, arena, options);
  const sockets = Array.from({ length: count }, open);
  const [first] = sockets as [typeof sockets[0] & object];
  const other = open();
  const counters = makeCounters();
  return {
    counters,
    sockets,
    inlets: sockets.map(({ fd }, path) => new UdpInlet(fd, path)),
    sender: new UdpSender(through, arena, first.fd, counters),
    receiver: new UdpReceiver(libc, arena, first.fd),
    waiter: new Waiter(libc, arena, [first.fd], count - 1),
    other: {
      port: other.port,
      sender: new UdpSender(libc, arena, other.fd, makeCounters()),
      receiver: new UdpReceiver(libc, arena, other.fd),
      waiter: new Waiter(libc, arena, [other.fd]),
    },
    close: () => {
      for (const { fd } of [...sockets, other]) libc.call.close(fd);
      arena.close();
    },
  };
}

test("UdpSender.leaveBy(): what is queued leaves by the socket that was chosen before, in its order", () => {
  const { sockets, sender, other, close } = several(3);
  const order = [0, 0, 2, 1, 0];
  for (const i of order) {
    assert.equal(sender.leaveBy(sockets[i]!.fd), true);
    sender.queue(Uint8Array.of(i), 0, 1, LOOPBACK, other.port, 0);
  }
  sender.flush();
  const heard: [mark: number, port: number][] = [];
  while (heard.length < order.length) {
    other.waiter.wait(PATIENCE_MS);
    const { receiver } = other;
    const n = receiver.receive();
    for (let i = 0; i < n; i++) heard.push([receiver.bytes[receiver.at(i)]!, receiver.port(i)]);
    receiver.release(n);
  }
  assert.deepEqual(heard, order.map((i) => [i, sockets[i]!.port]));
  close();
});

test("UdpSender.leaveBy() keeps to a socket that there is no room in; what is for another is refused", () => {
  let isFull = true;
  const call = {
    ...libc.call,
    sendmmsg: (fd: number, at: number, count: number, flags: number) =>
      isFull ? -1 : libc.call.sendmmsg(fd, at, count, flags),
  };
  const full = { ...libc, call, errno: () => isFull ? libc.layout.EAGAIN : libc.errno() };
  const { sockets, sender, counters, other, close } = several(2, full as typeof libc);
  sender.queue(Uint8Array.of(7), 0, 1, LOOPBACK, other.port, 0);
  assert.equal(sender.leaveBy(sockets[1]!.fd), false);
  sender.refuse(3);
  assert.equal(counters[DROPS_AT + Drop.SendQueueFull], 3);
  assert.equal(sender.leaveBy(sockets[0]!.fd), true, "it is the one still");
  isFull = false;
  sender.resume();
  assert.equal(sender.leaveBy(sockets[1]!.fd), true);
  other.waiter.wait(PATIENCE_MS);
  assert.equal(other.receiver.receive(), 1);
  assert.equal(other.receiver.port(0), sockets[0]!.port, "from where it was queued");
  close();
});

test("UdpReceiver.receive() takes from the socket that it is told, as Waiter.watch() has it waited for", () => {
  const { sockets, inlets, receiver, waiter, other, close } = several(3);
  waiter.watch(2, sockets[2]!.fd);
  const send = (mark: number) => {
    other.sender.queue(Uint8Array.of(mark), 0, 1, LOOPBACK, sockets[mark]!.port, 0);
    other.sender.flush();
  };
  send(2);
  waiter.wait(PATIENCE_MS);
  assert.deepEqual([0, 1, 2].map((i) => waiter.isReady(i)), [false, false, true]);
  assert.equal(receiver.receive(), 0, "nothing has come to its own");
  assert.equal(receiver.receive(64, inlets[2]!), 1);
  assert.equal(receiver.bytes[receiver.at(0)], 2);
  receiver.release(1);

  send(1);
  send(2);
  waiter.watch(2, NOTHING);
  waiter.wait(0);
  assert.equal(waiter.isReady(2), false, "nobody waits for it any more");
  waiter.expect(2, 0);
  waiter.wait(0);
  assert.equal(waiter.isReady(2), false, "nor for descriptor 0 in its place");
  waiter.watch(1, sockets[1]!.fd);
  waiter.wait(PATIENCE_MS);
  assert.equal(waiter.isReady(1), true);
  close();
});
