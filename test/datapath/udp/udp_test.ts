import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { SIZEOF_SOCKLEN_T, SOL_UDP, UDP_GRO } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { BATCH } from "#src/datapath/frames.ts";
import { UdpReceiver } from "#src/datapath/udp/receive.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Waiter } from "#src/datapath/waiter.ts";
import { StartError } from "#src/errors.ts";
import { Counter, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";

const LOOPBACK = 0x7f000001;
const LOOPBACK_2 = 0x7f000002;
const BROADCAST = 0xffffffff;
const BUFFER = 1 << 20;

const libc: Libc = await openLibc();

/** A socket with both halves over one arena, as a loop has them. */
function open(address: number) {
  const arena = new Arena(
    libc,
    UdpReceiver.arenaLength + UdpSender.arenaLength + Waiter.arenaLength + 65_536,
  );
  const counters = makeCounters();
  const { fd, port } = openUdpSocket(LINUX_KERNEL, libc, arena, {
    address,
    port: 0,
    buffer: BUFFER,
  });
  return {
    arena,
    counters,
    port,
    receiver: new UdpReceiver(libc, arena, fd),
    sender: new UdpSender(libc, arena, fd, counters),
    waiter: new Waiter(libc, arena, [fd]),
    close: () => {
      libc.call.close(fd);
      arena.close();
    },
  };
}
type Endpoint = ReturnType<typeof open>;

interface Received {
  readonly text: string;
  readonly address: number;
  readonly port: number;
  readonly local: number;
}

/** For what was sent and must come: a busy kernel delivers it later, even on the loopback interface. */
const PATIENCE = 60_000;

/** Receives until `count` datagrams have come. */
function receive(endpoint: Endpoint, count: number): Received[] {
  const { receiver, waiter } = endpoint;
  const all: Received[] = [];
  const end = performance.now() + PATIENCE;
  while (all.length < count && performance.now() < end) {
    waiter.wait(PATIENCE);
    for (let n = receiver.receive(); n > 0; n = receiver.receive()) {
      for (let i = 0; i < n; i++) {
        const bytes = receiver.bytes.slice(receiver.at(i), receiver.at(i) + receiver.length(i));
        all.push({
          text: new TextDecoder().decode(bytes),
          address: receiver.address(i),
          port: receiver.port(i),
          local: receiver.local(i),
        });
      }
      receiver.release(n);
    }
  }
  return all;
}

const bytes = (text: string) => new TextEncoder().encode(text);

function withEndpoints(addresses: readonly number[], body: (endpoints: Endpoint[]) => void): void {
  const endpoints = addresses.map(open);
  try {
    body(endpoints);
  } finally {
    for (const endpoint of endpoints) endpoint.close();
  }
}

test("UdpSender, UdpReceiver: several batches arrive whole, in order, with their source", () => {
  withEndpoints([LOOPBACK, LOOPBACK], ([from, to]) => {
    const texts = Array.from({ length: 3 * BATCH + 5 }, (_, i) => `datagram ${i}`);
    for (const text of texts) {
      from!.sender.queue(bytes(text), 0, bytes(text).length, LOOPBACK, to!.port, 0);
    }
    from!.sender.flush();
    const got = receive(to!, texts.length);
    assert.deepEqual(got.map((it) => it.text), texts);
    assert.ok(got.every((it) => it.address === LOOPBACK && it.port === from!.port));
    assert.equal(from!.counters[Counter.udp_sent_datagrams], texts.length);
    assert.equal(from!.counters[Counter.udp_sent_bytes], texts.join("").length);
  });
});

test("UdpSender.queue() sends arena bytes from where they lie, others from a copy", () => {
  withEndpoints([LOOPBACK, LOOPBACK], ([from, to]) => {
    const at = from!.arena.take(64);
    from!.arena.u8.set(bytes("in the arena"), at);
    from!.sender.queue(from!.arena.u8, at, 12, LOOPBACK, to!.port, 0);
    const outside = bytes("outside it");
    from!.sender.queue(outside, 0, outside.length, LOOPBACK, to!.port, 0);
    outside.fill(0x2a); // the caller's again as soon as queue() is back
    from!.sender.flush();
    assert.deepEqual(receive(to!, 2).map((it) => it.text), ["in the arena", "outside it"]);
  });
});

test("UdpSender.queue() copies more than its scratch holds, by flushing in between", () => {
  withEndpoints([LOOPBACK, LOOPBACK], ([from, to]) => {
    const long = new Uint8Array(60_000).fill(0x61);
    for (let i = 0; i < 12; i++) {
      from!.sender.queue(long, 0, long.length, LOOPBACK, to!.port, 0);
    }
    from!.sender.flush();
    assert.equal(receive(to!, 12).length, 12);
    assert.equal(from!.counters[Counter.udp_sent_datagrams], 12);
    assert.equal(from!.counters[DROPS_AT + Drop.SendQueueFull], 0);
  });
});

test("UdpSender.flush() loses only the datagram that the kernel refuses", () => {
  withEndpoints([LOOPBACK, LOOPBACK], ([from, to]) => {
    const send = (text: string, address: number) =>
      from!.sender.queue(bytes(text), 0, text.length, address, to!.port, 0);
    send("first", LOOPBACK);
    send("broadcast", BROADCAST); // EACCES without SO_BROADCAST: RFC 4380 §5.2.4
    send("last", LOOPBACK);
    from!.sender.flush();
    assert.deepEqual(receive(to!, 2).map((it) => it.text), ["first", "last"]);
    assert.equal(from!.counters[DROPS_AT + Drop.SendFailed], 1);
    assert.equal(from!.counters[Counter.udp_sent_datagrams], 2);
  });
});

test("UdpReceiver.local() and UdpSender: an answer leaves from the address that was written to", () => {
  withEndpoints([LOOPBACK, 0], ([client, any]) => {
    client!.sender.queue(bytes("hello"), 0, 5, LOOPBACK_2, any!.port, 0);
    client!.sender.flush();
    const [hello] = receive(any!, 1);
    assert.equal(hello!.local, LOOPBACK_2);
    any!.sender.queue(bytes("answer"), 0, 6, hello!.address, hello!.port, hello!.local);
    any!.sender.flush();
    const [answer] = receive(client!, 1);
    assert.equal(answer!.address, LOOPBACK_2);
    assert.equal(answer!.text, "answer");
  });
});

test("UdpReceiver.local() of a broadcast is an address that answers can leave from", async () => {
  const client = createSocket("udp4");
  client.bind(0, "127.0.0.1");
  await once(client, "listening");
  client.setBroadcast(true);
  const answered = once(client, "message");
  const any = open(0);
  await new Promise((sent) => client.send("hello", any.port, "127.255.255.255", sent));
  const [hello] = receive(any, 1);
  any.sender.queue(bytes("answer"), 0, 6, hello!.address, hello!.port, hello!.local);
  any.sender.flush();
  assert.equal(any.counters[DROPS_AT + Drop.SendFailed], 0);
  assert.equal(String((await answered)[0]), "answer");
  client.close();
  any.close();
});

test("UdpReceiver.overflowsBefore() tells what the kernel threw away", () => {
  const arena = new Arena(libc, 65_536);
  withEndpoints([LOOPBACK], ([from]) => {
    const small = openUdpSocket(LINUX_KERNEL, libc, arena, {
      address: LOOPBACK,
      port: 0,
      buffer: 4096,
    });
    const smallArena = new Arena(libc, UdpReceiver.arenaLength);
    const receiver = new UdpReceiver(libc, smallArena, small.fd);
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) {
        from!.sender.queue(new Uint8Array(500), 0, 500, LOOPBACK, small.port, 0);
      }
      from!.sender.flush();
    };
    const drain = () => {
      let [received, lost] = [0, 0];
      for (let n = receiver.receive(); n > 0; n = receiver.receive()) {
        received += n;
        lost += receiver.overflowsBefore(n - 1);
        receiver.release(n);
      }
      return { received, lost };
    };
    flood(1000);
    let [sent, { received, lost }] = [1000, drain()];
    assert.ok(received < 1000);
    for (let tries = 0; received + lost < sent && tries < 1_000; tries++) {
      flood(1); // the count comes with the next datagram that fits
      const after = drain();
      [sent, received, lost] = [sent + 1, received + after.received, lost + after.lost];
    }
    assert.ok(lost > 0);
    assert.equal(received + lost, sent);
    libc.call.close(small.fd);
    smallArena.close();
  });
  arena.close();
});

test("openUdpSocket(LINUX_KERNEL, ) says which address or port cannot be had, and how to mend it", () => {
  const arena = new Arena(libc, 65_536);
  withEndpoints([LOOPBACK], ([holder]) => {
    assert.throws(
      () =>
        openUdpSocket(LINUX_KERNEL, libc, arena, {
          address: LOOPBACK,
          port: holder!.port,
          buffer: BUFFER,
        }),
      (error: unknown) =>
        error instanceof StartError &&
        error.message.includes(`127.0.0.1:${holder!.port} is in use`),
    );
  });
  assert.throws(
    () =>
      openUdpSocket(LINUX_KERNEL, libc, arena, { address: 0xc0000201, port: 0, buffer: BUFFER }),
    (error: unknown) =>
      error instanceof StartError && error.message.includes("ip addr add 192.0.2.1/32"),
  );
  arena.close();
});

test("openUdpSocket(LINUX_KERNEL, ) lets one address be bound twice only where both sockets allow it", () => {
  const arena = new Arena(libc, 65_536);
  const options = { address: LOOPBACK, port: 0, buffer: BUFFER, reusePort: true };
  const first = openUdpSocket(LINUX_KERNEL, libc, arena, options);
  const second = openUdpSocket(LINUX_KERNEL, libc, arena, { ...options, port: first.port });
  assert.equal(second.port, first.port);
  const alone = { ...options, port: first.port, reusePort: false };
  assert.throws(() => openUdpSocket(LINUX_KERNEL, libc, arena, alone), StartError);
  for (const { fd } of [first, second]) libc.call.close(fd);
  arena.close();
});

test("openUdpSocket(LINUX_KERNEL, ) asks for UDP_GRO only when told, and says what the kernel has", () => {
  const arena = new Arena(libc, 65_536);
  const options = { address: LOOPBACK, port: 0, buffer: BUFFER };
  const value = arena.take(4);
  const length = arena.take(SIZEOF_SOCKLEN_T);
  for (const gro of [false, true]) {
    const { fd, udpGro, udpSegment } = openUdpSocket(LINUX_KERNEL, libc, arena, {
      ...options,
      gro,
    });
    arena.u32[length >> 2] = 4;
    const got = [arena.address(value), arena.address(length)] as const;
    assert.equal(libc.call.getsockopt(fd, SOL_UDP, UDP_GRO, ...got), 0);
    assert.deepEqual([arena.i32[value >> 2] === 1, udpGro], [gro, gro]);
    assert.equal(udpSegment, true, "any kernel of these years has it");
    libc.call.close(fd);
  }
  arena.close();
});
