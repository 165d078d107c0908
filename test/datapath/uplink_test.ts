import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  E2BIG,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOMEM,
  EOPNOTSUPP,
  SIZEOF_VIRTIO_NET_HDR,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_TYPE_AT,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { Way } from "#src/datapath/recorder/entry.ts";
import { latestOf } from "#src/datapath/recorder/packets.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Uplink } from "#src/datapath/uplink.ts";
import { Counter, DROPS_AT, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { arrival, bubble, ip4, teredo } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { PSH } from "#src/segments/transport.ts";
import { ACK, bytes, tcp, udp } from "#test/segments/packets.ts";
import { moments, open } from "./udp/ends.ts";

const libc = await openLibc();
const HEADER = SIZEOF_VIRTIO_NET_HDR;
const TCP = VIRTIO_NET_HDR_GSO_TCPV6;
const UDP = VIRTIO_NET_HDR_GSO_UDP_L4;
/** Refusals in a row after which runs are given up. */
const MOST_REFUSALS = 8;
const OFFLOADS = { tun: true, tunUdp: true, udpGro: true, udpSegment: true };
const ADDRESS = ip4("203.0.113.1");
const HOST = "2001:db8::2";
/** Of a run of datagrams, which a peer sends as one and a socket gets as one. */
const RUN = 64;
const RUNS = 64;
/** Datagrams after which a turn ends with the slot at hand. */
const MOST_DATAGRAMS = 256;

/** The kernel, which refuses runs of some transports, or all that is written. */
class Kernel {
  /** Runs that it was offered, and packets that it took alone. */
  offered = 0;
  readonly taken: Uint8Array[] = [];
  refusedTypes: readonly number[] = [];
  refusesAll = false;
  readonly #errno: number;

  constructor(errno = EINVAL) {
    this.#errno = errno;
  }

  through(arena: Arena): Libc {
    let isRefused = false;
    const base = arena.address(0);
    const write: Libc["call"]["write"] = (fd, from, length) => {
      isRefused = this.refusesAll;
      if (isRefused) return -1;
      const written = libc.call.write(fd, from, length);
      const at = from - base;
      if (written === length) this.taken.push(arena.u8.slice(at + HEADER, at + length));
      return written;
    };
    const writev: Libc["call"]["writev"] = (fd, iovecs, count) => {
      this.offered++;
      const [low, high] = [0, 4].map((more) => arena.u32[(iovecs - base + more) >> 2]!);
      const type = arena.u8[low! + 2 ** 32 * high! - base + VIRTIO_NET_HDR_GSO_TYPE_AT]!;
      isRefused = this.refusesAll || this.refusedTypes.includes(type);
      return isRefused ? -1 : libc.call.writev(fd, iovecs, count);
    };
    const call = { ...libc.call, write, writev } as Libc["call"];
    return { ...libc, call, errno: () => isRefused ? this.#errno : libc.errno() };
  }
}

/** The relay's way from one trusted peer to TUN. */
class Path {
  readonly counters = makeCounters();
  readonly peer = open({ address: ADDRESS });
  readonly uplink: Uplink;
  readonly sink: TunnelSink;
  readonly address = teredo(ADDRESS, this.peer.port);
  readonly #arena = new Arena(libc, Uplink.arenaLength + LinuxTunQueue.arenaLength + (1 << 20));
  readonly #tun = openTun(libc, this.#arena, "teredo", { queues: 1, offloads: true });
  readonly tape = new Tape();
  readonly recorder: PacketRecorder;
  readonly #udp = openUdpSocket(LINUX_KERNEL, libc, this.#arena, {
    address: ADDRESS,
    port: 0,
    buffer: 8 << 20,
    gro: true,
  });

  constructor(kernel = new Kernel()) {
    sh("ip link set teredo mtu 1280 up");
    const relay = new Relay(RELAY_OPTIONS, this.counters, keyedHash("key"), 7);
    const through = kernel.through(this.#arena);
    const tun = new LinuxTunQueue(through, this.#arena, this.#tun.queues[0]!, "teredo", true);
    const sum = makeSum(this.#arena.memory);
    this.recorder = new PacketRecorder(this.tape, this.#arena.u8, this.counters, Date.now);
    this.uplink = new Uplink(
      libc,
      this.#arena,
      this.counters,
      this.#udp.fd,
      tun,
      sum,
      OFFLOADS,
      false,
      this.recorder,
    );
    this.uplink.goBy(relay);
    this.sink = {
      sendDatagram: () => {},
      sendIpv6: (...args) => this.uplink.send(...args),
      sendIcmpv6Error: () => assert.fail("nothing is an error"),
    };
    const now = performance.now();
    const first = udp({ from: HOST, to: formatIpv6(this.address) });
    relay.fromIpv6(first, 0, first.length, now, this.sink);
    const answer = bubble(this.address, HOST);
    relay.fromUdp(arrival(answer, ADDRESS, this.peer.port), now, this.sink);
    assert.equal(relay.gauges.trusted, 1);
    this.counters.fill(0);
  }

  /** One packet of each, as a run of datagrams that the socket gets as one. */
  send(packets: readonly Uint8Array[]): void {
    for (const it of packets) {
      this.peer.sender.queue(it, 0, it.length, ADDRESS, this.#udp.port, 0);
    }
    this.peer.sender.flush();
    const taken = () => this.counters[Counter.udp_received_datagrams]!;
    const end = taken() + packets.length;
    const more = moments();
    while (this.uplink.receive(1_000, this.sink) > 0 || (taken() < end && more()));
  }

  /** `count` datagrams of one length from the peer, in messages that the kernel keeps whole. */
  write(count: number, payload: number): void {
    for (let i = 0; i < count; i++) {
      const inner = udp({ from: formatIpv6(this.address), to: HOST, payload: bytes(payload, i) });
      this.peer.sender.queue(inner, 0, inner.length, ADDRESS, this.#udp.port, 0);
    }
    this.peer.sender.flush();
  }

  close(): void {
    for (const fd of [...this.#tun.queues, this.#udp.fd]) libc.call.close(fd);
    this.peer.close();
  }
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip address add 203.0.113.1/32 dev lo");

  for (const payload of [1, 9, 1_000]) {
    test(
      `Uplink.receive() ends its turn by the datagrams in its slots, and loses none: ${payload} bytes`,
      { timeout: 600_000 },
      () => {
        const path = new Path();
        path.write(RUNS * RUN, payload);
        const taken = () => path.counters[Counter.udp_received_datagrams]!;
        const more = moments();
        let turns = 0;
        for (let before = 0;; before = taken()) {
          const count = path.uplink.receive(1_000, path.sink);
          assert.ok(taken() - before < MOST_DATAGRAMS + RUN, `${taken() - before} in one turn`);
          if (count > 0) turns++;
          else if (taken() >= RUNS * RUN || !more()) break;
        }
        assert.equal(path.uplink.hasMore, false);
        assert.ok(turns >= RUNS * RUN / (MOST_DATAGRAMS + RUN));
        assert.equal(taken(), RUNS * RUN);
        assert.equal(path.counters[Counter.ipv6_sent_packets], RUNS * RUN);
        const bytesEach = 48 + payload;
        assert.equal(path.counters[Counter.udp_received_bytes], RUNS * RUN * bytesEach);
        assert.equal(path.counters[Counter.ipv6_sent_bytes], RUNS * RUN * bytesEach);
        path.close();
      },
    );
  }

  /** Segments that make one run each, of one transport; the last one is short, so that it ends there. */
  const flow = (path: Path, transport: number, seed: number): Uint8Array[] => {
    const ends = { from: formatIpv6(path.address), to: HOST };
    return Array.from({ length: 5 }, (_, i) => {
      const payload = bytes(i === 4 ? 333 : 1_000, seed + i);
      if (transport === UDP) return udp({ ...ends, payload });
      return tcp({ ...ends, payload, sequence: 1_000 * i, flags: i === 4 ? ACK | PSH : ACK });
    });
  };

  const ERRORS = { EINVAL, EIO, ENOMEM, EMSGSIZE, E2BIG, EOPNOTSUPP };
  for (const [name, errno] of Object.entries(ERRORS)) {
    for (const [refused, other] of [[TCP, UDP], [UDP, TCP]] as const) {
      const what = refused === TCP ? "TCP" : "UDP";
      test(`Uplink writes a run of ${what} that the kernel refuses with ${name} packet by packet`, () => {
        const kernel = new Kernel(errno);
        const path = new Path(kernel);
        kernel.refusedTypes = [refused];
        const sent: Uint8Array[] = [];
        for (let round = 1; round <= MOST_REFUSALS + 3; round++) {
          const packets = flow(path, refused, round);
          sent.push(...packets);
          path.send(packets);
          const isGivenUp = round >= MOST_REFUSALS;
          const { isTcpRefused, isUdpRefused } = path.uplink;
          assert.equal(refused === TCP ? isTcpRefused : isUdpRefused, isGivenUp);
          assert.equal(refused === TCP ? isUdpRefused : isTcpRefused, false);
        }
        assert.deepEqual(kernel.taken, sent, "byte for byte, in order");
        assert.equal(kernel.offered, MOST_REFUSALS);
        assert.equal(path.counters[Counter.ipv6_sent_packets], sent.length);
        const total = sent.reduce((sum, it) => sum + it.length, 0);
        assert.equal(path.counters[Counter.ipv6_sent_bytes], total);
        assert.equal(path.counters[DROPS_AT + Drop.TunWriteFailed], 0);
        path.send(flow(path, other, 1));
        assert.equal(kernel.offered, MOST_REFUSALS + 1, "runs of the other transport go on");
        assert.equal(kernel.taken.length, sent.length);
        path.close();
      });
    }
  }

  test("Uplink gives nothing up where single packets are refused as well, and counts each", () => {
    const kernel = new Kernel(EIO);
    const path = new Path(kernel);
    kernel.refusesAll = true;
    for (let i = 1; i <= 2 * MOST_REFUSALS; i++) {
      path.send(flow(path, TCP, i));
      assert.equal(path.counters[DROPS_AT + Drop.TunWriteFailed], 5 * i);
    }
    // Each is recorded, with its own headers.
    path.recorder.end();
    const recorded = latestOf([path.tape.copy()], 10 * MOST_REFUSALS);
    assert.equal(recorded.count, 10 * MOST_REFUSALS);
    for (let i = 0; i < recorded.count; i++) {
      const { way, drop, headers, length } = recorded.at(i);
      assert.deepEqual([way, drop], [Way.ToIpv6, Drop.TunWriteFailed]);
      assert.equal(headers.length, 60);
      assert.equal(readU32(headers, 44), 1_000 * (i % 5));
      assert.equal(length, i % 5 === 4 ? 393 : 1_060);
    }
    assert.equal(path.uplink.isTcpRefused, false);
    assert.equal(path.counters[Counter.ipv6_sent_packets], 0);
    path.close();
  });

  test("Uplink: one odd run among others gives nothing up", () => {
    const kernel = new Kernel();
    const path = new Path(kernel);
    for (let i = 1; i <= 4 * MOST_REFUSALS; i++) {
      kernel.refusedTypes = i % MOST_REFUSALS === 0 ? [] : [TCP];
      path.send(flow(path, TCP, i));
      assert.equal(path.uplink.isTcpRefused, false);
    }
    path.close();
  });
});
