import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { configureTunnel } from "#src/datapath/linux/tun/interface.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { openRawIcmpv6, openRawIpv6, RawIpv6Sender } from "#src/datapath/raw_ipv6.ts";
import { UdpSender } from "#src/datapath/udp/send.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { writeIcmpv6Error } from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { formatIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { addressBytes, icmpv6, packet } from "#test/protocol/packets.ts";
import { fromHex, toHex } from "#test/protocol/vectors.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { OneQueue } from "#test/runtime/one_queue.ts";

const libc = await openLibc();
const CAPACITY = 2048;
const CLIENT = "2001:0:5ef5:79fd::1";
const HOST = "2001:db8::2";
const SERVER_PORT = 3544;

/**
 * The host of a relay or server, with one link of each family whose wire we hold:
 *
 *     2001:db8::2 -- native (TUN) -- host -- teredo (TUN, 2001::/32, MTU 1280)
 *     192.0.2.2 ---- native (TUN)
 */
class Wire {
  readonly arena = new Arena(libc, 1 << 20);
  readonly netlink = new Netlink(libc);
  readonly native: OneQueue = new OneQueue(libc, this.arena, "native");
  readonly teredo: OneQueue = new OneQueue(libc, this.arena, "teredo");
  readonly #at = this.arena.take(CAPACITY);

  constructor() {
    sh("ip link set native mtu 1500 up");
    sh("ip address add 192.0.2.1/24 dev native");
    sh("ip -6 address add 2001:db8::1/64 dev native nodad");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    const prefix = parseIpv6Prefix("2001::/32")!;
    configureTunnel(this.netlink, {
      interfaceName: "teredo",
      mtu: 1280,
      queueLength: 500,
      prefix,
      routes: { metric: 10 },
    });
    this.drain();
  }

  write(tun: OneQueue, bytes: Uint8Array): void {
    this.arena.u8.set(bytes, this.#at);
    assert.equal(tun.write(this.#at, bytes.length), bytes.length);
  }

  /** Every packet waiting on a link that is not the kernel's own chatter. */
  read(tun: OneQueue): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let n = tun.read(this.#at, CAPACITY); n > 0; n = tun.read(this.#at, CAPACITY)) {
      const bytes = this.arena.u8.slice(this.#at, this.#at + n);
      if (bytes[0]! >> 4 === 4 || bytes[24] !== 0xff) all.push(bytes);
    }
    return all;
  }

  drain(): void {
    this.read(this.native);
    this.read(this.teredo);
  }

  close(): void {
    this.native.close();
    this.teredo.close();
    this.netlink.close();
    this.arena.close();
  }
}

function withWire(use: (wire: Wire) => void): void {
  const wire = new Wire();
  try {
    use(wire);
  } finally {
    wire.close();
  }
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  test("a datagram of UdpSender has DF clear and ECN zero, whatever is in it (R-30, S-33)", () => {
    withWire((wire) => {
      const arena = new Arena(libc, UdpSender.arenaLength + 65_536);
      const options = { address: 0xc0000201, port: SERVER_PORT, buffer: 1 << 20 };
      const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, options);
      const sender = new UdpSender(libc, arena, fd, makeCounters());
      const marked = icmpv6(128, HOST, CLIENT);
      marked[1] = 0x30; // congestion experienced
      const long = packet(17, HOST, CLIENT, new Uint8Array(1_600));
      for (const inner of [marked, long]) {
        sender.queue(inner, 0, inner.length, 0xc0000202, 40_000, 0);
      }
      sender.flush();
      const [first, ...fragments] = wire.read(wire.native);
      assert.ok(first !== undefined);
      assert.equal(first[1], 0, "TOS, of which ECN is the lower two bits");
      assert.equal(readU16(first, 6) & 0x4000, 0, "DF");
      assert.deepEqual([readU32(first, 12), readU16(first, 20)], [0xc0000201, SERVER_PORT]);
      assert.equal(toHex(first, 28), toHex(marked));
      assert.equal(fragments.length, 2, "longer than the link's MTU: fragmented, not refused");
      for (const fragment of fragments) {
        assert.equal(fragment[1], 0);
        assert.equal(readU16(fragment, 6) & 0x4000, 0);
      }
      libc.call.close(fd);
      arena.close();
    });
  });

  test("so has each datagram of a run that the kernel cuts up, inner ECN untouched (R-30, S-33)", () => {
    withWire((wire) => {
      const arena = new Arena(libc, UdpSender.arenaLength + 65_536);
      const options = { address: 0xc0000201, port: SERVER_PORT, buffer: 1 << 20 };
      const { fd, udpSegment } = openUdpSocket(LINUX_KERNEL, libc, arena, options);
      assert.ok(udpSegment);
      const counters = makeCounters();
      const sender = new UdpSender(libc, arena, fd, counters, udpSegment);
      const inner = [0x00, 0x10, 0x20, 0x30].map((marks, i) => {
        const one = packet(17, HOST, CLIENT, new Uint8Array(1_200).fill(i));
        one[1] = marks;
        return one;
      });
      for (const it of inner) sender.queue(it, 0, it.length, 0xc0000202, 40_000, 0);
      sender.flush();
      const sent = wire.read(wire.native);
      assert.deepEqual(sent.map((it) => toHex(it, 28)), inner.map((it) => toHex(it)));
      for (const it of sent) {
        assert.equal(it[1], 0, "TOS, of which ECN is the lower two bits");
        assert.equal(readU16(it, 6), 0, "DF, and no fragment");
        assert.deepEqual([readU32(it, 12), readU16(it, 20)], [0xc0000201, SERVER_PORT]);
      }
      assert.equal(counters[Counter.udp_sent_datagrams], inner.length);
      libc.call.close(fd);
      arena.close();
    });
  });

  test("the kernel says Packet Too Big with 1280 for what the tunnel cannot take (R-31, I-05)", () => {
    withWire((wire) => {
      wire.write(wire.native, packet(17, HOST, CLIENT, new Uint8Array(1_241)));
      const [error] = wire.read(wire.native);
      assert.ok(error !== undefined);
      assert.equal(toHex(error, 40, 2), "0200");
      assert.equal(readU32(error, 44), 1280);
      assert.equal(formatIpv6(error, 24), HOST);
      assert.equal(payloadChecksum(error, 0), 0);
      assert.deepEqual(wire.read(wire.teredo), []);

      wire.write(wire.native, packet(17, HOST, CLIENT, new Uint8Array(1_240)));
      assert.equal(wire.read(wire.teredo)[0]?.length, 1280);
    });
  });

  test("the kernel counts hop limits down and reports their end, both ways (R-32)", () => {
    withWire((wire) => {
      const payload = new Uint8Array(8);
      for (const [from, to] of [[wire.native, wire.teredo], [wire.teredo, wire.native]] as const) {
        const [source, destination] = from === wire.native ? [HOST, CLIENT] : [CLIENT, HOST];
        wire.write(from, packet(17, source, destination, payload, 9));
        assert.equal(wire.read(to)[0]?.[7], 8);
        wire.write(from, packet(17, source, destination, payload, 1));
        assert.deepEqual(wire.read(to), []);
        const [error] = wire.read(from);
        assert.equal(error === undefined ? "" : toHex(error, 40, 2), "0300");
      }
    });
  });

  test("the raw socket sends a client's packet as it is, hop limit too (S-12)", () => {
    withWire((wire) => {
      const arena = new Arena(libc, RawIpv6Sender.arenaLength + 65_536);
      const fd = openRawIpv6(libc);
      const sender = new RawIpv6Sender(libc, arena, fd, "packet");
      const echo = icmpv6(128, CLIENT, HOST, fromHex("beef0001"), 21);
      assert.equal(sender.send(echo, 0, echo.length), 0);
      assert.deepEqual(wire.read(wire.native).map((it) => toHex(it)), [toHex(echo)]);
      libc.call.close(fd);
      arena.close();
    });
  });

  test("an ICMPv6 error leaves from an address of the host, with a right checksum (I-03, I-07)", () => {
    withWire((wire) => {
      const arena = new Arena(libc, RawIpv6Sender.arenaLength + 65_536);
      const fd = openRawIcmpv6(libc, arena);
      const sender = new RawIpv6Sender(libc, arena, fd, "payload");
      const offending = packet(17, HOST, CLIENT, new Uint8Array(1_240));
      const error = new Uint8Array(1_280);
      const source = addressBytes("::");
      const length = writeIcmpv6Error(error, 0, 1, 3, 0, source, offending, 0, offending.length);
      assert.equal(sender.send(error, 0, length), 0);
      const [sent] = wire.read(wire.native);
      assert.ok(sent !== undefined);
      assert.equal(sent.length, 1280);
      assert.equal(formatIpv6(sent, 8), "2001:db8::1");
      assert.equal(formatIpv6(sent, 24), HOST);
      assert.equal(payloadChecksum(sent, 0), 0);
      assert.equal(toHex(sent, 48), toHex(offending, 0, 1_232));
      libc.call.close(fd);
      arena.close();
    });
  });
});
