import assert from "node:assert/strict";
import test from "node:test";
import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  CMSGHDR_LEVEL_AT,
  CMSGHDR_TYPE_AT,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOBUFS,
  EOPNOTSUPP,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  SIZEOF_MMSGHDR,
  SOL_UDP,
  UDP_SEGMENT,
} from "#ffi/linux/mod.ts";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { Blocked } from "#src/datapath/udp/blocked.ts";
import { bubble } from "#test/protocol/packets.ts";
import { Way } from "#src/datapath/recorder/entry.ts";
import { latestOf } from "#src/datapath/recorder/packets.ts";
import { type Endpoint, LOOPBACK, open, receive, send } from "./ends.ts";

/**
 * A kernel that does not cut up messages for the device they leave by. The real one says EIO under an
 * IPsec policy with a transform, and before Linux 6.11 for a device without checksum offload.
 */
class Refusing {
  refused = 0;
  /** Until then. */
  isOver = false;
  readonly #errno: number;
  #last = 0;

  constructor(errno: number) {
    this.#errno = errno;
  }

  /** As sendmmsg(2): what stands before a message that fails is sent, and the rest left. */
  readonly through = (libc: Libc, arena: Arena): Libc => {
    const sendmmsg = (fd: number, headers: number, count: number, flags: number) => {
      let good = this.isOver ? count : 0;
      const at = headers - arena.address(0);
      while (good < count && !isSegmented(arena, at + good * SIZEOF_MMSGHDR)) good++;
      if (good > 0) {
        const sent = libc.call.sendmmsg(fd, headers, good, flags);
        this.#last = sent < 0 ? libc.errno() : 0;
        return sent;
      }
      this.refused++;
      this.#last = this.#errno;
      return -1;
    };
    const call = { ...libc.call, sendmmsg } as Libc["call"];
    return { ...libc, call, errno: () => this.#last || libc.errno() };
  };
}

/** Whether the message whose header is at `at` asks for UDP_SEGMENT, by its first control message. */
function isSegmented(arena: Arena, at: number): boolean {
  if (arena.u32[(at + MSGHDR_CONTROLLEN_AT) >> 2] === 0) return false;
  const { u32, i32 } = arena;
  const low = u32[(at + MSGHDR_CONTROL_AT) >> 2]! +
    2 ** 32 * u32[(at + MSGHDR_CONTROL_AT + 4) >> 2]!;
  const control = low - arena.address(0);
  return i32[(control + CMSGHDR_LEVEL_AT) >> 2] === SOL_UDP &&
    i32[(control + CMSGHDR_TYPE_AT) >> 2] === UDP_SEGMENT;
}

/** Refusals in a row after which it is given up, and turns after which it is asked for again. */
const MOST = 8;
const REST = 4_096;
const ERRORS = [
  { name: "EIO", errno: EIO, isGivenUp: true },
  { name: "EOPNOTSUPP", errno: EOPNOTSUPP, isGivenUp: true },
  // Of the way to this peer, which says nothing of others.
  { name: "EMSGSIZE", errno: EMSGSIZE, isGivenUp: false },
  { name: "EINVAL", errno: EINVAL, isGivenUp: false },
] as const;

for (const { name, errno, isGivenUp } of ERRORS) {
  test(`UdpSender sends one by one what the kernel does not cut up for ${name}`, () => {
    const kernel = new Refusing(errno);
    const [from, to] = [open({ through: kernel.through }), open()];
    const lengths = Array(20).fill(300);
    const rounds = MOST + 3;
    const exchange = () => {
      send(from, to, lengths);
      const got = receive(to, lengths.length);
      assert.deepEqual(got.flatMap((slot) => slot.lengths), lengths);
      assert.deepEqual(got.flatMap((slot) => slot.marks), lengths.map((_, i) => i));
    };
    for (let round = 1; round <= rounds; round++) {
      exchange();
      assert.equal(from.sender.isSegmentRefused, isGivenUp && round >= MOST);
      assert.equal(from.counters[Counter.udp_sent_datagrams], round * lengths.length);
      assert.equal(from.counters[Counter.udp_sent_bytes], round * lengths.length * 300);
    }
    assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 0);
    assert.equal(kernel.refused, isGivenUp ? MOST : rounds, "asked again, or not");

    kernel.isOver = true;
    for (let turn = 0; turn < REST; turn++) send(from, from, [1]);
    exchange();
    assert.equal(from.sender.isSegmentRefused, false, "asked again in the end");
    for (const it of [from, to]) it.close();
  });
}

test("UdpSender: one message that is accepted between others that are not says that all may be", () => {
  const kernel = new Refusing(EIO);
  const [from, to] = [open({ through: kernel.through }), open()];
  for (let round = 0; round < 4 * MOST; round++) {
    kernel.isOver = round % MOST === 0;
    send(from, to, [300, 300]);
    assert.equal(receive(to, 2).length, 2);
    assert.equal(from.sender.isSegmentRefused, false);
  }
  for (const it of [from, to]) it.close();
});

test("UdpSender: messages queued before the kernel's first EIO leave one by one as well", () => {
  const kernel = new Refusing(EIO);
  const from = open({ through: kernel.through });
  const peers = Array.from({ length: 8 }, () => open());
  for (const peer of peers) {
    for (let i = 0; i < 3; i++) {
      from.sender.queue(Uint8Array.of(i, 0, 0, 0), 0, 4, LOOPBACK, peer.port, 0);
    }
  }
  from.sender.flush();
  for (const peer of peers) {
    assert.deepEqual(receive(peer, 3).flatMap((slot) => slot.marks), [0, 1, 2]);
  }
  assert.equal(kernel.refused, peers.length);
  assert.equal(from.counters[Counter.udp_sent_datagrams], 3 * peers.length);
  for (const it of [from, ...peers]) it.close();
});

/** An interface whose queue is full for a number of calls, while the socket is writable, as on a BSD */
function fullQueue(refusals: number) {
  let [left, isLast] = [refusals, false];
  return (libc: Libc): Libc => {
    const sendmmsg: Libc["call"]["sendmmsg"] = (...args) => {
      isLast = left > 0;
      if (!isLast) return libc.call.sendmmsg(...args);
      left--;
      return -1;
    };
    const poll = () => assert.fail("a sender waits for nothing");
    const call = { ...libc.call, sendmmsg, poll } as Libc["call"];
    return { ...libc, call, errno: () => isLast ? ENOBUFS : libc.errno() };
  };
}

const FULL = [
  { refusals: 1, resumed: 1, sent: 2, dropped: 0 },
  { refusals: 3, resumed: 3, sent: 2, dropped: 0 },
  { refusals: 4, resumed: 3, sent: 1, dropped: 1 },
  { refusals: 5, resumed: 3, sent: 0, dropped: 2 },
];

for (const { refusals, resumed, sent, dropped } of FULL) {
  test(`UdpSender is blocked, and drops in the end, when ENOBUFS comes ${refusals} times`, () => {
    const from = open({ through: fullQueue(refusals) });
    const peers = [open(), open()];
    for (const { port } of peers) from.sender.queue(new Uint8Array(4), 0, 4, LOOPBACK, port, 0);
    from.sender.flush();
    let times = 0;
    for (; from.sender.blocked !== Blocked.No; times++) {
      assert.equal(from.sender.blocked, Blocked.Interface);
      from.sender.resume();
    }
    assert.equal(times, resumed);
    assert.equal(from.counters[Counter.udp_sent_datagrams], sent);
    assert.equal(from.counters[DROPS_AT + Drop.SendQueueFull], dropped);
    // What waited longest is what is dropped.
    const want = peers.map((_, i) => i < dropped ? 0 : 1);
    assert.deepEqual(peers.map((peer, i) => receive(peer, want[i]!).length), want);
    for (const it of [from, ...peers]) it.close();
  });
}

/** What a sender recorded: datagrams, their end and why they were not sent. */
function recordedBy({ recorder, tape }: Endpoint) {
  recorder.end();
  const all = latestOf([tape.copy()], 100);
  return Array.from({ length: all.count }, (_, i) => {
    const { way, drop, address, port, packets, length, allLength, headers } = all.at(i);
    return { way, drop, address, port, packets, length, allLength, kept: headers.length };
  });
}

const BROADCAST = 0xffffffff;
const NO_ONE = { way: Way.ToUdp, drop: Drop.SendFailed, address: BROADCAST, port: 9 };

for (const joins of [true, false]) {
  test(`UdpSender has recorded what the kernel refuses, ${joins ? "as one message" : "one by one"}`, () => {
    const [from, to] = [open({ joins }), open()];
    const packet = bubble("2001:db8::1", "2001:0:cb00:7101::1");
    const queue = (address: number, port: number) =>
      from.sender.queue(packet, 0, packet.length, address, port, 0);
    for (let i = 0; i < 3; i++) {
      queue(BROADCAST, 9);
      queue(LOOPBACK, to.port);
    }
    from.sender.flush();
    assert.equal(receive(to, 3).flatMap((slot) => slot.lengths).length, 3);
    assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 3);
    const one = { ...NO_ONE, length: 40, kept: 40 };
    assert.deepEqual(
      recordedBy(from),
      joins
        ? [{ ...one, packets: 3, allLength: 120 }]
        : Array(3).fill({ ...one, packets: 1, allLength: 40 }),
    );
    for (const it of [from, to]) it.close();
  });
}
