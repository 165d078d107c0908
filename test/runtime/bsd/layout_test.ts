import assert from "node:assert/strict";
import test from "node:test";
import { _IOR, _IOW, _IOWR } from "#ffi/bsd/ioctl.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { cmsgNext, cmsgSpace, errnoName, NONE, sockaddrHead } from "#ffi/layout.ts";
import * as posix from "#ffi/posix.ts";
import { TARGETS } from "./sources.ts";

const layoutOf = (name: string) => TARGETS.find((target) => target.name === name)!.layout;
const SYSTEMS = ["freebsd", "openbsd", "netbsd", "dragonfly"];

/** Rows of names and what they are on FreeBSD, OpenBSD, NetBSD and DragonFly BSD. */
type Row = readonly [name: keyof BsdLayout, ...values: readonly number[]];

function holds(rows: readonly Row[]): void {
  for (const [name, ...values] of rows) {
    for (const [i, system] of SYSTEMS.entries()) {
      assert.equal(layoutOf(`${system} x64`)[name], values[i], `${system}: ${name}`);
    }
  }
}

test("_IOR(), _IOW() and _IOWR() make <sys/ioccom.h>'s numbers, none negative", () => {
  const made: readonly [number, number][] = [
    [_IOR("t", 93, 32), 0x4020_745d], // TUNGIFNAME
    [_IOW("t", 96, 4), 0x8004_7460], // TUNSIFHEAD
    [_IOWR("i", 17, 144), 0xc090_6911], // SIOCGIFFLAGS of NetBSD
    [_IOW("i", 25, 288), 0x8120_6919], // SIOCDIFADDR_IN6: over 255 bytes
    [_IOW("s", 255, 0x1fff), 0x9fff_73ff], // all bits that a length and a number have
    [_IOW("s", 0, 0x2000), 0x8000_7300], // a length that is too long does not reach the direction
  ];
  for (const [ours, theirs] of made) assert.equal(ours, theirs, theirs.toString(16));
});

test("every request of the BSDs has the number that their headers give", () => {
  holds([
    ["SIOCGIFFLAGS", 0xc020_6911, 0xc020_6911, 0xc090_6911, 0xc020_6911],
    ["SIOCGIFMTU", 0xc020_6933, 0xc020_697e, 0xc090_697e, 0xc020_6933],
    ["SIOCGIFMEDIA", 0xc030_6938, 0xc040_6938, 0xc030_6936, 0xc030_6938],
    ["SIOCSIFNAME", 0x8020_6928, NONE, NONE, 0x8020_6928],
    ["SIOCIFDESTROY", 0x8020_6979, 0x8020_6979, 0x8090_6979, 0x8020_6979],
    ["SIOCGIFAFLAG_IN6", 0xc120_6949, 0xc120_6949, 0xc120_6949, 0xc120_6949],
    ["SIOCGIFINFO_IN6", 0xc048_696c, NONE, NONE, NONE],
    ["TUNSIFHEAD", 0x8004_7460, NONE, 0x8004_7442, 0x8004_7460],
    ["TUNSIFMODE", 0x8004_745e, NONE, 0x8004_7458, 0x8004_745e],
    ["TUNGIFNAME", 0x4020_745d, NONE, NONE, NONE],
    ["TUNSTRANSIENT", 0x8004_7462, NONE, NONE, NONE],
    ["FIONBIO", 0x8004_667e, 0x8004_667e, 0x8004_667e, 0x8004_667e],
  ]);
});

test("what differs between the BSDs differs as their headers say", () => {
  holds([
    ["AF_INET6", 28, 24, 24, 28],
    ["AF_ROUTE", 17, 17, 34, 17],
    ["O_CLOEXEC", 0x10_0000, 0x1_0000, 0x40_0000, 0x2_0000],
    ["SOCK_CLOEXEC", 0x1000_0000, 0x8000, 0x1000_0000, 0x1000_0000],
    ["SOCK_NONBLOCK", 0x2000_0000, 0x4000, 0x2000_0000, 0x2000_0000],
    ["MSG_NOSIGNAL", 0x2_0000, 0x400, 0x400, 0x400],
    ["SIZEOF_IFREQ", 32, 32, 144, 32],
    ["SIZEOF_IFMEDIAREQ", 48, 64, 48, 48],
    ["IFMEDIAREQ_STATUS_AT", 24, 32, 24, 24],
    ["SIZEOF_IN6_NDIREQ", 72, NONE, NONE, NONE],
    ["IN6_NDIREQ_FLAGS_AT", 36, NONE, NONE, NONE],
    ["ND6_IFF_IFDISABLED", 8, NONE, NONE, NONE],
    ["SIZEOF_SOCKADDR_DL", 54, 32, 20, 54],
    ["RTM_VERSION", 5, 5, 4, 7],
    ["SIZEOF_RT_MSGHDR", 152, 96, 120, 152],
    ["RT_MSGHDR_HDRLEN_AT", NONE, 4, NONE, NONE],
    ["RT_MSGHDR_INDEX_AT", 4, 6, 4, 4],
    ["RT_MSGHDR_FLAGS_AT", 8, 16, 8, 8],
    ["RT_MSGHDR_ADDRS_AT", 12, 12, 12, 12],
    ["RT_MSGHDR_PID_AT", 16, 24, 16, 16],
    ["RT_MSGHDR_SEQ_AT", 20, 28, 20, 20],
    ["RT_MSGHDR_ERRNO_AT", 24, 32, 24, 24],
  ]);
});

test("what 4.4BSD brought is the same on all of them", () => {
  const same = (name: keyof BsdLayout, value: number): Row => [name, value, value, value, value];
  holds([
    same("EAGAIN", 35),
    same("EMSGSIZE", 40),
    same("EADDRINUSE", 48),
    same("EADDRNOTAVAIL", 49),
    same("ENETUNREACH", 51),
    same("ENOBUFS", 55),
    same("O_NONBLOCK", 4),
    same("O_CREAT", 0x200),
    same("SOL_SOCKET", 0xffff),
    same("SO_SNDBUF", 0x1001),
    same("SO_RCVBUF", 0x1002),
    same("SO_REUSEPORT", 0x200),
    same("MSG_DONTWAIT", 0x80),
    same("AF_LINK", 18),
    same("SIZEOF_MSGHDR", 48),
    same("MSGHDR_FLAGS_AT", 44),
    same("SIZEOF_MMSGHDR", 56),
    same("MMSGHDR_LEN_AT", 48),
    same("ICMP6_FILTER", 18),
    // icmp6(4): a set bit lets its type pass, the other way round than on Linux.
    same("ICMP6_FILTER_BLOCK", 0),
    same("RT_ROUNDUP", 8),
    same("RTM_GET", 4),
    same("RTM_LOSING", 5),
    same("RTM_MISS", 7),
    same("SIZEOF_IN6_IFREQ", 288),
    same("IN6_IFREQ_ADDR_AT", 16),
    same("IFREQ_MTU_AT", 16),
    same("IFM_AVALID", 1),
    same("IFM_ACTIVE", 2),
    same("IFREQ_DATA_AT", 16),
  ]);
});

test("TUN devices of the BSDs behave as their drivers do", () => {
  const drivers = SYSTEMS.map((system) => {
    const { clonesTun, destroysTun, heedsNonblock } = layoutOf(`${system} x64`);
    return [system, clonesTun, destroysTun, heedsNonblock];
  });
  assert.deepEqual(drivers, [
    ["freebsd", true, false, true], // if_tuntap.c: tunclone(), tundtor()
    ["openbsd", false, true, true], // if_tun.c: tun_dev_open(), tun_dev_close(), tun_dev_read()
    ["netbsd", false, false, false], // if_tun.c: tunopen(), tunclose(), tunread()
    ["dragonfly", true, true, true], // if_tun.c: tunclone(), tunclose(), tunread()
  ]);
});

for (const { name, layout } of TARGETS) {
  test(`an address of ours is a struct in_addr in a control message of ${name}`, () => {
    const { receivedAt, sentAt, length } = layout.localAddress;
    assert.deepEqual([receivedAt, sentAt, length], [0, 0, 4]);
  });

  test(`fields of ${name} lie within their structures, and apart`, () => {
    const msghdr = [
      [posix.MSGHDR_NAME_AT, 8],
      [posix.MSGHDR_NAMELEN_AT, 4],
      [posix.MSGHDR_IOV_AT, 8],
      [posix.MSGHDR_IOVLEN_AT, 4],
      [posix.MSGHDR_CONTROL_AT, 8],
      [posix.MSGHDR_CONTROLLEN_AT, 4],
      [layout.MSGHDR_FLAGS_AT, 4],
    ] as const;
    apart("msghdr", msghdr, layout.SIZEOF_MSGHDR);
    apart("mmsghdr", [
      [posix.MMSGHDR_HDR_AT, layout.SIZEOF_MSGHDR],
      [layout.MMSGHDR_LEN_AT, 4],
    ], layout.SIZEOF_MMSGHDR);
    apart("cmsghdr", [
      [posix.CMSGHDR_LEN_AT, 4],
      [layout.CMSGHDR_LEVEL_AT, 4],
      [layout.CMSGHDR_TYPE_AT, 4],
    ], posix.CMSGHDR_DATA_AT);
    apart("ifreq", [[posix.IFREQ_NAME_AT, posix.IFNAMSIZ], [layout.IFREQ_DATA_AT, 8]], 32);
    apart("rt_msghdr", [
      [layout.RT_MSGHDR_MSGLEN_AT, 2],
      [layout.RT_MSGHDR_VERSION_AT, 1],
      [layout.RT_MSGHDR_TYPE_AT, 1],
      [layout.RT_MSGHDR_INDEX_AT, 2],
      [layout.RT_MSGHDR_FLAGS_AT, 4],
      [layout.RT_MSGHDR_ADDRS_AT, 4],
      [layout.RT_MSGHDR_PID_AT, 4],
      [layout.RT_MSGHDR_SEQ_AT, 4],
      [layout.RT_MSGHDR_ERRNO_AT, 4],
    ], layout.SIZEOF_RT_MSGHDR);
  });

  test(`headers of ${name} are whole multiples of what they are aligned to`, () => {
    // Arrays of mmsghdr, and sockaddrs behind an rt_msghdr.
    assert.equal(layout.SIZEOF_MMSGHDR % 8, 0);
    assert.equal(layout.SIZEOF_RT_MSGHDR % layout.RT_ROUNDUP, 0);
    assert.equal(posix.CMSGHDR_DATA_AT % layout.CMSG_ALIGNMENT, 0);
  });

  test(`cmsgSpace() and cmsgNext() pad as ${name} does`, () => {
    const arm = name === "netbsd arm64";
    assert.equal(cmsgSpace(layout, layout.localAddress.length), arm ? 32 : 24);
    assert.equal(cmsgSpace(layout, 16), 32);
    assert.equal(cmsgNext(layout, 64, posix.CMSGHDR_DATA_AT + 4), arm ? 96 : 88);
  });

  test(`errors of ${name} have one number each, and one symbol`, () => {
    const symbols = [...layout.errors.values()].map(([symbol]) => symbol);
    assert.equal(new Set(symbols).size, symbols.length);
    for (const [number, [symbol, text]] of layout.errors) {
      assert.match(symbol, /^E[A-Z0-9]+$/, String(number));
      assert.match(text, /^[A-Z]\S*( |$)/, symbol);
    }
  });

  test(`errnoName() of ${name} knows every error that the program asks for`, () => {
    const asked = Object.entries({ ...posix, ...layout })
      .filter((entry): entry is [string, number] => /^E[A-Z0-9]+$/.test(entry[0]));
    assert.ok(asked.length > 30);
    for (const [symbol, number] of asked) {
      assert.ok(errnoName(layout, number).startsWith(`${symbol} (`), symbol);
    }
    assert.equal(errnoName(layout, 4000), "errno 4000");
  });

  test(`sockaddrHead() of ${name} has the length before the family`, () => {
    const head = sockaddrHead(layout, posix.AF_INET, posix.SIZEOF_SOCKADDR_IN);
    assert.deepEqual([...new Uint8Array(Uint16Array.of(head).buffer)], [16, 2]);
  });
}

/** Each field aligned to its size, none over another, all within the structure. */
function apart(
  name: string,
  fields: readonly (readonly [at: number, size: number])[],
  size: number,
): void {
  const sorted = fields.toSorted((a, b) => a[0] - b[0]);
  let end = 0;
  for (const [at, length] of sorted) {
    assert.ok(at >= end, `${name} at ${at} lies over another`);
    if (length <= 8) assert.equal(at % length, 0, `${name} at ${at} is not aligned`);
    end = at + length;
  }
  assert.ok(end <= size, `${name} ends at ${end} of ${size}`);
}
