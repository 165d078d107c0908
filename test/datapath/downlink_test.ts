import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openLibc } from "#ffi/open.ts";
import {
  SIZEOF_VIRTIO_NET_HDR,
  VIRTIO_NET_HDR_CSUM_OFFSET_AT,
  VIRTIO_NET_HDR_CSUM_START_AT,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_FLAGS_AT,
  VIRTIO_NET_HDR_GSO_SIZE_AT,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_TYPE_AT,
} from "#ffi/linux/mod.ts";
import { Downlink } from "#src/datapath/downlink.ts";
import { CAPACITY } from "#src/datapath/frames.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Counter, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { arrival, bubble, ip4, teredo } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { bytes, tcp } from "#test/segments/packets.ts";
import { moments, open } from "./udp/ends.ts";

const libc = await openLibc();
const OFFLOADS = { tun: true, tunUdp: true, udpGro: true, udpSegment: true };
const ADDRESS = ip4("203.0.113.1");
const HOST = "2001:db8::2";
/** <linux/virtio_net.h>: somebody has verified the checksum. */
const VIRTIO_NET_HDR_F_DATA_VALID = 2;
const SEQUENCE = 1_000;
const HEADERS = 60;
const TCP_CHECKSUM_AT = 16;
/** Bytes of IPv6 packets after which no more is read, and those of the longest that may come last. */
const BATCH_BYTES = 256 * 1024;
const LONGEST = 65_535 + 2_048 * HEADERS;

type Through = (libc: Libc, arena: Arena) => Libc;

/**
 * A kernel whose network card, or whose host, has verified the checksum of what it joined: what comes
 * by way of virtio or LRO may be so. Its header then says nothing of where the checksum is.
 */
const hasVerified: Through = (libc, arena) => {
  const read: Libc["call"]["read"] = (fd, to, length) => {
    const got = libc.call.read(fd, to, length);
    const at = to - arena.address(0);
    arena.u8[at + VIRTIO_NET_HDR_FLAGS_AT] = VIRTIO_NET_HDR_F_DATA_VALID;
    arena.u8.fill(0, at + VIRTIO_NET_HDR_CSUM_START_AT, at + SIZEOF_VIRTIO_NET_HDR);
    return got;
  };
  return { ...libc, call: { ...libc.call, read } as Libc["call"] };
};

/** The relay's half of a tunnel to one trusted peer, between a TUN that a guest writes to and UDP. */
class Path {
  readonly counters = makeCounters();
  readonly peer = open({ gro: true, address: ADDRESS });
  readonly #arena = new Arena(libc, Downlink.arenaLength + 3 * CAPACITY + (1 << 20));
  readonly #guest = openTun(libc, this.#arena, "guest", { queues: 1, offloads: true });
  readonly #tunnel = openTun(libc, this.#arena, "teredo", { queues: 1, offloads: true });
  readonly #udp = openUdpSocket(LINUX_KERNEL, libc, this.#arena, {
    address: ADDRESS,
    port: 0,
    buffer: 8 << 20,
  });
  readonly #address = teredo(ADDRESS, this.peer.port);
  readonly #at = this.#arena.take(64 + CAPACITY) + 64;
  readonly #sink: TunnelSink;
  readonly #downlink: Downlink;

  constructor(through: Through = (it) => it) {
    sh("ip link set guest mtu 1500 up");
    sh("ip link set teredo mtu 1280 up");
    sh("ip -6 address add 2001:db8::1/64 dev guest nodad");
    sh("ip -6 route add 2001::/32 dev teredo");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    const relay = new Relay(RELAY_OPTIONS, this.counters, keyedHash("key"), 7);
    const from = through(libc, this.#arena);
    const tun = new LinuxTunQueue(from, this.#arena, this.#tunnel.queues[0]!, "teredo", true);
    this.#downlink = new Downlink(
      libc,
      this.#arena,
      this.counters,
      this.#udp.fd,
      tun,
      makeSum(this.#arena.memory),
      OFFLOADS,
    );
    this.#downlink.goBy(relay);
    this.#sink = {
      sendDatagram: (datagram) => this.#downlink.send(datagram),
      sendIpv6: () => assert.fail("nothing goes up"),
      sendIcmpv6Error: () => assert.fail("nothing is an error"),
    };
    const now = performance.now();
    const first = tcp({ from: HOST, to: formatIpv6(this.#address) });
    relay.fromIpv6(first, 0, first.length, now, { ...this.#sink, sendDatagram: () => {} });
    const answer = bubble(this.#address, HOST);
    const { port } = this.peer;
    relay.fromUdp(arrival(answer, ADDRESS, port), now, this.#sink);
    assert.equal(relay.gauges.trusted, 1);
    this.receive(); // what the kernel says of a new interface, and the packet that was held
    this.takeAll(1);
    this.counters.fill(0);
  }

  /** A guest's TCP super-packet to the peer, to be cut into segments of `size`. */
  write(sequence: number, payload: number, size: number): void {
    const { u8, u16 } = this.#arena;
    const packet = tcp({
      from: HOST,
      to: formatIpv6(this.#address),
      sequence,
      payload: bytes(payload),
    });
    const header = this.#at - SIZEOF_VIRTIO_NET_HDR;
    u8.fill(0, header, this.#at);
    u8.set(packet, this.#at);
    u8[header + VIRTIO_NET_HDR_FLAGS_AT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    u8[header + VIRTIO_NET_HDR_GSO_TYPE_AT] = VIRTIO_NET_HDR_GSO_TCPV6;
    u16[(header + VIRTIO_NET_HDR_GSO_SIZE_AT) >> 1] = size;
    u16[(header + VIRTIO_NET_HDR_CSUM_START_AT) >> 1] = 40;
    u16[(header + VIRTIO_NET_HDR_CSUM_OFFSET_AT) >> 1] = TCP_CHECKSUM_AT;
    const length = SIZEOF_VIRTIO_NET_HDR + packet.length;
    const fd = this.#guest.queues[0]!;
    assert.equal(libc.call.write(fd, this.#arena.address(header), length), length);
  }

  /** One batch, sent on. */
  receive(): number {
    const count = this.#downlink.receive(performance.now(), this.#sink);
    this.#downlink.flush();
    return count;
  }

  /** TCP sequence numbers of what came to the peer, each packet with its checksum looked at. */
  take(): number[] {
    const { receiver } = this.peer;
    const all: number[] = [];
    for (let n = receiver.receive(); n > 0; n = receiver.receive()) {
      for (let i = 0; i < n; i++) {
        const end = receiver.at(i) + receiver.length(i);
        const step = receiver.segmentSize(i) || receiver.length(i);
        for (let at = receiver.at(i); at < end; at += step) {
          const packet = receiver.bytes.slice(at, Math.min(at + step, end));
          if (packet[6] !== 6) continue;
          assert.equal(payloadChecksum(packet, 0), 0);
          all.push(readU32(packet, 44));
        }
      }
      receiver.release(n);
    }
    return all;
  }

  /** The same of what comes until they are `count`, in batches of which each is told. */
  takeAll(count: number, batch = () => {}): number[] {
    const all = this.take();
    for (const more = moments(); all.length < count;) {
      const isOne = this.receive() > 0;
      if (isOne) batch();
      all.push(...this.take());
      if (!isOne && !more()) break;
    }
    return all;
  }

  close(): void {
    const fds = [...this.#guest.queues, ...this.#tunnel.queues, this.#udp.fd];
    for (const fd of fds) libc.call.close(fd);
    this.peer.close();
  }
}

function withPath(use: (path: Path) => void, through?: Through): void {
  const path = new Path(through);
  try {
    use(path);
  } finally {
    path.close();
  }
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip address add 203.0.113.1/32 dev lo");

  for (const size of [32, 48, 1_208]) {
    test(`Downlink.receive() ends a batch by what its segments of ${size} bytes come to`, () =>
      withPath((path) => {
        const payload = 48_000;
        const each = Math.ceil(payload / size);
        const supers = 8;
        for (let i = 0; i < supers; i++) path.write(SEQUENCE + i * payload, payload, size);
        let before = 0;
        const got = path.takeAll(supers * each, () => {
          const all = path.counters[Counter.ipv6_received_bytes]!;
          assert.ok(all - before <= BATCH_BYTES + LONGEST, `${all - before} bytes in a batch`);
          before = all;
        });
        const wanted = Array.from(
          { length: supers },
          (_, i) => Array.from({ length: each }, (_, k) => SEQUENCE + i * payload + k * size),
        ).flat();
        assert.deepEqual(got, wanted);
        const sent = supers * payload + wanted.length * HEADERS;
        assert.equal(path.counters[Counter.udp_sent_datagrams], wanted.length);
        assert.equal(path.counters[Counter.udp_sent_bytes], sent);
      }));
  }

  test("Downlink takes a super-packet whose checksum somebody has verified", () =>
    withPath((path) => {
      path.write(SEQUENCE, 12_000, 1_000);
      assert.deepEqual(
        path.takeAll(12),
        Array.from({ length: 12 }, (_, i) => SEQUENCE + 1_000 * i),
      );
      assert.equal(path.counters[DROPS_AT + Drop.BadLength], 0);
    }, hasVerified));

  test("Downlink.receive() drops a super-packet of one-byte segments, and counts it", () =>
    withPath((path) => {
      path.write(SEQUENCE, 60_000, 1);
      const more = moments();
      do path.receive(); while (path.counters[DROPS_AT + Drop.BadLength] === 0 && more());
      assert.deepEqual(path.take(), []);
      assert.equal(path.counters[DROPS_AT + Drop.BadLength], 1);
    }));
});
