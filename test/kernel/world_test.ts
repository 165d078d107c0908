import assert from "node:assert/strict";
import test from "node:test";
import { IFF_UP } from "#ffi/posix.ts";
import { HOP_LIMIT_AT, parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { packet } from "../protocol/packets.ts";
import { masked } from "./lists.ts";
import { PacketQueue } from "./packet_queue.ts";
import { type PaperLink, type PaperRoute, PaperWorld } from "./world.ts";

const HOST = "2001:db8::1";

function up(world: PaperWorld, name: string): PaperLink {
  return world.addLink(name, 1500, IFF_UP, 2);
}

function route(world: PaperWorld, text: string, link: PaperLink, over: Partial<PaperRoute> = {}) {
  const { bytes, length } = parseIpv6Prefix(text)!;
  const made = { metric: 0, action: "send", origin: "static", ...over } as const;
  world.addRoute({ destination: bytes, length, link, ...made });
}

/** Which interface a packet to an address leaves by. */
function way(world: PaperWorld, address: string): string | undefined {
  world.packets.length = 0;
  return world.send(packet(59, HOST, address)) ? world.packets[0]?.link : undefined;
}

test("PaperWorld.send() takes the longest prefix, then the lowest metric, of interfaces that are up", () => {
  const world = new PaperWorld();
  const [a, b, c] = [up(world, "a"), up(world, "b"), up(world, "c")];
  assert.equal(way(world, "2001::1"), undefined);
  route(world, "::/0", a);
  route(world, "2001::/32", b, { metric: 5 });
  route(world, "2001::/32", c, { metric: 4 });
  route(world, "2001:0:1::/48", a, { action: "reject" });
  assert.deepEqual(
    ["2001:db8::9", "2001::1", "2001:0:1::1", "ff02::1"].map((it) => way(world, it)),
    ["a", "c", undefined, undefined],
  );
  c.flags = 0;
  assert.equal(way(world, "2001::1"), "b");
  world.removeLink(b);
  assert.equal(way(world, "2001::1"), "a");
  assert.deepEqual(world.routes.map((it) => it.link?.name), ["a", "c", "a"]);
});

test("PaperWorld.send() throws away what is longer than the MTU", () => {
  const world = new PaperWorld();
  const link = up(world, "a");
  route(world, "::/0", link);
  link.mtu = 1280;
  const of = (length: number) => packet(59, HOST, "2001::1", new Uint8Array(length - 40));
  assert.deepEqual([world.send(of(1280)), world.send(of(1281))], [true, false]);
});

test("PaperWorld.addAddress() brings the route of its prefix once, and no route of a whole address", () => {
  const world = new PaperWorld();
  const link = up(world, "a");
  const address = (text: string, prefixLength: number) =>
    world.addAddress(link, { bytes: parseIpv6(text)!, prefixLength, flags: 0 });
  address("2001:db8::1", 64);
  address("2001:db8::2", 64);
  address("2001:db8:1::1", 128);
  assert.deepEqual(world.routes.map((it) => [it.length, it.origin]), [[64, "kernel"]]);
  assert.ok(world.isOwn(parseIpv6("2001:db8:1::1")!));
  assert.ok(!world.isOwn(parseIpv6("2001:db8::3")!));
  assert.equal(way(world, "2001:db8::3"), "a");
});

test("PaperWorld.forward() lowers the hop limit, and ends a packet's way where it is used up", () => {
  const world = new PaperWorld();
  route(world, "::/0", up(world, "a"));
  for (const hops of [64, 2, 1, 0]) {
    world.forward(packet(59, HOST, "2001::1", new Uint8Array(0), hops));
  }
  assert.deepEqual(world.packets.map((it) => it.packet[HOP_LIMIT_AT]), [63, 1]);
});

test("PacketQueue keeps packets in order, as many as its interface allows, until it is closed", () => {
  const world = new PaperWorld();
  const link = up(world, "tun0");
  const queue = new PacketQueue(world, link);
  route(world, "2001::/32", link);
  const sent = [1, 2, 3].map((i) => world.send(packet(59, HOST, "2001::1", Uint8Array.of(i))));
  assert.deepEqual(sent, [true, true, false]);
  assert.deepEqual([queue.take()?.[40], queue.take()?.[40], queue.take()], [1, 2, undefined]);
  assert.deepEqual(world.packets, []);
  queue.close();
  assert.equal(world.send(packet(59, HOST, "2001::1")), false);
});

test("masked() clears the bits behind a prefix", () => {
  const ones = new Uint8Array(4).fill(0xff);
  const cases = [[0, "00000000"], [1, "80000000"], [12, "fff00000"], [32, "ffffffff"]] as const;
  for (const [length, hex] of cases) assert.equal(masked(ones, length).toHex(), hex);
});
