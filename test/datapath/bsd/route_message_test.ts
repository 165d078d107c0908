import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import test from "node:test";
import fc from "fast-check";
import { Arena } from "#ffi/arena.ts";
import { DRAGONFLY } from "#ffi/bsd/dragonfly.ts";
import { FREEBSD } from "#ffi/bsd/freebsd.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { NETBSD } from "#ffi/bsd/netbsd.ts";
import { OPENBSD } from "#ffi/bsd/openbsd.ts";
import { NONE } from "#ffi/layout.ts";
import { openLibc } from "#ffi/open.ts";
import { parseMessage, writeQuestion } from "#src/datapath/bsd/routing/message.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";

const libc = await openLibc();
const LAYOUTS = [FREEBSD, OPENBSD, NETBSD, DRAGONFLY];
const PREFIX = parseIpv6("2001::")!;
const MASK = parseIpv6("ffff:ffff::")!;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

function question(layout: BsdLayout, mask: Uint8Array | undefined): Uint8Array {
  const arena = new Arena(libc, 4096);
  const at = arena.take(2048);
  const length = writeQuestion(arena, at, layout, { address: PREFIX, mask, pid: 0x1234, seq: -2 });
  const bytes = arena.u8.slice(at, at + length);
  arena.close();
  return bytes;
}

const zeros = (count: number) => "00".repeat(count);

/** RTM_GET of 2001::/32, byte by byte from <net/route.h> and <netinet/in.h> of each system. */
const QUESTIONS: readonly (readonly [BsdLayout, string])[] = [
  [
    FREEBSD,
    "1001 05 04 0000 0000 01000000 15000000 34120000 feffffff 00000000" + zeros(124) +
    "1c1c 0000 00000000 20010000" + zeros(12) + "00000000" + zeros(4) +
    "1c1c 0000 00000000 ffffffff" + zeros(12) + "00000000" + zeros(4) +
    "3612 0000" + zeros(52),
  ],
  [
    OPENBSD,
    "c000 05 04 6000 0000 0000 0000 15000000 01000000 00000000 34120000 feffffff 00000000" +
    zeros(60) +
    "1c18 0000 00000000 20010000" + zeros(12) + "00000000" + zeros(4) +
    "1c18 0000 00000000 ffffffff" + zeros(12) + "00000000" + zeros(4) +
    "2012 0000" + zeros(28),
  ],
  [
    NETBSD,
    "d000 04 04 0000 0000 01000000 15000000 34120000 feffffff 00000000" + zeros(92) +
    "1c18 0000 00000000 20010000" + zeros(12) + "00000000" + zeros(4) +
    "1c18 0000 00000000 ffffffff" + zeros(12) + "00000000" + zeros(4) +
    "1412 0000" + zeros(20),
  ],
  [
    DRAGONFLY,
    "1001 07 04 0000 0000 01000000 15000000 34120000 feffffff 00000000" + zeros(124) +
    "1c1c 0000 00000000 20010000" + zeros(12) + "00000000" + zeros(4) +
    "1c1c 0000 00000000 ffffffff" + zeros(12) + "00000000" + zeros(4) +
    "3612 0000" + zeros(52),
  ],
];

for (const [layout, expected] of QUESTIONS) {
  test(`writeQuestion() lays out RTM_GET as ${layout.system} reads it`, () => {
    assert.equal(hex(question(layout, MASK)), expected.replaceAll(" ", ""));
  });
}

interface Answer {
  readonly destination?: string;
  readonly mask?: string | undefined;
  readonly index?: number;
  readonly flags?: number;
  readonly link?: string;
}

/** What a kernel answers; sockaddrs as hexadecimal digits, padded as they come. */
function answer(layout: BsdLayout, parts: Answer): Uint8Array<ArrayBuffer> {
  const { RTA_DST, RTA_GATEWAY, RTA_NETMASK, RTA_IFP } = layout;
  const list = [
    [RTA_DST, parts.destination],
    [RTA_GATEWAY, "10120700" + zeros(12)],
    [RTA_NETMASK, parts.mask],
    [RTA_IFP, parts.link],
  ] as const;
  const there = list.filter(([, sockaddr]) => sockaddr !== undefined);
  const body = unhex(there.map(([, sockaddr]) => sockaddr).join(""));
  const bytes = new Uint8Array(layout.SIZEOF_RT_MSGHDR + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(layout.RT_MSGHDR_MSGLEN_AT, bytes.length, true);
  bytes[layout.RT_MSGHDR_VERSION_AT] = layout.RTM_VERSION;
  bytes[layout.RT_MSGHDR_TYPE_AT] = layout.RTM_GET;
  if (layout.RT_MSGHDR_HDRLEN_AT !== NONE) {
    view.setUint16(layout.RT_MSGHDR_HDRLEN_AT, layout.SIZEOF_RT_MSGHDR, true);
  }
  view.setUint16(layout.RT_MSGHDR_INDEX_AT, parts.index ?? 0, true);
  view.setInt32(layout.RT_MSGHDR_FLAGS_AT, parts.flags ?? 1, true);
  const bits = there.reduce((all, [bit]) => all | bit, 0);
  view.setInt32(layout.RT_MSGHDR_ADDRS_AT, bits, true);
  view.setInt32(layout.RT_MSGHDR_PID_AT, 77, true);
  view.setInt32(layout.RT_MSGHDR_SEQ_AT, -5, true);
  bytes.set(body, layout.SIZEOF_RT_MSGHDR);
  return bytes;
}

const sockaddr = (layout: BsdLayout, address: Uint8Array) =>
  `1c${layout.AF_INET6.toString(16)}000000000000${hex(address)}${zeros(8)}`;

for (const layout of LAYOUTS) {
  const { system } = layout;
  test(`parseMessage() reads a route of ${system}`, () => {
    const parts = {
      destination: sockaddr(layout, PREFIX),
      mask: sockaddr(layout, MASK),
      index: 7,
      flags: 0x801 | layout.RTF_REJECT,
      link: `08120700${zeros(4)}`,
    };
    const got = parseMessage(answer(layout, parts), layout)!;
    assert.equal(got.type, layout.RTM_GET);
    assert.deepEqual([got.pid, got.seq, got.errno, got.index], [77, -5, 0, 7]);
    assert.equal(got.flags, 0x801 | layout.RTF_REJECT);
    assert.deepEqual(got.destination, PREFIX);
    assert.deepEqual(got.mask, MASK);
  });

  test(`parseMessage() reads the shortened netmasks of ${system}`, () => {
    const destination = sockaddr(layout, PREFIX);
    const family = layout.AF_INET6.toString(16);
    const masks = [
      [`0c${family}000000000000ffffffff${zeros(4)}`, "ffffffff" + zeros(12)],
      [`0aff000000000000ffff${zeros(6)}`, "ffff" + zeros(14)],
      [zeros(8), zeros(16)], // of the default route: no length, yet it takes a place
      [undefined, "ff".repeat(16)], // of a host route
    ] as const;
    for (const [mask, expected] of masks) {
      const parts = { destination, mask, link: `08120900${zeros(4)}` };
      const got = parseMessage(answer(layout, parts), layout)!;
      assert.equal(hex(got.mask), expected);
      assert.equal(got.index, 9, "from the sockaddr behind the mask, as the header has none");
    }
  });

  test(`parseMessage() refuses what is no message of ${system}`, () => {
    const whole = answer(layout, { destination: sockaddr(layout, PREFIX) });
    assert.notEqual(parseMessage(whole, layout), undefined);
    assert.equal(parseMessage(whole.slice(0, -1), layout), undefined, "cut off");
    assert.equal(parseMessage(whole.slice(0, 20), layout), undefined, "shorter than its header");
    assert.equal(parseMessage(new Uint8Array(0), layout), undefined);
    const other = whole.slice();
    other[layout.RT_MSGHDR_VERSION_AT]! += 1;
    assert.equal(parseMessage(other, layout), undefined, "another version");
    const ipv4 = answer(layout, { destination: "100200000a000001" + zeros(8) });
    assert.equal(parseMessage(ipv4, layout)!.destination, undefined, "a route of IPv4");
  });

  test(`parseMessage() reads any bytes behind a header of ${system} without failing`, () => {
    fc.assert(fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer(),
      fc.nat(0xffff),
      (body, bits, headerLength) => {
        const bytes = new Uint8Array(layout.SIZEOF_RT_MSGHDR + body.length);
        bytes.set(answer(layout, {}).subarray(0, layout.SIZEOF_RT_MSGHDR));
        bytes.set(body, layout.SIZEOF_RT_MSGHDR);
        const view = new DataView(bytes.buffer);
        view.setUint16(layout.RT_MSGHDR_MSGLEN_AT, bytes.length, true);
        view.setInt32(layout.RT_MSGHDR_ADDRS_AT, bits, true);
        if (layout.RT_MSGHDR_HDRLEN_AT !== NONE) {
          view.setUint16(layout.RT_MSGHDR_HDRLEN_AT, headerLength, true);
        }
        assert.equal(parseMessage(bytes, layout)!.mask.length, 16);
      },
    ));
  });
}
