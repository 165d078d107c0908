import assert from "node:assert/strict";
import test from "node:test";
import { Passage } from "#src/daemon/host/linux/firewall/passage.ts";
import type { Hook } from "#src/daemon/host/linux/firewall/hook.ts";
import { isTelling } from "#src/daemon/host/linux/firewall/varying.ts";
import { matchOf } from "#src/daemon/host/linux/firewall/xtables/matches.ts";
import { LegacyRule } from "#src/daemon/host/linux/firewall/xtables/rule.ts";
import type { SamplePacket, Tracked, Traffic } from "#src/daemon/host/traffic.ts";

/** Matches of iptables, each by the structure that the kernel keeps of it, in host byte order. */

const [UDP, TCP] = [17, 6];
const TRAFFIC = { version: 4, comesBack: true } as unknown as Traffic;

interface Sample {
  readonly protocol?: number;
  readonly from?: number;
  readonly to?: number;
  readonly tcpFlags?: number;
  readonly tracked?: Tracked;
  readonly local?: SamplePacket["local"];
}

/** From 192.0.2.1 to 198.51.100.2. */
function packet(it: Sample): SamplePacket {
  const { protocol = UDP, from = 1000, to = 3544, tcpFlags = 0, tracked = "new" } = it;
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[9] = protocol;
  bytes.set([192, 0, 2, 1, 198, 51, 100, 2], 12);
  view.setUint16(20, from);
  view.setUint16(22, to);
  bytes[33] = tcpFlags;
  return { what: "one", bytes, transportAt: 20, protocol, tracked, local: it.local ?? "none" };
}

function passage(it: Sample, hook: Hook = "input", inName = "eth0", outName = ""): Passage {
  const made = new Passage(packet(it), TRAFFIC, { indexOf: () => 1, leavesBy: () => undefined });
  made.enter(hook, 0, inName, outName);
  return made;
}

/** Numbers of 16 bits, as of ports. */
const words = (...numbers: number[]) => new Uint8Array(new Uint16Array(numbers).buffer);

function padded(length: number, parts: Readonly<Record<number, Uint8Array | number>>): Uint8Array {
  const b = new Uint8Array(length);
  for (const [at, part] of Object.entries(parts)) {
    if (typeof part === "number") b[Number(at)] = part;
    else b.set(part, Number(at));
  }
  return b;
}

const udp = (...ports: number[]) => padded(10, { 0: words(...ports) });
const tcp = (mask: number, wanted: number, inverted = 0) =>
  padded(12, { 0: words(0, 0xffff, 0, 0xffff), 9: mask, 10: wanted, 11: inverted });
/** Ports, of which each that has a mark begins a range up to the next one. */
const multiport = (ports: readonly number[], marks: readonly number[]) =>
  padded(48, { 0: 1, 1: ports.length, 2: words(...ports), 32: Uint8Array.from(marks) });
const conntrack = (flags: number, states: number) =>
  padded(152, { 146: words(flags), 150: words(states) });

const [SYN, ACK] = [0x02, 0x10];
const [NEW, ESTABLISHED] = [8, 2];
const [RTN_UNICAST, RTN_LOCAL] = [1 << 1, 1 << 2];

const MATCHES: readonly {
  readonly name: string;
  readonly match: readonly [name: string, revision: number];
  readonly info: Uint8Array;
  readonly of: Passage;
  readonly want: "yes" | "no" | "maybe";
}[] = [
  ...([[3543, "no"], [3544, "yes"], [3545, "yes"], [3546, "no"]] as const).map(([to, want]) => ({
    name: `UDP to ${to}, of ports 3544 to 3545`,
    match: ["udp", 0] as const,
    info: udp(0, 0xffff, 3544, 3545),
    of: passage({ to }),
    want,
  })),
  ...([[SYN, "yes"], [SYN | ACK, "no"], [ACK, "no"]] as const).map(([tcpFlags, want]) => ({
    name: `TCP with flags ${tcpFlags}, of those that open a connection`,
    match: ["tcp", 0] as const,
    info: tcp(SYN | ACK, SYN),
    of: passage({ protocol: TCP, tcpFlags }),
    want,
  })),
  {
    name: "TCP that opens a connection, of those that do not",
    match: ["tcp", 0],
    info: tcp(SYN | ACK, SYN, 4),
    of: passage({ protocol: TCP, tcpFlags: SYN }),
    want: "no",
  },
  ...([[80, "yes"], [81, "no"], [443, "yes"], [500, "yes"], [501, "no"]] as const).map((
    [to, want],
  ) => ({
    name: `to ${to}, of 80 and 443 to 500`,
    match: ["multiport", 1] as const,
    info: multiport([80, 443, 500], [0, 1, 0]),
    of: passage({ to }),
    want,
  })),
  ...([[1, "yes"], [0x2001, "yes"], [0x3, "maybe"], [0x2000, "maybe"]] as const).map((
    [flags, want],
  ) => ({
    name: `conntrack asked for ${flags.toString(16)}`,
    match: ["conntrack", 3] as const,
    info: conntrack(flags, NEW),
    of: passage({}),
    want,
  })),
  {
    name: "an established connection's, of new ones",
    match: ["conntrack", 3],
    info: conntrack(1, NEW),
    of: passage({ tracked: "established" }),
    want: "no",
  },
  {
    name: "an established connection's, of these",
    match: ["state", 0],
    info: padded(4, { 0: ESTABLISHED }),
    of: passage({ tracked: "established" }),
    want: "yes",
  },
  {
    name: "to an address of this host, by a chain",
    match: ["addrtype", 1],
    info: padded(8, { 2: words(RTN_LOCAL) }),
    of: passage({ local: "destination" }),
    want: "yes",
  },
  {
    name: "from another host to this one, of those from this one",
    match: ["addrtype", 1],
    info: padded(8, { 0: words(RTN_LOCAL) }),
    of: passage({ local: "destination" }),
    want: "no",
  },
  ...(["ingress", "egress"] as const).map((hook) => ({
    name: `to an address of this host, where no address has a type yet: ${hook}`,
    match: ["addrtype", 1] as const,
    info: padded(8, { 2: words(RTN_UNICAST) }),
    of: passage({ local: "destination" }, hook),
    want: "maybe" as const,
  })),
  {
    name: "by where answers leave",
    match: ["rpfilter", 0],
    info: padded(1, {}),
    of: passage({}, "prerouting"),
    want: "yes",
  },
  {
    name: "by where answers leave, of the others",
    match: ["rpfilter", 0],
    info: padded(1, { 0: 8 }),
    of: passage({}, "prerouting"),
    want: "no",
  },
  {
    name: "by nothing",
    match: ["rpfilter", 0],
    info: padded(1, {}),
    of: passage({}, "output", "", "eth0"),
    want: "maybe",
  },
];

for (const { name, match, info, of, want } of MATCHES) {
  test(`matchOf("${match.join(" ")}"): ${name}: ${want}`, () => {
    assert.equal(matchOf(...match)(info, of), want);
  });
}

const PROTOCOL_AT = 80;
/** struct ipt_ip: addresses, masks, names and their masks, protocol, flags, inversions. */
const rule = (outName: string) =>
  new LegacyRule(
    4,
    padded(112, {
      32: new TextEncoder().encode(outName),
      64: new Uint8Array(outName.length + 1).fill(0xff),
    }),
    {
      matches: [],
      protocolAt: PROTOCOL_AT,
      target: "",
      targetInfo: new Uint8Array(4),
      verdict: { kind: "drop" },
    },
  );

test("LegacyRule applies to what leaves by its interface alone", () => {
  const leaving = (outName: string) => passage({}, "output", "", outName);
  assert.equal(rule("eth0").apply(leaving("eth0")).answer, "yes");
  assert.equal(rule("eth0").apply(leaving("eth1")).answer, "no");
  assert.equal(rule("eth0").apply(leaving("eth0.7")).answer, "no");
});

test("Passage: addresses by the version, and no entry of the connection table for what is invalid", () => {
  const it = passage({ tracked: "invalid" });
  assert.deepEqual([...it.source, ...it.destination], [192, 0, 2, 1, 198, 51, 100, 2]);
  assert.equal(it.isTracked, false);
  assert.equal(passage({ tracked: "established" }).isTracked, true);
  const before = passage({ tracked: "established" });
  before.enter("prerouting", -300, "eth0", "");
  assert.equal(before.isTracked, false);
});

const TELLING: readonly (readonly [at: number, length: number, want: boolean])[] = [
  [9, 1, true], // the protocol
  [10, 1, false], // a checksum
  [10, 2, false],
  [11, 1, false],
  [12, 4, true], // an address
  [0, 2, false], // with the class of service
  [16, 4, true],
  [38, 2, true],
  [38, 3, false], // more than there is
  [0, 0, true],
  [-1, 1, false],
  [20, -1, false],
];

for (const [at, length, want] of TELLING) {
  test(`isTelling() of ${length} bytes at ${at} of an IPv4 packet: ${want}`, () => {
    assert.equal(isTelling(packet({}), 4, "network", at, length), want);
  });
}
