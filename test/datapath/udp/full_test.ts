import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import test from "node:test";
import { POLLIN, POLLOUT } from "#ffi/posix.ts";
import { Blocked } from "#src/datapath/udp/blocked.ts";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP } from "#src/protocol/wire/ipv6.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { SuperPacket } from "#src/segments/super_packet.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { bytes, tcp } from "#test/segments/packets.ts";
import { datagram, type Endpoint, LOOPBACK, open, receiveBy } from "./ends.ts";

/** A send buffer that a few datagrams fill, on a way slow enough that they stay in it for a while. */
const BUFFER = 16_384;
const WAIT = 500;
const HEADERS = 60;

/** One that this process may run on. */
function firstCpu(): string {
  return readFileSync("/proc/self/status", "utf8").match(/^Cpus_allowed_list:\s*(\d+)/m)![1]!;
}

/** Resumes whenever the socket says that it takes more, until all is sent. @returns how often */
function drain({ sender, waiter }: Endpoint): number {
  let times = 0;
  waiter.expect(0, POLLIN | POLLOUT);
  for (; sender.blocked !== Blocked.No; times++) {
    assert.equal(sender.blocked, Blocked.Socket);
    while (!waiter.isWritable(0)) waiter.wait(WAIT);
    sender.resume();
    waiter.wait(0);
  }
  return times;
}

/** What has come, once that is `count`. */
function takeAll(to: Endpoint, count: number): Uint8Array[] {
  const { receiver } = to;
  return receiveBy(
    to,
    count,
    (i) => receiver.bytes.slice(receiver.at(i), receiver.at(i) + receiver.length(i)),
  );
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("tc qdisc add dev lo root tbf rate 10mbit burst 20k limit 30mb");
  // Loopback has one queue for each CPU: on two of them what is sent can overtake itself.
  sh(`taskset --pid --cpu-list ${firstCpu()} ${process.pid}`);

  for (const joins of [false, true]) {
    const how = joins ? "in runs" : "one by one";

    test(`UdpSender with a full send buffer keeps what it has queued, ${how}`, () => {
      const [from, to] = [open({ joins, buffer: BUFFER }), open()];
      const count = 1_500;
      let blocked = 0;
      for (let i = 0; i < count; i++) {
        if (!from.sender.hasRoom()) blocked += drain(from);
        from.sender.queue(datagram(700, i), 0, 700, LOOPBACK, to.port, 0);
        if (i % 100 === 99) from.sender.flush();
      }
      from.sender.flush();
      blocked += drain(from);
      assert.ok(blocked > 0);
      const got = takeAll(to, count);
      assert.deepEqual(got.map((it) => it[0]), Array.from({ length: count }, (_, i) => i & 0xff));
      assert.equal(from.counters[Counter.udp_sent_datagrams], count);
      assert.equal(from.counters[Counter.udp_sent_bytes], 700 * count);
      assert.equal(from.counters[DROPS_AT + Drop.SendQueueFull], 0);
      for (const it of [from, to]) it.close();
    });

    test(`UdpSender with a full send buffer counts what it has no room for, ${how}`, () => {
      const [from, to] = [open({ joins, buffer: BUFFER }), open()];
      const count = 6_000;
      for (let i = 0; i < count; i++) {
        from.sender.queue(datagram(700, i), 0, 700, LOOPBACK, to.port, 0);
      }
      from.sender.flush();
      assert.equal(from.sender.blocked, Blocked.Socket);
      drain(from);
      const sent = from.counters[Counter.udp_sent_datagrams]!;
      assert.equal(takeAll(to, sent).length, sent);
      assert.ok(sent < count);
      assert.equal(from.counters[DROPS_AT + Drop.SendQueueFull], count - sent);
      assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 0);
      for (const it of [from, to]) it.close();
    });

    test(`UdpSender goes on in the middle of a super-packet, ${how}`, () => {
      const [from, to] = [open({ joins, buffer: BUFFER }), open()];
      const { packet, segments } = superPacket(from);
      from.sender.queueSegments(packet, LOOPBACK, to.port, 0);
      from.sender.flush();
      assert.ok(drain(from) > 1);
      const got = takeAll(to, segments);
      assert.deepEqual(
        got.map((it) => readU32(it, 44)),
        Array.from({ length: segments }, (_, i) => 1_000 + 32 * i),
      );
      for (const it of got) assert.equal(payloadChecksum(it, 0), 0);
      assert.equal(from.counters[Counter.udp_sent_datagrams], segments);
      for (const it of [from, to]) it.close();
    });

    test(`UdpSender.giveUp() counts all that is queued, ${how}`, () => {
      const [from, to] = [open({ joins, buffer: BUFFER }), open()];
      const { packet, segments } = superPacket(from);
      sh("tc qdisc change dev lo root tbf rate 1mbit burst 20k limit 30mb");
      from.sender.queueSegments(packet, LOOPBACK, to.port, 0);
      from.sender.flush();
      sh("tc qdisc change dev lo root tbf rate 10mbit burst 20k limit 30mb");
      assert.equal(from.sender.blocked, Blocked.Socket);
      from.sender.giveUp();
      assert.equal(from.sender.blocked, Blocked.No);
      const sent = from.counters[Counter.udp_sent_datagrams]!;
      assert.equal(from.counters[DROPS_AT + Drop.SendQueueFull], segments - sent);
      assert.equal(takeAll(to, sent).length, sent);
      from.sender.flush();
      assert.equal(from.counters[Counter.udp_sent_datagrams], sent, "nothing is left");
      for (const it of [from, to]) it.close();
    });
  }
});

/** As long as there are: 2,000 segments of 32 bytes. */
function superPacket({ arena }: Endpoint): { packet: SuperPacket; segments: number } {
  const segments = 2_000;
  const whole = tcp({ sequence: 1_000, payload: bytes(32 * segments) });
  const at = arena.take(whole.length);
  arena.u8.set(whole, at);
  const packet = new SuperPacket(makeSum(arena.memory));
  assert.ok(packet.parse(arena.u8, at, whole.length, NEXT_HEADER_TCP, HEADERS - 20, 32));
  assert.equal(packet.count, segments);
  return { packet, segments };
}
