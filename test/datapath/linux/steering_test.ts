import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import {
  AF_INET,
  AF_INET6,
  SIZEOF_SOCKADDR_IN,
  SIZEOF_SOCKADDR_IN6,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN6_ADDR_AT,
  SOCKADDR_IN6_FAMILY_AT,
  SOCKADDR_IN6_PORT_AT,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_FAMILY_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { configureTunnel } from "#src/datapath/linux/tun/interface.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { steerRelaySockets, steerServerSockets, steerTun } from "#src/datapath/linux/steering.ts";
import { openTun } from "#src/datapath/linux/tun/open.ts";
import { workerOf, workerOfSource } from "#src/datapath/threads/share_out.ts";
import { openUdpSocket } from "#src/datapath/udp/socket.ts";
import { readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { DESTINATION_AT, IPV6_HEADER_LENGTH, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, servicePrefixOf, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { moments } from "#test/datapath/udp/ends.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { Prng } from "#test/sim/prng.ts";

const LOOPBACK = 0x7f000001;
const WORKERS = [2, 3, 7];
const PEERS = 300;

const libc = await openLibc();
const arena = new Arena(libc, 4 << 20);
const buffer = arena.take(65_536);
const name = arena.take(128);

const random = new Prng(4380);
const below = (end: number) => random.below(end);

/** An IPv6 packet without payload, of a peer whose mapping is drawn at random. */
function packetOf(addressAt: number): Uint8Array {
  const packet = new Uint8Array(IPV6_HEADER_LENGTH);
  packet[0] = 0x60;
  const [serverAddress, mappedAddress] = [below(2 ** 32), below(2 ** 32)];
  const mapping = { serverAddress, flags: below(65_536), mappedAddress, mappedPort: below(65_536) };
  packet.set(toBytes({ prefix: SERVICE_PREFIX, ...mapping }), addressAt);
  return packet;
}

/** The headers that may stand before a packet in a datagram. RFC 4380 §5.1.1 */
const origin = () => Uint8Array.of(0, 0, 1, 2, 3, 4, 5, 6);
function authentication(idLength: number, valueLength: number): Uint8Array {
  const header = new Uint8Array(13 + idLength + valueLength).fill(0x5a);
  header.set([0, 1, idLength, valueLength]);
  return header;
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function send(fd: number, bytes: Uint8Array, nameLength: number): void {
  arena.u8.set(bytes, buffer);
  const [data, to] = [arena.address(buffer), arena.address(name)];
  check(libc, libc.call.sendto(fd, data, bytes.length, 0, to, nameLength), "sendto", "a test");
}

function nameIpv4(address: number, port: number): void {
  arena.u16[(name + SOCKADDR_IN_FAMILY_AT) >> 1] = AF_INET;
  writeU16(arena.u8, name + SOCKADDR_IN_PORT_AT, port);
  writeU32(arena.u8, name + SOCKADDR_IN_ADDR_AT, address);
}

/** Which of some descriptors have one packet or datagram to read, once one of them has, and reads it. */
function readable(descriptors: readonly number[]): number[] {
  const capacity = 65_536;
  return onceThere(() =>
    descriptors.flatMap((fd, i) =>
      libc.call.read(fd, arena.address(buffer), capacity) >= 0 ? [i] : []
    )
  );
}

/** What is found, once that is anything: a busy kernel delivers later. */
function onceThere(find: () => number[]): number[] {
  const more = moments();
  let found = find();
  while (found.length === 0 && more()) found = find();
  return found;
}

function group(workers: number, steer: typeof steerRelaySockets) {
  const base = { address: LOOPBACK, buffer: 65_536, reusePort: true };
  const beforeBind = (fd: number) => steer(libc, arena, fd, workers);
  const first = openUdpSocket(LINUX_KERNEL, libc, arena, { ...base, port: 0, beforeBind });
  const others = Array.from(
    { length: workers - 1 },
    () => openUdpSocket(LINUX_KERNEL, libc, arena, { ...base, port: first.port }).fd,
  );
  return { port: first.port, sockets: [first.fd, ...others] };
}

const close = (descriptors: readonly number[]) => descriptors.forEach((fd) => libc.call.close(fd));

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");

  test("a relay's sockets: the kernel and workerOf() agree, whatever stands before the packet", () => {
    for (const workers of WORKERS) {
      const { port, sockets } = group(workers, steerRelaySockets);
      const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, {
        address: LOOPBACK,
        port: 0,
        buffer: 65_536,
      });
      nameIpv4(LOOPBACK, port);
      const seen = new Set<number>();
      for (let i = 0; i < PEERS; i++) {
        const packet = packetOf(SOURCE_AT);
        const expected = workerOf(packet, SOURCE_AT, workers);
        seen.add(expected);
        const auth = authentication(below(256), below(256));
        for (
          const before of [[], [origin()], [auth], [auth, origin()], [authentication(0, 0)]]
        ) {
          send(fd, concat(...before, packet), SIZEOF_SOCKADDR_IN);
          assert.deepEqual(readable(sockets), [expected], `${before.length} headers`);
        }
      }
      assert.equal(seen.size, workers, "every worker has peers");
      close([...sockets, fd]);
    }
  });

  test("a relay's sockets: what is too short to hold a packet goes to the first", () => {
    const { port, sockets } = group(3, steerRelaySockets);
    const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, {
      address: LOOPBACK,
      port: 0,
      buffer: 65_536,
    });
    nameIpv4(LOOPBACK, port);
    const packet = packetOf(SOURCE_AT).fill(0xa5, SOURCE_AT);
    assert.notEqual(workerOf(packet, SOURCE_AT, 3), 0, "or this shows nothing");
    const end = SOURCE_AT + 16;
    for (const before of [[], [origin()], [authentication(255, 255)], [authentication(9, 0)]]) {
      const whole = concat(...before, packet.subarray(0, end));
      for (let length = 0; length < whole.length; length++) {
        send(fd, whole.subarray(0, length), SIZEOF_SOCKADDR_IN);
        assert.deepEqual(readable(sockets), [0], `${before.length} headers, ${length} bytes`);
      }
      send(fd, whole, SIZEOF_SOCKADDR_IN);
      assert.notDeepEqual(readable(sockets), [0]);
    }
    close([...sockets, fd]);
  });

  test("a server's sockets: the kernel and workerOfSource() agree on every source", () => {
    for (const workers of WORKERS) {
      const { port, sockets } = group(workers, steerServerSockets);
      const seen = new Set<number>();
      for (let i = 0; i < PEERS; i++) {
        const source = (0x7f000002 + below(0xfffff0)) >>> 0;
        const { fd } = openUdpSocket(LINUX_KERNEL, libc, arena, {
          address: source,
          port: 0,
          buffer: 4096,
        });
        nameIpv4(LOOPBACK, port);
        send(fd, new Uint8Array(below(100)), SIZEOF_SOCKADDR_IN);
        const expected = workerOfSource(source, workers);
        seen.add(expected);
        assert.deepEqual(readable(sockets), [expected]);
        close([fd]);
      }
      assert.equal(seen.size, workers);
      close(sockets);
    }
  });

  test("a TUN's queues: a peer's packets come to its worker, with offloads and without", () => {
    const netlink = new Netlink(libc);
    for (const workers of WORKERS) {
      for (const offloads of [true, false]) {
        const { queues } = openTun(libc, arena, "teredo", { queues: workers, offloads });
        steerTun(libc, arena, queues[0]!, workers);
        const prefix = servicePrefixOf(SERVICE_PREFIX);
        configureTunnel(netlink, {
          interfaceName: "teredo",
          mtu: 1280,
          queueLength: 500,
          prefix,
          routes: { metric: 10 },
        });
        sh("ip -6 address replace 2001:db8::1/128 dev lo nodad");
        const fd = libc.call.socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        const seen = new Set<number>();
        for (let i = 0; i < PEERS; i++) {
          const peer = packetOf(DESTINATION_AT);
          arena.u16[(name + SOCKADDR_IN6_FAMILY_AT) >> 1] = AF_INET6;
          writeU16(arena.u8, name + SOCKADDR_IN6_PORT_AT, 1 + below(65_535));
          const address = peer.subarray(DESTINATION_AT);
          arena.u8.set(address, name + SOCKADDR_IN6_ADDR_AT);
          send(fd, new Uint8Array(below(1000)), SIZEOF_SOCKADDR_IN6);
          const got = readQueues(queues, offloads ? 10 : 0, address);
          const expected = workerOf(peer, DESTINATION_AT, workers);
          seen.add(expected);
          assert.deepEqual(got, [expected]);
        }
        assert.equal(seen.size, workers);
        close([...queues, fd]);
      }
    }
    netlink.close();
  });

  /** The queues that had a packet to `address`; the kernel's own multicasts are passed over. */
  function readQueues(queues: readonly number[], header: number, address: Uint8Array): number[] {
    const find = () =>
      queues.flatMap((fd, i) => {
        const found: number[] = [];
        while (libc.call.read(fd, arena.address(buffer), 65_536) > 0) {
          const at = buffer + header + DESTINATION_AT;
          if (readU32(arena.u8, at) === readU32(address, 0)) found.push(i);
        }
        return found;
      });
    return onceThere(find);
  }
});

test("workerOf() spreads peers evenly that differ in little", () => {
  const sets: readonly [string, (i: number) => [address: number, port: number]][] = [
    ["ports of one address", (i) => [0xc6336401, 1024 + i]],
    ["neighbours with one port", (i) => [(0x51000000 + i) >>> 0, 3545]],
    ["networks with one host", (i) => [((i << 16) | 0x0101) >>> 0, 3545]],
    ["every fourth port", (i) => [0xc6336401, (4 * i) % 65_536]],
  ];
  const count = 8_192;
  for (const [what, mapping] of sets) {
    for (const workers of [2, 3, 4, 8]) {
      const peers = new Array<number>(workers).fill(0);
      for (let i = 0; i < count; i++) {
        const [mappedAddress, mappedPort] = mapping(i);
        const address = { serverAddress: 1, flags: 0, mappedAddress, mappedPort };
        peers[workerOf(toBytes({ prefix: SERVICE_PREFIX, ...address }), 0, workers)]! += 1;
      }
      const share = count / workers;
      for (const has of peers) {
        assert.ok(has > 0.8 * share && has < 1.2 * share, `${what}, ${workers}: ${peers}`);
      }
    }
  }
});
