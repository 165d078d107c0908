import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { openRelay } from "#src/datapath/start/relay.ts";
import { workerOf } from "#src/datapath/threads/share_out.ts";
import { readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Counter } from "#src/protocol/counters.ts";
import { DESTINATION_AT, isBubble, NEXT_HEADER_AT, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import {
  mappedAddressOf,
  mappedPortOf,
  SERVICE_PREFIX,
} from "#src/protocol/wire/teredo_address.ts";
import { addressBytes, bubble, ip4, packet, teredo } from "#test/protocol/packets.ts";
import { RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { OneQueue } from "#test/runtime/one_queue.ts";

const libc = await openLibc();
const CAPACITY = 2048;
/** Packets to peers, of which a queue of the relay's takes 2,000. */
const MOST_UNDER_WAY = 1_000;
const PATIENCE_MS = 60_000;
const OPTIONS = { timeout: 600_000 };
const RELAY = ip4("192.0.2.1");
const RELAY_PORT = 3545;
const SERVER = ip4("203.0.113.254");
const HOST = addressBytes("2001:db8::2");
const UDP = 17;
const PEERS = 120;
/** Held at first, then sent while they are let go, then one to each peer in turn. */
const [HELD, RELEASED, FLOWING] = [4, 4, 24];
const ALL = Array.from({ length: HELD + RELEASED + FLOWING }, (_, i) => i);

/** Neighbours in address or in port, some far apart. */
const PEER = Array.from(
  { length: PEERS },
  (_, i) => teredo(ip4("203.0.113.1") + i % 40, 40_000 + 97 * i, SERVER),
);

/** A UDP packet over IPv6 that carries a number. */
function numbered(from: Uint8Array, to: Uint8Array, sequence: number): Uint8Array {
  const udp = new Uint8Array(8 + 40);
  writeU16(udp, 0, 9);
  writeU16(udp, 2, 9);
  writeU16(udp, 4, udp.length);
  writeU32(udp, 8, sequence);
  const whole = packet(UDP, from, to, udp);
  writeU16(whole, 46, payloadChecksum(whole, 0));
  return whole;
}

/** What a peer's NAT sends to the relay: IPv4, UDP without a checksum (RFC 768), `payload`. */
function fromPeer(peer: Uint8Array, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(28 + payload.length);
  writeU32(b, 0, 0x45000000 | b.length);
  writeU32(b, 8, 0x40000000 | (UDP << 16));
  writeU32(b, 12, mappedAddressOf(peer, 0));
  writeU32(b, 16, RELAY);
  writeU16(b, 10, finishChecksum(addBytes(b, 0, 20, 0)));
  writeU16(b, 20, mappedPortOf(peer, 0));
  writeU16(b, 22, RELAY_PORT);
  writeU16(b, 24, 8 + payload.length);
  b.set(payload, 28);
  return b;
}

/**
 * A relay between two worlds whose wire we hold, with as many workers as wanted. No packet waits
 * in a queue that two processors empty, so what is out of order here, the relay made so.
 *
 *     203.0.113.0/24, 2001:db8::2 -- native (TUN) -- this host -- teredo (TUN) -- relay
 */
class World {
  readonly #arena = new Arena(libc, 1 << 20);
  readonly #native = new OneQueue(libc, this.#arena, "native");
  readonly #at = this.#arena.take(CAPACITY);
  readonly open: OpenRole;
  datapath!: Datapath;
  /** Numbers that arrived at each peer, and at the host from each peer. */
  readonly down: readonly number[][] = PEER.map(() => []);
  readonly up: readonly number[][] = PEER.map(() => []);
  /** Peers that a bubble came for, each once. */
  readonly called = new Set<number>();
  readonly #index = new Map(PEER.map((address, i) => [key(address, 0), i]));

  constructor(workers: number, offloads: boolean) {
    sh("ip link set native mtu 1500 txqueuelen 20000 up");
    sh("ip address add 192.0.2.1/24 dev native");
    sh("ip route add 203.0.113.0/24 dev native");
    sh("ip -6 address add 2001:db8::1/64 dev native nodad");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    const { servicePort: _, ...rules } = RELAY_OPTIONS;
    this.open = openRelay(libc, {
      interfaceName: "teredo",
      bindAddress: RELAY,
      bindPort: RELAY_PORT,
      socketBuffer: 4 << 20,
      offloads,
      workers: { count: workers, reason: "this test" },
      routes: { metric: 10 },
      rules: {
        ...rules,
        ownAddresses: [RELAY],
        maxPeers: 4 * PEERS,
        holdPackets: 64,
        holdBytes: 64 * 1280,
        holdMemory: 4 << 20,
      },
    });
  }

  async start(): Promise<void> {
    this.datapath = await this.open.start();
  }

  write(bytes: Uint8Array): void {
    this.#arena.u8.set(bytes, this.#at);
    assert.equal(this.#native.write(this.#at, bytes.length), bytes.length);
  }

  toPeer(i: number, sequence: number): void {
    this.write(numbered(HOST, PEER[i]!, sequence));
  }

  toHost(i: number, sequence: number): void {
    this.write(fromPeer(PEER[i]!, numbered(PEER[i]!, HOST, sequence)));
  }

  /** Takes what waits on the native side; `onBubble` hears of a peer's first one. */
  read(onBubble: (peer: number, from: Uint8Array) => void = () => {}): void {
    const { u8 } = this.#arena;
    for (let n = this.#native.read(this.#at, CAPACITY); n > 0;) {
      const tunnelled = u8[this.#at]! >> 4 === 4;
      const at = tunnelled ? this.#at + 28 : this.#at;
      this.#take(u8.slice(at, this.#at + n), tunnelled, onBubble);
      n = this.#native.read(this.#at, CAPACITY);
    }
  }

  #take(
    ipv6: Uint8Array,
    tunnelled: boolean,
    onBubble: (peer: number, from: Uint8Array) => void,
  ): void {
    const peer = this.#index.get(key(ipv6, tunnelled ? DESTINATION_AT : SOURCE_AT));
    if (peer === undefined) return; // the kernel's own
    if (tunnelled && isBubble(ipv6, 0)) {
      if (this.called.has(peer)) return;
      this.called.add(peer);
      return onBubble(peer, ipv6.slice(SOURCE_AT, SOURCE_AT + 16));
    }
    assert.equal(ipv6[NEXT_HEADER_AT], UDP);
    assert.equal(payloadChecksum(ipv6, 0), 0);
    (tunnelled ? this.down : this.up)[peer]!.push(readU32(ipv6, 48));
  }

  /** Reads until there is what is waited for. */
  async until(what: string, isMet: () => boolean, read = () => this.read()): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (read(); !isMet(); read()) {
      assert.ok(performance.now() < deadline, what);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async close(): Promise<void> {
    await this.datapath.stop();
    this.#native.close();
    this.#arena.close();
  }
}

const key = (b: Uint8Array, at: number) => b.subarray(at, at + 16).join(" ");
const everyPeer = (each: (peer: number) => void) => PEER.forEach((_, peer) => each(peer));

/** Both ways at once: held packets, those that come while they are let go, and a steady flow. */
async function exchange(world: World): Promise<void> {
  for (let i = 0; i < HELD; i++) everyPeer((peer) => world.toPeer(peer, i));
  const answerAndGoOn = (peer: number, relay: Uint8Array) => {
    world.write(fromPeer(PEER[peer]!, bubble(PEER[peer]!, relay)));
    for (let i = 0; i < RELEASED; i++) world.toPeer(peer, HELD + i);
    for (let i = 0; i < HELD + RELEASED; i++) world.toHost(peer, i);
  };
  await world.until(
    "a bubble for each peer",
    () => world.called.size === PEERS,
    () => world.read(answerAndGoOn),
  );
  const count = (flows: readonly number[][]) => flows.reduce((n, flow) => n + flow.length, 0);
  for (let i = HELD + RELEASED; i < ALL.length; i++) {
    everyPeer((peer) => {
      world.toPeer(peer, i);
      world.toHost(peer, i);
    });
    // The relay may have no processor for a while, and its queues hold no more than this.
    await world.until("those before", () => count(world.down) > PEERS * i - MOST_UNDER_WAY);
  }
  const whole = PEERS * ALL.length;
  await world.until(
    "every packet",
    () => count(world.down) >= whole && count(world.up) >= whole,
  );
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  for (const workers of [1, 2, 3]) {
    for (const offloads of [true, false]) {
      const name = `${workers} workers, offloads ${offloads ? "on" : "off"}`;
      test(
        `${name}: no packet of a peer is lost, doubled or passed by another, and each peer is known once`,
        OPTIONS,
        async () => {
          const world = new World(workers, offloads);
          await world.start();
          try {
            assert.deepEqual(world.open.workers, { count: workers, reason: "this test" });
            const served = new Set(PEER.map((address) => workerOf(address, 0, workers)));
            assert.equal(served.size, workers, "every worker has peers");
            await exchange(world);
            everyPeer((peer) => {
              assert.deepEqual(world.down[peer], ALL, `to peer ${peer}`);
              assert.deepEqual(world.up[peer], ALL, `from peer ${peer}`);
            });
            const { datapath } = world;
            await world.until("levels", () => datapath.levels().peersTrusted >= PEERS);
            assert.equal(datapath.levels().peers, PEERS, "all workers' entries together");
            assert.equal(datapath.counters()[Counter.peers_created], PEERS);
          } finally {
            await world.close();
          }
        },
      );
    }
  }

  test(
    "openRelay() serves with one worker where the interface has one queue, and says so",
    OPTIONS,
    async () => {
      sh("ip tuntap add teredo mode tun");
      const world = new World(2, true);
      await world.start();
      assert.deepEqual(world.open.workers, {
        count: 1,
        reason: "not 2 (this test): the interface teredo exists and has one queue",
      });
      await exchange(world);
      everyPeer((peer) => assert.deepEqual(world.down[peer], ALL));
      await world.close();
    },
  );

  test(
    "openRelay() with workers refuses a port that another program has, though it would share",
    OPTIONS,
    async () => {
      const world = new World(2, false);
      await world.start();
      const again = () =>
        openRelay(libc, {
          interfaceName: "second",
          bindAddress: RELAY,
          bindPort: RELAY_PORT,
          socketBuffer: 65_536,
          offloads: false,
          workers: { count: 2, reason: "this test" },
          routes: { metric: 10 },
          rules: { ...RELAY_OPTIONS, prefix: SERVICE_PREFIX },
        });
      assert.throws(again, /192\.0\.2\.1:3545 is in use by another program/);
      await world.close();
    },
  );
});
