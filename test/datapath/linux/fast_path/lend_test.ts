import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import { monotonicTime } from "#ffi/linux/clock.ts";
import { openLibc } from "#ffi/open.ts";
import { Direction } from "#src/datapath/lending.ts";
import {
  CONTROL,
  CONTROL_ALIVE_UNTIL_AT,
  SLOT,
  SLOT_DOWN_UNTIL_AT,
  SLOT_INTERFACE_AT,
  SLOT_MTU_AT,
  SLOT_NEXT_HOP_AT,
  SLOT_RECEIVED_AT,
  SLOT_RECEIVED_PACKETS_AT,
  SLOT_UP_UNTIL_AT,
} from "#src/datapath/linux/fast_path/leases.ts";
import { ALIVE, LEASE } from "#src/datapath/linux/fast_path/terms.ts";
import { lendTo } from "#src/datapath/linux/fast_path/lend.ts";
import { createMaps } from "#src/datapath/linux/fast_path/maps.ts";
import { KernelWays } from "#src/datapath/linux/fast_path/ways.ts";
import { DESTINATION_AT, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { bubble } from "#test/protocol/packets.ts";
import { data, HOST, RelayLab, tokenOf } from "#test/protocol/relay/lab.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { inNamespace, ip, sh } from "#test/runtime/namespace.ts";
import { clientOf } from "./lend_lab.ts";

const libc = await openLibc();
const ip4 = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const LOCAL = ip4("203.0.113.9");
const ONE = clientOf(0);

function up(name: string, address: string, mtu = 1_500): number {
  sh(`ip link add ${name} mtu ${mtu} type veth peer name ${name}-x`);
  sh(`ip link set ${name}-x up`);
  sh(`ip link set ${name} up`);
  sh(`ip addr add ${address} dev ${name}`);
  return ip(`link show ${name}`)[0].ifindex;
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  const first = up("first", "203.0.113.9/24", 1_400);
  const second = up("second", "198.51.100.9/24");
  sh("ip route add default via 203.0.113.1");

  test("KernelWays.to() asks the kernel, once until it is to forget", () => {
    const ways = new KernelWays(libc);
    const to = (text: string, local = LOCAL) => {
      const way = ways.to(ip4(text), local);
      return way && { index: way.index, mtu: way.mtu, nextHop: way.nextHop };
    };
    const byFirst = { index: first, mtu: 1_400, nextHop: ip4("203.0.113.1") };
    const bySecond = { index: second, mtu: 1_500, nextHop: ip4("198.51.100.1") };
    assert.deepEqual(to("192.0.2.45"), byFirst);
    assert.deepEqual(to("198.51.100.1"), bySecond, "itself");
    assert.equal(to("127.0.0.1"), undefined, "this host itself");
    assert.equal(to("203.0.113.9"), undefined, "this host itself");
    assert.equal(to("203.0.113.255"), undefined, "all of a network");
    assert.equal(to("192.0.2.45", ip4("203.0.113.10")), undefined, "from no address of ours");
    sh("ip route add 192.0.2.0/24 via 198.51.100.1 mtu 1300");
    assert.deepEqual(to("192.0.2.45"), byFirst, "as it was");
    ways.forget();
    assert.deepEqual(to("192.0.2.45"), { ...bySecond, mtu: 1_300 });
    sh("ip route replace 192.0.2.0/24 via inet6 fe80::1 dev second");
    ways.forget();
    assert.deepEqual(to("192.0.2.45"), { ...bySecond, nextHop: 0 }, "as routes say then");
    sh("ip route del 192.0.2.0/24");
    sh("ip route add 192.0.2.0/25 dev lo");
    sh("ip route add unreachable 192.0.2.128/25");
    ways.forget();
    assert.equal(to("192.0.2.45"), undefined, "no program sends by lo");
    assert.equal(to("192.0.2.200"), undefined);
    sh("ip route del 192.0.2.0/25");
    sh("ip route del unreachable 192.0.2.128/25");
    ways.close();
  });

  test("lendTo() writes leases where the programs look, and reads what they count there", () => {
    const arena = new Arena(libc, 1 << 20);
    const bpf = new Bpf(libc, arena);
    const maps = createMaps(bpf, libc, 64, 1);
    // As another thread, or a program, sees them.
    const slotsAt = bpf.mapOver(maps.slots, SLOT * 65);
    const controlAt = bpf.mapOver(maps.control, CONTROL);
    const lab = new RelayLab();
    const start = performance.now();
    const clock = () => {
      lab.now = 1_000_000 + performance.now() - start;
      return lab.now;
    };
    const share = { ...maps, range: [1, 65] } as const;
    const lender = lendTo(libc, share, lab.relay.leases, lab.counters, 0, clock);
    lender.resume();
    lab.fromIpv6(data(HOST, ONE.address));
    lab.fromClient(bubble(ONE.address, tokenOf(lab.sent)), { local: LOCAL });
    const before = monotonicTime(libc);
    clock();
    const packets = [data(ONE.address, HOST), data(HOST, ONE.address)] as const;
    assert.equal(lab.fromClient(packets[0], { local: LOCAL }), 0);
    lender.passed(Direction.Up, packets[0], SOURCE_AT, false, lab.now);
    lender.passed(Direction.Down, packets[1], DESTINATION_AT, false, lab.now);
    for (const direction of [Direction.Up, Direction.Down]) {
      assert.ok(lender.wants(direction));
      lender.prepare(direction, lab.now);
      lender.settle(direction, true, lab.now);
    }
    const after = monotonicTime(libc);

    const [key, value] = [arena.take(16), arena.take(4)];
    arena.u8.set(ONE.address, key);
    assert.equal(bpf.lookUp(maps.leases, key, value), 0);
    assert.equal(arena.u32[value >> 2], 1);
    const at = slotsAt + SLOT;
    const isTold = (offset: number, time: number) => {
      const told = arena.readU64(offset) / 1e6 - time;
      assert.ok(told > before - 5_000 && told < after + 5_000, `${before} ${told} ${after}`);
    };
    isTold(at + SLOT_UP_UNTIL_AT, LEASE);
    isTold(at + SLOT_DOWN_UNTIL_AT, LEASE);
    isTold(controlAt + CONTROL_ALIVE_UNTIL_AT, ALIVE);
    assert.equal(arena.u32[(at + SLOT_INTERFACE_AT) >> 2], first);
    assert.equal(arena.u32[(at + SLOT_MTU_AT) >> 2], 1_400);
    assert.equal(readU32(arena.u8, at + SLOT_NEXT_HOP_AT), ip4("203.0.113.1"));

    arena.writeU64(at + SLOT_RECEIVED_PACKETS_AT, 7);
    arena.writeU64(at + SLOT_RECEIVED_AT, Math.round(monotonicTime(libc) * 1e6));
    lender.tick(lender.nextAt);
    assert.equal(lender.passedUp, 7);
    lender.suspend(clock());
    assert.equal(arena.readU64(at + SLOT_UP_UNTIL_AT), 0);
    lender.tick(lender.nextAt + LEASE + ALIVE);
    lender.tick(lender.nextAt + LEASE + ALIVE);
    assert.notEqual(bpf.lookUp(maps.leases, key, value), 0, "the lease has ended");
    assert.equal(lender.leases, 0);
    lender.close();
    arena.close();
  });
});
