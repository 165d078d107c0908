import assert from "node:assert/strict";
import type { ReasonName } from "#src/datapath/linux/fast_path/reasons.ts";
import { readU16, writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { DESTINATION_AT, parseIpv6, parseIpv6Prefix, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { RELAY, RELAY_PORT, toHex } from "#test/protocol/vectors.ts";
import type { Random } from "#test/sim/prng.ts";
import {
  assertBytes,
  datagramFrame,
  endsOf,
  ETHERNET,
  finishIpv4,
  finishUdp,
  ICMPV6_PROTOCOL,
  INNER,
  IPV4,
  ipv4Rest,
  makePacket,
  packetFrame,
  TCP_PROTOCOL,
  UDP,
  UDP_PROTOCOL,
  udpRest,
} from "./frames.ts";
import { type Peer, TTL, TUN_MTU, type World } from "./world.ts";

/**
 * The kernel runs the programs, and the relay's rules judge: what a program carries, the rules would have
 * carried, as the same bytes to the same place. All else it leaves as it is.
 */

const prefixes = (...texts: string[]) => texts.map((text) => parseIpv6Prefix(text)!);
/** What is served in the second kind of world; undefined: any address. */
export const SERVED_PREFIXES = prefixes(
  "2001:db8::/32",
  "2a00::/13",
  "2606:4700::1/128",
  "fd00::/9",
);

const address = (text: string) => parseIpv6(text)!;
export const SERVED = ["2001:db8::1", "2a07:ffff::2", "2606:4700::1", "fd7f::1"].map(address);
/** Next to what is served, or not carried at all. */
export const ODD = [
  ..."2001:db9:: 2001:db7:ffff:: 2a08:: 2606:4700:: 2606:4700::2 fd80::1 3fff::1".split(" "),
  ..."ff02::1 ff0e::1 fe80::1 febf:ffff:: fec0::1 fe7f:: :: ::1 ::192.0.2.1".split(" "),
  ..."::ffff:192.0.2.1 ::fffe:192.0.2.1 ::1:0:192.0.2.1 0:0:1:: 2001:: 2001:0:ffff:: 2001:1::"
    .split(" "),
].map(address);
export const PROTOCOLS = [TCP_PROTOCOL, UDP_PROTOCOL, ICMPV6_PROTOCOL];

/** Most of them short, and some as long as can be. */
function dataLength(random: Random, protocol: number): number {
  const most = TUN_MTU - 40 - (protocol === TCP_PROTOCOL ? 20 : 8);
  return random.chance(0.1) ? most : random.below(random.chance(0.8) ? 80 : most + 1);
}

export function packetUp(
  random: Random,
  peer: Peer,
  to: Uint8Array,
  protocol = random.pick(PROTOCOLS),
) {
  return makePacket(random, protocol, peer.teredo, to, dataLength(random, protocol));
}

export function frameUp(random: Random, peer: Peer, packet: Uint8Array): Uint8Array {
  const { address: source, port: sourcePort } = peer;
  const ends = { source, sourcePort, destination: RELAY, destinationPort: RELAY_PORT };
  return datagramFrame(random, ends, packet);
}

export function frameDown(
  random: Random,
  peer: Peer,
  from: Uint8Array,
  protocol = random.pick(PROTOCOLS),
) {
  const length = dataLength(random, protocol);
  return packetFrame(makePacket(random, protocol, from, peer.teredo, length));
}

/** The lease sends packets where the rules would not: it shows what comes up by such a one. */
export const isAstray = ({ address, port, lease }: Peer): boolean =>
  lease !== undefined &&
  (lease.address !== address || lease.port !== port || lease.local !== RELAY);

/** What was carried up is what the rules make of the datagram. */
function judgeUp(world: World, frame: Uint8Array): void {
  assert.equal(readU16(frame, 12), 0x0800);
  assert.deepEqual([...frame.subarray(0, 6)], [0, 0, 0, 0, 0, 0], "to another host");
  assert.equal(frame[IPV4], 0x45);
  assert.equal(ipv4Rest(frame), 0);
  assert.equal(readU16(frame, IPV4 + 2), frame.length - IPV4);
  assert.equal(readU16(frame, IPV4 + 6) & 0x3fff, 0, "a fragment");
  assert.equal(frame[IPV4 + 9], UDP_PROTOCOL);
  assert.equal(frame[IPV4 + 1]! & 3, 0, "congestion marks");
  assert.equal(readU16(frame, UDP + 4), frame.length - UDP);
  // Damage of the payload alone is left to the end that the packet is for, which sees it as well.
  assert.equal(udpRest(frame) === 0, payloadChecksum(frame, INNER) === 0, "one checksum is right");
  const { source, sourcePort, destination, destinationPort } = endsOf(frame);
  assert.equal(destinationPort, RELAY_PORT);
  assert.equal(world.askUp(frame.slice(INNER), source, sourcePort, destination), "none");
  assertBytes(world.out.subarray(ETHERNET), world.sent!, "the packet that the rules deliver");
}

/** What was carried down is the datagram that the rules send. */
function judgeDown(world: World, frame: Uint8Array): void {
  const { out } = world;
  assert.equal(world.askDown(frame.slice(ETHERNET)), "none");
  const { source, sourcePort, destination, destinationPort } = endsOf(out);
  assert.deepEqual({ address: destination, port: destinationPort, local: source }, world.sentTo);
  assertBytes(out.subarray(INNER), world.sent!, "the datagram that the rules send");
  assert.equal(sourcePort, RELAY_PORT);
  assert.equal(readU16(out, IPV4), 0x4500, "RFC 9601: no mark of the packet is in the header");
  assert.equal(readU16(out, IPV4 + 2), out.length - IPV4);
  assert.equal(readU16(out, IPV4 + 6), 0);
  assert.equal(readU16(out, IPV4 + 8), (TTL << 8) | UDP_PROTOCOL);
  assert.equal(ipv4Rest(out), 0);
  assert.equal(readU16(out, UDP + 4), out.length - UDP);
  assert.notEqual(readU16(out, UDP + 6), 0);
  assert.equal(udpRest(out) === 0, payloadChecksum(out, INNER) === 0, "one checksum is right");
}

/** A first packet that was carried has been counted, as the IPv6 packet that it is, and timed. */
function judgeCounts(world: World, way: Way, peer: Peer): void {
  const { receivedAt, received, sentAt, sent } = world.read(peer);
  const passed = [1, world.sent!.length];
  assert.deepEqual([received, sent], way === "up" ? [passed, [0, 0]] : [[0, 0], passed]);
  assert.deepEqual([receivedAt > 0, sentAt > 0], [way === "up", way === "down"]);
}

export type Way = "up" | "down";
/** Why it should be left; undefined: carried; "any": whatever the rules allow. */
export type Expected = ReasonName | "not ours" | "any" | undefined;

export interface Case {
  readonly way: Way;
  readonly frame: Uint8Array;
  readonly peer: Peer;
  readonly expected: Expected;
  readonly gsoSize?: number;
  readonly mtu?: number;
}

function isOf({ teredo }: Peer, way: Way, frame: Uint8Array): boolean {
  const at = way === "up" ? INNER + SOURCE_AT : ETHERNET + DESTINATION_AT;
  return toHex(frame, at, 16) === toHex(teredo);
}

/** Whether the frame comes from where a lease says that the peer is, and the rules do not. */
function isFromFalseLease(frame: Uint8Array, { lease, address, port }: Peer): boolean {
  if (lease === undefined || (lease.address === address && lease.port === port)) return false;
  const { source, sourcePort } = endsOf(frame);
  return source === lease.address && sourcePort === lease.port;
}

/** Runs one, and compares. A failure shows all that is needed to see why. */
export function play(
  world: World,
  { way, frame, peer, expected, gsoSize = 0, mtu }: Case,
  name: string,
) {
  world.reset(peer, mtu);
  const isReason = expected !== undefined && expected !== "any" && expected !== "not ours";
  const before = isReason ? world.left(expected) : 0;
  const slot = world.slot(peer);
  try {
    const carried = world.run(way, frame, gsoSize);
    // A lease that is not the peer's any more is believed until it is taken back; what noise has made a
    // packet of another peer is judged by what that one's lease says, and in his books.
    if (carried && way === "up" && isFromFalseLease(frame, peer)) return;
    if (carried && world.peers.some((it) => it !== peer && isOf(it, way, frame))) return;
    if (carried) {
      assert.ok(expected === undefined || expected === "any", `carried, not left: ${expected}`);
      if (way === "up") judgeUp(world, frame);
      else judgeDown(world, frame);
      assert.equal(gsoSize, 0);
      judgeCounts(world, way, peer);
    } else {
      assert.notEqual(expected, undefined, "left, not carried");
      const isRenewed = peer[way] === "renewal";
      if (!isRenewed) assertBytes(world.slot(peer), slot, "left, but counted");
    }
    if (isReason) assert.equal(world.left(expected), before + 1, `left for another reason`);
  } catch (error) {
    const { message } = error as Error;
    const what = `${name}, peer ${peer.name}: ${message}\n${way}: ${toHex(frame)}`;
    assert.fail(`${what}\nleft so far: ${world.allLeft}\n${world.disassembly(way)}`);
  }
}

/**
 * A frame of any kind: one that is right, and what noise, middleboxes and enemies make of one.
 *
 * @param noise what a packet carries
 */
export function anyCase(world: World, random: Random, noise: Random = random): Case {
  const peer = random.chance(0.6) ? world.peers[random.below(3)]! : random.pick(world.peers);
  const way = isAstray(peer) ? "up" : random.pick(["up", "down"] as const);
  const native = random.chance(0.7) ? random.pick(SERVED) : random.pick(ODD);
  let frame = way === "up"
    ? frameUp(noise, peer, packetUp(noise, peer, native, random.pick(PROTOCOLS)))
    : frameDown(noise, peer, native, random.pick(PROTOCOLS));
  const changes = random.pick([0, 0, 1, 1, 2, 3]);
  for (let i = 0; i < changes; i++) frame = mutated(random, frame, way);
  if (way === "up" && random.chance(0.7) && frame.length >= INNER) {
    if (random.chance(0.8)) finishIpv4(frame);
    if (random.chance(0.8)) finishUdp(frame);
  }
  const gsoSize = random.chance(0.02) && frame.length > 60 ? 1 + random.below(1400) : 0;
  return { way, frame, peer, expected: "any", gsoSize };
}

/** BPF_PROG_TEST_RUN wants a whole header of IP behind that of Ethernet. */
export function shortestRun(b: Uint8Array): number {
  const type = readU16(b, 12);
  return ETHERNET + (type === 0x0800 ? 20 : type === 0x86dd ? 40 : 0);
}

const WORDS = [
  0,
  1,
  0x45,
  0x60,
  0xff,
  0xffff,
  0x0800,
  0x86dd,
  0x2000,
  0x3fff,
  RELAY_PORT,
  17,
  58,
  59,
];

function mutated(random: Random, b: Uint8Array, way: Way): Uint8Array {
  const headers = Math.min(b.length, way === "up" ? INNER + 60 : ETHERNET + 60);
  const at = random.chance(0.9) ? random.below(headers) : random.below(b.length);
  const kind = random.below(10);
  if (kind < 3) b[at] = random.below(256);
  else if (kind < 6) b[at]! ^= 1 << random.below(8);
  else if (kind < 8) {
    if (at + 2 <= b.length) writeU16(b, at, random.pick(WORDS));
  } else if (kind === 8) return b.slice(0, ETHERNET + random.below(b.length - ETHERNET + 1));
  else return append(b, 1 + random.below(40));
  return b;
}

/** With so many zeros behind it. */
export function append(b: Uint8Array, length: number): Uint8Array {
  const longer = new Uint8Array(b.length + length);
  longer.set(b);
  return longer;
}
