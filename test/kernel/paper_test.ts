import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { cmsgNext, cmsgSpace, sockaddrHead } from "#ffi/layout.ts";
import * as linux from "#ffi/linux/mod.ts";
import { ip4 } from "../protocol/packets.ts";
import { PaperLinuxBackend } from "./linux/backend.ts";
import { nameOf } from "./sockaddr.ts";

/** The rules of the paper kernel that lives do not meet, or would not tell if they were broken. */

const OWN = ip4("203.0.113.9");
const OTHER = { address: ip4("192.0.2.7"), port: 7 };
const NONBLOCKING = linux.SOCK_DGRAM | linux.SOCK_NONBLOCK;

/** A process on a Linux of paper, and shorthands for its calls. */
class Lab {
  readonly backend = new PaperLinuxBackend();
  readonly libc = this.backend.libc;
  readonly call = this.libc.call;
  readonly world = this.backend.paper.world;
  readonly arena: Arena = new Arena(this.libc, 4096);

  get faults(): readonly string[] {
    return this.libc.faults;
  }

  put(bytes: Uint8Array): number {
    const at = this.arena.take(bytes.length);
    this.arena.u8.set(bytes, at);
    return this.arena.address(at);
  }

  path(text: string): number {
    return this.arena.address(this.arena.cString(text));
  }

  udp(): number {
    return this.call.socket(linux.AF_INET, NONBLOCKING, 0);
  }

  bind(fd: number, address: number, port: number): number {
    const name = nameOf(this.libc.layout, { address, port });
    return this.call.bind(fd, this.put(name), name.length);
  }

  option(fd: number, level: number, name: number, value: number): number {
    return this.call.setsockopt(
      fd,
      level,
      name,
      this.put(new Uint8Array(Int32Array.of(value).buffer)),
      4,
    );
  }

  /** Result, and errno where it is -1. */
  outcome(result: number): string {
    return result === -1 ? linux.ERRORS.get(this.libc.errno())![0] : String(result);
  }

  /** A struct msghdr with one buffer, and room for control messages. */
  header(room: number, controlRoom = 0): { at: number; data: number; control: number } {
    const { arena } = this;
    const at = arena.take(linux.SIZEOF_MSGHDR);
    const data = arena.take(room);
    const control = arena.take(controlRoom);
    const iovec = arena.take(linux.SIZEOF_IOVEC);
    arena.writeU64(iovec + linux.IOVEC_BASE_AT, arena.address(data));
    arena.writeU64(iovec + linux.IOVEC_LEN_AT, room);
    arena.writeU64(at + linux.MSGHDR_IOV_AT, arena.address(iovec));
    arena.writeU64(at + linux.MSGHDR_IOVLEN_AT, 1);
    arena.writeU64(at + linux.MSGHDR_CONTROL_AT, controlRoom === 0 ? 0 : arena.address(control));
    arena.writeU64(at + linux.MSGHDR_CONTROLLEN_AT, controlRoom);
    return { at, data, control };
  }
}

test("PaperLibc answers EFAULT to an address outside every memory, and keeps it as a fault", () => {
  const lab = new Lab();
  const fd = lab.udp();
  assert.equal(lab.outcome(lab.bind(fd, OWN, 1025)), "0");
  const end = lab.arena.address(lab.arena.u8.length);
  for (const bad of [0, 1, end - 15, end, Number.MAX_SAFE_INTEGER]) {
    const before = lab.faults.length;
    assert.equal(lab.outcome(lab.call.bind(fd, bad, 16)), "EFAULT");
    assert.ok(lab.faults.length > before, `nothing was said of ${bad}`);
  }
  lab.arena.u8.fill(0x61, lab.arena.u8.length - 8);
  assert.equal(lab.outcome(lab.call.open(end - 8, 0, 0)), "EFAULT"); // no NUL before the end
});

test("PaperLibc follows pointers within structures, and answers EFAULT to those that lead nowhere", () => {
  const lab = new Lab();
  const fd = lab.udp();
  assert.equal(lab.bind(fd, OWN, 1025), 0);
  lab.world.network.inject(OTHER, { address: OWN, port: 1025 }, Uint8Array.of(1, 2, 3));
  const { at } = lab.header(8);
  lab.arena.writeU64(at + linux.MSGHDR_IOV_AT, 64);
  assert.equal(lab.outcome(lab.call.recvmsg(fd, lab.arena.address(at), 0)), "EFAULT");
  assert.match(lab.faults[0]!, /0x48$|0x40$/);
});

test("PaperKernel gives the lowest free descriptor, EBADF for one that is closed, EMFILE in the end", () => {
  const lab = new Lab();
  const [a, b, c] = [lab.udp(), lab.udp(), lab.udp()];
  assert.deepEqual([b! - a!, c! - b!], [1, 1]);
  assert.equal(lab.call.close(b!), 0);
  assert.equal(lab.outcome(lab.call.close(b!)), "EBADF");
  assert.equal(lab.outcome(lab.bind(b!, OWN, 1025)), "EBADF");
  assert.equal(lab.udp(), b);
  let last = 0;
  for (let i = 0; i < 100 && last >= 0; i++) last = lab.udp();
  assert.equal(lab.outcome(last), "EMFILE");
  const open = lab.backend.paper.open.size;
  assert.equal(lab.call.close(c!), 0);
  // One is free, a pipe needs two: it gives back the first.
  assert.equal(lab.outcome(lab.call.pipe2(lab.put(new Uint8Array(8)), 0)), "EMFILE");
  assert.equal(lab.backend.paper.open.size, open - 1);
});

const UNKNOWN: readonly (readonly [string, (lab: Lab) => unknown])[] = [
  ["ioctl 0x8004667e of tun", (lab) => {
    const fd = lab.call.open(lab.path("/dev/net/tun"), linux.O_RDWR, 0);
    lab.call.ioctl(fd, 0x8004667e, 0);
  }],
  ["ioctl 0x8913 of udp", (lab) => lab.call.ioctl(lab.udp(), 0x8913, 0)],
  ["the path /dev/net/tap", (lab) => lab.call.open(lab.path("/dev/net/tap"), 0, 0)],
  ["flags 66 of", (lab) => lab.call.open(lab.path("/dev/net/tun"), linux.O_CREAT | 2, 0)],
  ["socket 2, 1, 0", (lab) => lab.call.socket(linux.AF_INET, linux.SOCK_STREAM, 0)],
  ["socket 28,", (lab) => lab.call.socket(28, linux.SOCK_RAW, linux.IPPROTO_ICMPV6)],
  ["setsockopt 65535,", (lab) => lab.option(lab.udp(), 0xffff, 0x1002, 4096)],
  ["2 for option 0, 10", (lab) => lab.option(lab.udp(), linux.SOL_IP, linux.IP_MTU_DISCOVER, 2)],
  ["8 bytes for option", (lab) => {
    const at = lab.put(new Uint8Array(8));
    lab.call.setsockopt(lab.udp(), linux.SOL_SOCKET, linux.SO_RCVBUF, at, 8);
  }],
  ["flags 0x80 of recvmsg", (lab) => {
    const fd = lab.udp();
    lab.call.recvmsg(fd, lab.arena.address(lab.header(8).at), 0x80);
  }],
  ["a sockaddr of 16 bytes that starts with 0x210", (lab) => {
    const name = nameOf(lab.libc.layout, OTHER);
    name.set([16, 2]); // as a BSD has it
    lab.call.bind(lab.udp(), lab.put(name), name.length);
  }],
  ["a poll that nothing would end", (lab) => {
    const pollfd = lab.arena.take(8);
    lab.arena.i32[pollfd >> 2] = lab.udp();
    lab.call.poll(lab.arena.address(pollfd), 1, -1);
  }],
  ["receive from udp that would wait", (lab) => {
    const fd = lab.call.socket(linux.AF_INET, linux.SOCK_DGRAM, 0);
    lab.call.recv(fd, lab.put(new Uint8Array(8)), 8, 0);
  }],
  ["bind of tun", (lab) => {
    lab.bind(lab.call.open(lab.path("/dev/net/tun"), linux.O_RDWR, 0), OWN, 1025);
  }],
  ["syscall(", (lab) => lab.call.syscall(321, 5, 0, 0, 0)],
  ["the command /sbin/reboot", (lab) => lab.libc.run(["/sbin/reboot"])],
];
for (const [what, call] of UNKNOWN) {
  test(`PaperLibc knows no answer to ${what}, and says so at once and at the end`, () => {
    const lab = new Lab();
    assert.throws(() => call(lab), (error: unknown) => String(error).includes(what));
    assert.ok(lab.faults.some((it) => it.includes(what)), String(lab.faults));
  });
}

test("UdpFile.bind() refuses addresses of others and what is taken, as socket(7) says", () => {
  const ANY = 0;
  const lab = new Lab();
  const shared = (port: number, address: number, share: boolean) => {
    const fd = lab.udp();
    if (share) lab.option(fd, linux.SOL_SOCKET, linux.SO_REUSEPORT, 1);
    return lab.outcome(lab.bind(fd, address, port));
  };
  assert.equal(shared(1025, ip4("198.51.100.1"), false), "EADDRNOTAVAIL");
  assert.equal(shared(1025, OWN, false), "0");
  assert.equal(shared(1025, OWN, false), "EADDRINUSE");
  assert.equal(shared(1025, ANY, false), "EADDRINUSE");
  assert.equal(shared(1025, ip4("127.0.0.1"), false), "0");
  assert.equal(shared(1025, OWN, true), "EADDRINUSE"); // the first does not share
  assert.equal(shared(1026, OWN, true), "0");
  assert.equal(shared(1026, OWN, true), "0");
  assert.equal(shared(1026, OWN, false), "EADDRINUSE");
  const fd = lab.udp();
  assert.equal(lab.bind(fd, OWN, 1027), 0);
  assert.equal(lab.outcome(lab.bind(fd, OWN, 1028)), "EINVAL"); // it is bound
});

test("UdpFile cuts what does not fit and says so; control messages come whole or not at all", () => {
  const lab = new Lab();
  const fd = lab.udp();
  lab.option(fd, linux.SOL_IP, linux.IP_PKTINFO, 1);
  assert.equal(lab.bind(fd, 0, 1025), 0);
  const to = { address: OWN, port: 1025 };
  const space = cmsgSpace(lab.libc.layout, linux.SIZEOF_IN_PKTINFO);
  for (
    const [room, controlRoom, length, flags] of [
      [8, space, 3, 0],
      [2, space, 2, linux.MSG_TRUNC],
      [8, space - 8, 3, linux.MSG_CTRUNC],
      [0, 0, 0, linux.MSG_TRUNC | linux.MSG_CTRUNC],
    ] as const
  ) {
    lab.world.network.inject(OTHER, to, Uint8Array.of(1, 2, 3));
    const { at, control } = lab.header(room, controlRoom);
    assert.equal(lab.call.recvmsg(fd, lab.arena.address(at), 0), length);
    assert.equal(lab.arena.u32[(at + linux.MSGHDR_FLAGS_AT) >> 2], flags);
    const isCut = (flags & linux.MSG_CTRUNC) !== 0;
    assert.equal(lab.arena.u32[(at + linux.MSGHDR_CONTROLLEN_AT) >> 2], isCut ? 0 : space);
    if (!isCut) {
      assert.equal(lab.arena.i32[(control + linux.CMSGHDR_TYPE_AT) >> 2], linux.IP_PKTINFO);
    }
  }
  const { at } = lab.header(8);
  assert.equal(lab.outcome(lab.call.recvmsg(fd, lab.arena.address(at), 0)), "EAGAIN");
});

test("UdpFile tells how many datagrams found no room, with the next one that does", () => {
  const lab = new Lab();
  const fd = lab.udp();
  lab.option(fd, linux.SOL_SOCKET, linux.SO_RXQ_OVFL, 1);
  lab.option(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, 10);
  assert.equal(lab.bind(fd, OWN, 1025), 0);
  const to = { address: OWN, port: 1025 };
  const taken = Array.from(
    { length: 4 },
    () => lab.world.network.inject(OTHER, to, new Uint8Array(5)),
  );
  assert.deepEqual(taken, [true, true, false, false]);
  const receive = () => {
    const { at, control } = lab.header(8, 64);
    assert.equal(lab.call.recvmsg(fd, lab.arena.address(at), 0), 5);
    if (lab.arena.u32[(at + linux.MSGHDR_CONTROLLEN_AT) >> 2] === 0) return undefined;
    return lab.arena.u32[(control + linux.CMSGHDR_DATA_AT) >> 2];
  };
  assert.equal(receive(), undefined);
  lab.world.network.inject(OTHER, to, new Uint8Array(5));
  assert.deepEqual([receive(), receive()], [undefined, 2]);
});

test("UdpFile sends a run as the datagrams that UDP_SEGMENT cuts it into", () => {
  const lab = new Lab();
  const { layout } = lab.libc;
  const fd = lab.udp();
  assert.equal(lab.bind(fd, OWN, 1025), 0);
  const { at, data, control } = lab.header(5, cmsgSpace(layout, 2));
  lab.arena.u8.set([1, 2, 3, 4, 5], data);
  lab.arena.writeU64(
    at + linux.MSGHDR_NAME_AT,
    lab.put(nameOf(layout, { ...OTHER, address: OWN })),
  );
  lab.arena.u32[(at + linux.MSGHDR_NAMELEN_AT) >> 2] = 16;
  lab.arena.u32[(control + linux.CMSGHDR_LEN_AT) >> 2] = linux.CMSGHDR_DATA_AT + 2;
  lab.arena.i32[(control + linux.CMSGHDR_LEVEL_AT) >> 2] = linux.SOL_UDP;
  lab.arena.i32[(control + linux.CMSGHDR_TYPE_AT) >> 2] = linux.UDP_SEGMENT;
  lab.arena.u16[(control + linux.CMSGHDR_DATA_AT) >> 1] = 2;
  const send = () => lab.outcome(lab.call.sendmsg(fd, lab.arena.address(at), 0));
  assert.equal(send(), "5");
  assert.deepEqual(lab.world.network.sent.map((it) => [...it.data]), [[1, 2], [3, 4], [5]]);
  // A message that runs over its end, and one that is shorter than its own header.
  for (const length of [linux.CMSGHDR_DATA_AT + 200, 15, 0]) {
    lab.arena.u32[(control + linux.CMSGHDR_LEN_AT) >> 2] = length;
    assert.equal(send(), "EINVAL");
  }
  assert.equal(cmsgNext(layout, 0, linux.CMSGHDR_DATA_AT + 2), cmsgSpace(layout, 2));
  assert.equal(sockaddrHead(layout, linux.AF_INET, 16), linux.AF_INET);
});

test("UdpFile.send() refuses broadcasts, long datagrams, and addresses that are nobody's", () => {
  const lab = new Lab();
  const fd = lab.udp();
  assert.equal(lab.bind(fd, OWN, 1025), 0);
  const send = (address: string, length = 1, port = 7) => {
    const name = nameOf(lab.libc.layout, { address: ip4(address), port });
    const data = new Arena(lab.libc, 65_536);
    return lab.outcome(lab.call.sendto(fd, data.address(0), length, 0, lab.put(name), 16));
  };
  assert.equal(send("255.255.255.255"), "EACCES");
  assert.equal(send("198.51.100.1"), "ENETUNREACH");
  assert.equal(send("127.0.0.1", 65_507), "65507");
  assert.equal(send("127.0.0.1", 65_508), "EMSGSIZE");
  assert.equal(send("127.0.0.1", 1, 0), "EINVAL");
  assert.equal(lab.world.network.sent.length, 1);
});

test("PipeWriter.write() says EAGAIN when the pipe is full, EPIPE when nobody reads", () => {
  const lab = new Lab();
  const ends = lab.arena.take(8);
  assert.equal(lab.call.pipe2(lab.arena.address(ends), linux.O_NONBLOCK), 0);
  const [reader, writer] = lab.arena.i32.subarray(ends >> 2, (ends >> 2) + 2);
  const large = new Arena(lab.libc, 65_536 * 2);
  assert.equal(lab.call.write(writer!, large.address(0), 65_537), 65_536);
  assert.equal(lab.outcome(lab.call.write(writer!, large.address(0), 1)), "EAGAIN");
  assert.equal(lab.call.close(reader!), 0);
  assert.equal(lab.outcome(lab.call.write(writer!, large.address(0), 1)), "EPIPE");
});

test("PaperKernel lets nobody but root change users, open raw sockets or change interfaces", () => {
  const lab = new Lab();
  const { call } = lab;
  const groups = lab.put(new Uint8Array(Uint32Array.of(5, 6).buffer));
  assert.deepEqual([call.setgroups(2, groups), call.setgid(5), call.setuid(5)], [0, 0, 0]);
  assert.deepEqual(lab.backend.paper.identity.groups, [5, 6]);
  const raw = () => call.socket(linux.AF_INET6, linux.SOCK_RAW, linux.IPPROTO_ICMPV6);
  const refused = [
    () => call.setuid(0),
    () => call.setgid(0),
    () => call.setgroups(2, groups),
    () => call.chroot(lab.path("/")),
    raw,
    () => call.socket(linux.AF_INET6, linux.SOCK_RAW, linux.IPPROTO_RAW),
    () => lab.option(lab.udp(), linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, 4096),
  ];
  for (const it of refused) assert.equal(lab.outcome(it()), "EPERM", String(it));
  assert.equal(lab.outcome(lab.bind(lab.udp(), OWN, 53)), "EACCES");
  assert.equal(call.setuid(5), 0);
  lab.backend.exit();
  assert.notEqual(raw(), -1); // the next process starts as root
});
