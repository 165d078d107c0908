import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { LinuxTunQueue } from "#src/datapath/linux/tun/queue.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { Uplink } from "#src/datapath/uplink.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { RelaySink } from "#src/protocol/relay/contract.ts";
import { makeSum } from "#src/segments/checksum.ts";
import { arrival, bubble, ip4, teredo } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { bytes, udp } from "#test/segments/packets.ts";
import { open } from "./udp/ends.ts";

const libc = await openLibc();
const OFFLOADS = { tun: true, tunUdp: true, udpGro: true, udpSegment: true };
const ADDRESS = ip4("203.0.113.1");
const HOST = "2001:db8::2";
/** Of a run of datagrams, which a peer sends as one and a socket gets as one. */
const RUN = 64;
const RUNS = 64;
/** Datagrams after which a turn ends with the slot at hand. */
const MOST_DATAGRAMS = 256;

/** The relay's way from one trusted peer to TUN. */
class Path {
  readonly counters = makeCounters();
  readonly peer = open({ address: ADDRESS });
  readonly uplink: Uplink;
  readonly sink: RelaySink;
  readonly address = teredo(ADDRESS, this.peer.port);
  readonly #arena = new Arena(libc, Uplink.arenaLength + LinuxTunQueue.arenaLength + (1 << 20));
  readonly #tun = openTun(libc, this.#arena, "teredo", { queues: 1, offloads: true });
  readonly #udp = openUdpSocket(LINUX_KERNEL, libc, this.#arena, {
    address: ADDRESS,
    port: 0,
    buffer: 8 << 20,
    gro: true,
  });

  constructor() {
    sh("ip link set teredo mtu 1280 up");
    const relay = new Relay(RELAY_OPTIONS, this.counters, keyedHash("key"), 7);
    const tun = new LinuxTunQueue(libc, this.#arena, this.#tun.queues[0]!, "teredo", true);
    const sum = makeSum(this.#arena.memory);
    this.uplink = new Uplink(
      libc,
      this.#arena,
      this.counters,
      this.#udp.fd,
      tun,
      relay,
      sum,
      OFFLOADS,
      false,
    );
    this.sink = {
      sendDatagram: () => {},
      sendIpv6: (...args) => this.uplink.send(...args),
      sendIcmpv6Error: () => assert.fail("nothing is an error"),
    };
    const now = performance.now();
    const first = udp({ from: HOST, to: formatIpv6(this.address) });
    relay.fromIpv6(first, 0, first.length, now, this.sink);
    const answer = bubble(this.address, HOST);
    relay.fromClient(arrival(answer, ADDRESS, this.peer.port), now, this.sink);
    assert.equal(relay.gauges.trusted, 1);
    this.counters.fill(0);
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
    test(`Uplink.receive() ends its turn by the datagrams in its slots, and loses none: ${payload} bytes`, () => {
      const path = new Path();
      path.write(RUNS * RUN, payload);
      const taken = () => path.counters[Counter.udp_received_datagrams]!;
      let turns = 0;
      for (let before = 0; path.uplink.receive(1_000, path.sink) > 0; before = taken()) {
        assert.ok(taken() - before < MOST_DATAGRAMS + RUN, `${taken() - before} in one turn`);
        turns++;
      }
      assert.equal(path.uplink.hasMore, false);
      assert.ok(turns >= RUNS * RUN / (MOST_DATAGRAMS + RUN));
      assert.equal(taken(), RUNS * RUN);
      assert.equal(path.counters[Counter.ipv6_sent_packets], RUNS * RUN);
      const bytesEach = 48 + payload;
      assert.equal(path.counters[Counter.udp_received_bytes], RUNS * RUN * bytesEach);
      assert.equal(path.counters[Counter.ipv6_sent_bytes], RUNS * RUN * bytesEach);
      path.close();
    });
  }
});
