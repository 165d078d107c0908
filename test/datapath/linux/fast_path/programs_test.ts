import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import { check, SyscallError } from "#ffi/errors.ts";
import {
  ENODEV,
  IFF_NO_PI,
  IFF_TAP,
  IFF_VNET_HDR,
  IFREQ_FLAGS_AT,
  IFREQ_NAME_AT,
  O_NONBLOCK,
  O_RDWR,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLIN,
  SIZEOF_IFREQ,
  SIZEOF_POLLFD,
  SIZEOF_VIRTIO_NET_HDR,
  TUNSETIFF,
  VIRTIO_NET_HDR_HDR_LEN_AT,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import * as at from "#src/datapath/linux/fast_path/leases.ts";
import { FastPathImpossible, FastPathPrograms } from "#src/datapath/linux/fast_path/programs.ts";
import type { ReasonName } from "#src/datapath/linux/fast_path/reasons.ts";
import { openTun, TUN_DEVICE } from "#src/datapath/linux/tun/open.ts";
import { readU16, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { formatIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { openUdp6 } from "#test/load/sockets.ts";
import { Udp6Sender } from "#test/load/udp6_send.ts";
import { addressBytes, icmpv6, teredo } from "#test/protocol/packets.ts";
import { CLIENT, CLIENT_PORT, RELAY, RELAY_PORT, toHex } from "#test/protocol/vectors.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { Prng } from "#test/sim/prng.ts";
import {
  datagramFrame,
  endsOf,
  ETHERNET,
  ICMPV6_PROTOCOL,
  INNER,
  IPV4,
  ipv4Rest,
  makePacket,
  packetFrame,
  TCP_PROTOCOL,
  UDP_PROTOCOL,
  udpRest,
} from "./frames.ts";

const libc = await openLibc();
const HOST = "2001:db8::1";
const NATIVE = "2001:db8:1::2";
const PEER = teredo(CLIENT, CLIENT_PORT);
const OURS = "02:00:00:00:00:01";
const GATEWAY = "02:00:00:00:00:02";
const MTU = 9_000;
const SLOT = 1;
const ROOM = 16_384;
const LATER = 2n ** 62n;
const PATIENCE_MS = 30_000;
/** A machine may have much else to do. */
const TIMEOUT_MS = 60_000;
const OPTIONS = {
  servicePort: RELAY_PORT,
  prefix: SERVICE_PREFIX,
  served: undefined,
  ttl: 64,
  peers: 4,
};

/**
 * A relay without its process: an Ethernet interface whose other end the test holds, a TUN interface,
 * and one lease that the test has made by hand.
 *
 *     client -- gateway -- v4 (203.0.113.9) -- kernel, 2001:db8::1 -- teredo -- nobody
 *                                                         |
 *                             native host (2001:db8:1::2) -- v6
 */
class Wire {
  readonly arena = new Arena(libc, 24 << 20);
  readonly programs = new FastPathPrograms(libc, this.arena, OPTIONS);
  readonly tun: number;
  readonly #u64 = new BigUint64Array(this.arena.memory.buffer);
  readonly #tap: number;
  readonly #native: number;
  readonly #buffer = this.arena.take(ROOM);
  readonly #slot: number;
  readonly #indexes: { readonly v4: number; readonly teredo: number };

  constructor() {
    this.#tap = this.#openTap("v4");
    this.#native = this.#openTap("v6");
    this.tun = openTun(libc, this.arena, "teredo", { queues: 1, offloads: true }).queues[0]!;
    writeFileSync("/proc/sys/net/ipv6/conf/v4/disable_ipv6", "1");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    const commands = [
      "link set lo up",
      `link set v4 address ${OURS} mtu ${MTU} up`,
      "address add 203.0.113.9/24 dev v4",
      `neighbour replace 203.0.113.1 lladdr ${GATEWAY} nud permanent dev v4`,
      "route add default via 203.0.113.1",
      `address replace ${HOST}/128 dev lo nodad`,
      `link set v6 address ${OURS} mtu ${MTU} up`,
      "address add 2001:db8:1::1/64 dev v6 nodad",
      `neighbour replace ${NATIVE} lladdr ${GATEWAY} nud permanent dev v6`,
      `link set teredo mtu ${MTU} up`,
      "route add 2001::/32 dev teredo",
    ];
    execFileSync("ip", ["-batch", "-"], { input: commands.join("\n") });
    const [v4, tun] = [this.indexOf("v4"), this.indexOf("teredo")];
    this.#indexes = { v4, teredo: tun };
    const bpf = new Bpf(libc, this.arena);
    const { leases, slots, control } = this.programs.maps;
    this.#slot = bpf.mapOver(slots, (OPTIONS.peers + 1) * at.SLOT) + SLOT * at.SLOT;
    const controlAt = bpf.mapOver(control, at.CONTROL);
    const [key, value] = [this.arena.take(16), this.arena.take(4)];
    this.arena.u8.set(PEER, key);
    this.arena.u32[value >> 2] = SLOT;
    assert.equal(bpf.update(leases, key, value), 0);
    const { u8, u32 } = this.arena;
    u32[(controlAt + at.CONTROL_TUN_AT) >> 2] = tun;
    u32[(controlAt + at.CONTROL_TUN_MTU_AT) >> 2] = MTU;
    writeU32(u8, this.#slot + at.SLOT_MAPPED_ADDRESS_AT, CLIENT);
    writeU16(u8, this.#slot + at.SLOT_MAPPED_PORT_AT, CLIENT_PORT);
    writeU32(u8, this.#slot + at.SLOT_LOCAL_ADDRESS_AT, RELAY);
    u32[(this.#slot + at.SLOT_INTERFACE_AT) >> 2] = v4;
    u32[(this.#slot + at.SLOT_MTU_AT) >> 2] = MTU;
    const times = [
      controlAt + at.CONTROL_ALIVE_UNTIL_AT,
      ...[at.SLOT_UP_UNTIL_AT, at.SLOT_DOWN_UNTIL_AT, at.SLOT_UP_RENEW_AT, at.SLOT_DOWN_RENEW_AT]
        .map((time) => this.#slot + time),
    ];
    for (const time of times) Atomics.store(this.#u64, time >> 3, LATER);
    this.attach();
    this.readTun(0);
  }

  indexOf(name: string): number {
    const index = libc.call.if_nametoindex(this.arena.address(this.arena.cString(name)));
    assert.notEqual(index, 0, `no interface ${name}`);
    return index;
  }

  attach(): void {
    this.programs.attach([this.#indexes.v4], this.#indexes.teredo);
  }

  #openTap(name: string): number {
    const path = this.arena.cString(TUN_DEVICE);
    const fd = libc.call.open(this.arena.address(path), O_RDWR | O_NONBLOCK, 0);
    check(libc, fd, "open", TUN_DEVICE);
    const request = this.arena.take(SIZEOF_IFREQ);
    new TextEncoder().encodeInto(name, this.arena.u8.subarray(request + IFREQ_NAME_AT));
    this.arena.u16[(request + IFREQ_FLAGS_AT) >> 1] = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    check(libc, libc.call.ioctl(fd, TUNSETIFF, this.arena.address(request)), "TUNSETIFF", name);
    return fd;
  }

  /** A counter or time of the lease. */
  read(offset: number): number {
    return this.arena.readU64(this.#slot + offset);
  }

  setNextHop(address: number): void {
    writeU32(this.arena.u8, this.#slot + at.SLOT_NEXT_HOP_AT, address);
  }

  left(reason: ReasonName): number {
    return this.programs.leftAlone()[reason];
  }

  /**
   * Has an interface receive a frame: by default the one to the client.
   *
   * @param linear bytes that it puts where the kernel can read them, of a frame longer than a page
   */
  receive(frame: Uint8Array, linear = 0, tap = this.#tap): void {
    const { u8, u16 } = this.arena;
    u8.fill(0, this.#buffer, this.#buffer + SIZEOF_VIRTIO_NET_HDR);
    u16[(this.#buffer + VIRTIO_NET_HDR_HDR_LEN_AT) >> 1] = linear;
    u8.set(frame, this.#buffer + SIZEOF_VIRTIO_NET_HDR);
    const length = SIZEOF_VIRTIO_NET_HDR + frame.length;
    const written = libc.call.write(tap, this.arena.address(this.#buffer), length);
    assert.equal(check(libc, written, "write", "an interface"), length);
  }

  /** Has the interface to the native host receive a packet of its. */
  fromNative(packet: Uint8Array, linear = 0): void {
    const frame = packetFrame(packet);
    frame.set(macOf(OURS));
    this.receive(frame, linear, this.#native);
  }

  /** Packets that have left to the native host. */
  readNative(expected: number): Uint8Array[] {
    const at = SIZEOF_VIRTIO_NET_HDR + ETHERNET;
    const isToNative = (b: Uint8Array) => formatIpv6(b, at + 24) === NATIVE;
    return this.#readAll(this.#native, expected, isToNative).map((b) => b.subarray(at));
  }

  /** Frames that have left by the Ethernet interface; waits for as many as are expected. */
  readTap(expected: number): Uint8Array[] {
    return this.#readAll(this.#tap, expected, () => true)
      .map((b) => b.subarray(SIZEOF_VIRTIO_NET_HDR));
  }

  /** Packets to the peer that the programs left to the process. */
  readTun(expected: number): Uint8Array[] {
    const isToPeer = (b: Uint8Array) => toHex(b, SIZEOF_VIRTIO_NET_HDR + 24, 4) === "20010000";
    return this.#readAll(this.tun, expected, isToPeer)
      .map((b) => b.subarray(SIZEOF_VIRTIO_NET_HDR));
  }

  #readAll(fd: number, expected: number, isMeant: (b: Uint8Array) => boolean): Uint8Array[] {
    const all: Uint8Array[] = [];
    const poll = this.arena.take(SIZEOF_POLLFD);
    this.arena.i32[(poll + POLLFD_FD_AT) >> 2] = fd;
    this.arena.u16[(poll + POLLFD_EVENTS_AT) >> 1] = POLLIN;
    const wait = () => all.length < expected ? PATIENCE_MS : 0;
    while (libc.call.poll(this.arena.address(poll), 1, wait()) > 0) {
      const n = libc.call.read(fd, this.arena.address(this.#buffer), ROOM);
      const one = this.arena.u8.slice(this.#buffer, this.#buffer + Math.max(n, 0));
      if (isMeant(one)) all.push(one);
    }
    return all;
  }

  close(): void {
    this.programs.close();
    libc.call.close(this.#tap);
    libc.call.close(this.#native);
    libc.call.close(this.tun);
    this.arena.close();
  }
}

/** An echo request of the peer to the host, as its datagram comes in. */
function echoFrame(data: number): Uint8Array {
  const body = Uint8Array.from({ length: 4 + data }, (_, i) => i);
  return frameOf(icmpv6(128, PEER, HOST, body));
}

/** A packet of the peer, as its datagram comes in. */
function frameOf(packet: Uint8Array): Uint8Array {
  const ends = { source: CLIENT, sourcePort: CLIENT_PORT };
  const ours = { destination: RELAY, destinationPort: RELAY_PORT };
  const frame = datagramFrame(new Prng(packet.length), { ...ends, ...ours }, packet);
  frame.set(macOf(OURS));
  return frame;
}

/** What a router has done to a packet. */
function forwarded(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  copy[7]!--;
  return copy;
}

const macOf = (text: string) => text.split(":").map((byte) => parseInt(byte, 16));

/** A datagram to the peer, on its way to the gateway; its sums, and its packet's, are right. */
function assertTunnelled(frame: Uint8Array): void {
  assert.deepEqual([...frame.subarray(0, 14)], [...macOf(GATEWAY), ...macOf(OURS), 8, 0]);
  assert.deepEqual(endsOf(frame), {
    source: RELAY,
    sourcePort: RELAY_PORT,
    destination: CLIENT,
    destinationPort: CLIENT_PORT,
  });
  assert.equal(readU16(frame, IPV4 + 2), frame.length - IPV4);
  assert.deepEqual([ipv4Rest(frame), udpRest(frame), payloadChecksum(frame, INNER)], [0, 0, 0]);
}

/** The reply to an {@link echoFrame}. */
function assertReply(frame: Uint8Array, request: Uint8Array): void {
  assertTunnelled(frame);
  assert.equal(formatIpv6(frame, INNER + 8), HOST);
  assert.equal(frame[INNER + 40], 129);
  assert.equal(toHex(frame, INNER + 44), toHex(request, INNER + 44));
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
  test("FastPathPrograms: an echo request and its reply pass, and are counted", {
    timeout: TIMEOUT_MS,
  }, () => {
    withWire((wire) => {
      for (const [i, data] of [0, 56, 1_172].entries()) {
        const frame = echoFrame(data);
        wire.receive(frame);
        const replies = wire.readTap(1);
        assert.equal(replies.length, 1);
        assertReply(replies[0]!, frame);
        assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), i + 1);
        assert.equal(wire.read(at.SLOT_SENT_PACKETS_AT), i + 1);
      }
      const bytes = 3 * 48 + 56 + 1_172;
      assert.equal(wire.read(at.SLOT_RECEIVED_BYTES_AT), bytes);
      assert.equal(wire.read(at.SLOT_SENT_BYTES_AT), bytes);
      assert.ok(wire.read(at.SLOT_RECEIVED_AT) > 0);
      assert.ok(wire.read(at.SLOT_SENT_AT) > 0);
      assert.deepEqual(wire.readTun(0), [], "the process has seen nothing");
      const { scope: _, ...left } = wire.programs.leftAlone(); // the kernel's own link messages
      assert.deepEqual(new Set(Object.values(left)), new Set([0]));
    });
  });

  test(
    "FastPathPrograms: a datagram goes to the next hop that the lease knows, or that routes do",
    {
      timeout: TIMEOUT_MS,
    },
    () => {
      withWire((wire) => {
        const others: readonly [address: number, mac: string][] = [
          [0, GATEWAY],
          [parseIpv4("203.0.113.1")!, GATEWAY],
          [parseIpv4("203.0.113.7")!, "02:00:00:00:00:07"],
        ];
        sh("ip neighbour replace 203.0.113.7 lladdr 02:00:00:00:00:07 nud permanent dev v4");
        for (const [address, mac] of others) {
          wire.setNextHop(address);
          wire.receive(echoFrame(8));
          const [reply] = wire.readTap(1);
          assert.deepEqual([...reply!.subarray(0, 6)], macOf(mac));
          assert.equal(endsOf(reply!).destination, CLIENT);
        }
        assert.deepEqual(wire.readTun(0), []);
      });
    },
  );

  test("FastPathPrograms: a payload that is not where it can be read is fetched", {
    timeout: TIMEOUT_MS,
  }, () => {
    withWire((wire) => {
      const frame = echoFrame(5_000);
      // Up to there: Ethernet, half of IPv4, all of the datagram's headers, half of IPv6, all.
      for (const linear of [IPV4, IPV4 + 10, INNER, INNER + 20, INNER + 40]) {
        wire.receive(frame, linear);
        const replies = wire.readTap(1);
        assert.equal(replies.length, 1);
        assertReply(replies[0]!, frame);
      }
      assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), 5);
    });
  });

  test("FastPathPrograms: a packet in pages gets its tunnel, wherever its transport begins", () => {
    withWire((wire) => {
      for (const protocol of [TCP_PROTOCOL, UDP_PROTOCOL, ICMPV6_PROTOCOL]) {
        const packet = makePacket(new Prng(7), protocol, addressBytes(NATIVE), PEER, 5_000);
        packet[7] = 64;
        for (const linear of [ETHERNET, ETHERNET + 40, ETHERNET + 44, ETHERNET + 60]) {
          wire.fromNative(packet, linear);
          const [frame] = wire.readTap(1);
          assertTunnelled(frame!);
          assert.equal(toHex(frame!, INNER), toHex(forwarded(packet)));
        }
      }
    });
  });

  test("FastPathPrograms: between a client and a native host the kernel forwards, and answers itself", () => {
    withWire((wire) => {
      const packet = makePacket(new Prng(8), UDP_PROTOCOL, PEER, addressBytes(NATIVE), 100);
      packet[7] = 2;
      wire.receive(frameOf(packet));
      assert.deepEqual(wire.readNative(1).map((b) => toHex(b)), [toHex(forwarded(packet))]);
      packet[7] = 1;
      wire.receive(frameOf(packet));
      const [exceeded] = wire.readTap(1);
      assertTunnelled(exceeded!);
      assert.deepEqual([exceeded![INNER + 6], exceeded![INNER + 40]], [ICMPV6_PROTOCOL, 3]);
      assert.deepEqual(wire.readNative(0), []);
    });
  });

  test("FastPathPrograms: a tagged frame is left alone", { timeout: TIMEOUT_MS }, () => {
    withWire((wire) => {
      const frame = echoFrame(8);
      wire.receive(Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 7, ...frame.subarray(12)));
      assert.equal(wire.left("vlan"), 1);
      assert.deepEqual(wire.readTap(0), []);
      assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), 0);
    });
  });

  test(
    "FastPathPrograms: this host's own packets, whose checksums are unfinished, go the slow way",
    { timeout: TIMEOUT_MS },
    () => {
      withWire((wire) => {
        const arena = new Arena(libc, Udp6Sender.arenaLength + 65_536);
        const fd = openUdp6(libc, arena, 7_000);
        const sender = new Udp6Sender(libc, arena, fd);
        sender.queue(arena.take(99), 99, PEER, 7_001);
        sender.flush();
        libc.call.close(fd);
        const packets = wire.readTun(1);
        assert.deepEqual(packets.map((b) => [b.length, b[6]]), [[48 + 99, 17]]);
        assert.notEqual(payloadChecksum(packets[0]!, 0), 0, "or this shows nothing");
        assert.equal(wire.left("unfinished_checksum"), 1);
        assert.deepEqual(wire.readTap(0), []);
      });
    },
  );

  test("FastPathPrograms.detach(), attach(): packets take the slow way, and the fast one again", {
    timeout: TIMEOUT_MS,
  }, () => {
    withWire((wire) => {
      wire.programs.detach();
      wire.receive(echoFrame(8));
      assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), 0);
      wire.readTap(1); // a complaint that nobody has the port
      wire.attach();
      const frame = echoFrame(8);
      wire.receive(frame);
      assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), 1);
      assertReply(wire.readTap(1)[0]!, frame);
    });
  });

  test("FastPathPrograms.attach(): one interface that is not there, and none is attached", {
    timeout: TIMEOUT_MS,
  }, () => {
    withWire((wire) => {
      wire.programs.detach();
      assert.throws(() => wire.programs.attach([wire.indexOf("v4")], 0x7fff_ffff), (error) => {
        assert.ok(error instanceof SyscallError);
        assert.equal(error.errno, ENODEV);
        return true;
      });
      wire.receive(echoFrame(8));
      assert.equal(wire.read(at.SLOT_RECEIVED_PACKETS_AT), 0);
    });
  });

  test("FastPathPrograms: those of two processes do not take packets from each other", {
    timeout: TIMEOUT_MS,
  }, () => {
    withWire((wire) => {
      const other = new FastPathPrograms(libc, wire.arena, { ...OPTIONS, servicePort: 3546 });
      other.attach([wire.indexOf("v4")], wire.indexOf("teredo"));
      wire.programs.detach();
      wire.attach(); // behind the other's
      wire.receive(echoFrame(8));
      assert.equal(wire.readTap(1).length, 1);
      other.close();
    });
  });
});

test("FastPathPrograms: too many prefixes for a program are said to be so", () => {
  const arena = new Arena(libc, 1 << 20);
  const served = Array.from({ length: 9 }, (_, i) => parseIpv6Prefix(`2001:db8:${i}::/48`)!);
  assert.throws(
    () => new FastPathPrograms(libc, arena, { ...OPTIONS, served }),
    FastPathImpossible,
  );
  new FastPathPrograms(libc, arena, { ...OPTIONS, served: served.slice(1) }).close();
});

test("FastPathPrograms: to serve nothing is nothing for a program, and to serve all is no check", () => {
  const arena = new Arena(libc, 1 << 20);
  const make = (served: readonly string[]) =>
    new FastPathPrograms(libc, arena, {
      ...OPTIONS,
      served: served.map((it) => parseIpv6Prefix(it)!),
    });
  assert.throws(() => make([]), FastPathImpossible);
  make(["::/0", "2001:db8::/32"]).close();
  make(["2001:db8::/32", "::/0"]).close();
});
