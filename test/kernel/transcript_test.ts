import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import type { Layout } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { AF_INET, EINTR, EIO, ENOBUFS, O_RDWR, SOCK_DGRAM } from "#ffi/linux/mod.ts";
import { assertRefused, liveThrough } from "./life.ts";
import { PaperLinuxBackend } from "./linux/backend.ts";
import { LATE, relaySteps } from "./relay_steps.ts";
import { relay } from "./roles.ts";
import { Death } from "./transcript.ts";

const steps = () => [...relaySteps({ anyAddress: true }), LATE];

function open(backend: PaperLinuxBackend): number {
  const arena = new Arena(backend.libc, 4096);
  const path = arena.address(arena.cString("/dev/net/tun"));
  return backend.libc.call.open(path, O_RDWR, 0);
}

test("Transcript writes each call as people read it, with what it answered", () => {
  const backend = new PaperLinuxBackend();
  const { call } = backend.libc;
  const first = open(backend);
  open(backend);
  call.socket(AF_INET, SOCK_DGRAM, 0);
  call.close(first);
  call.close(first);
  open(backend);
  assert.deepEqual(backend.transcript.lines, [
    'open("/dev/net/tun", O_RDWR) = tun',
    'open("/dev/net/tun", O_RDWR) = tun2',
    "socket(AF_INET, SOCK_DGRAM, 0) = udp",
    "close(tun) = 0",
    `close(#${first}) = -1 EBADF`,
    'open("/dev/net/tun", O_RDWR) = tun',
  ]);
});

test("Transcript.inject() fails the calls that are meant, as often as it is told, and no others", () => {
  const backend = new PaperLinuxBackend();
  const { transcript } = backend;
  const socket = () => backend.libc.call.socket(AF_INET, SOCK_DGRAM, 0);
  transcript.inject({ call: "socket", errno: EIO, after: 1, times: 2 });
  transcript.inject({ match: (given) => given.includes("/dev/net/tun"), errno: EINTR });
  assert.deepEqual([socket() > 0, socket(), backend.libc.errno()], [true, -1, EIO]);
  assert.deepEqual([open(backend), backend.libc.errno()], [-1, EINTR]);
  assert.deepEqual([open(backend) > 0, socket(), socket() > 0], [true, -1, true]);
  assert.equal(transcript.injected.length, 3);
  // A descriptor is gone even where close() fails.
  transcript.inject({ call: "close", errno: EIO });
  const fd = socket();
  assert.equal(backend.libc.call.close(fd), -1);
  assert.equal(socket(), fd);
});

test("Transcript.lifetime: a process that has died does nothing more", () => {
  const backend = new PaperLinuxBackend();
  backend.transcript.lifetime = 1;
  const fd = open(backend);
  assert.throws(() => open(backend), Death);
  assert.throws(() => backend.libc.call.close(fd), Death);
  assert.ok(backend.paper.open.has(fd));
  backend.exit();
  assert.equal(backend.paper.open.size, 0);
  assert.equal(open(backend), fd);
});

/** Numbers of another system, or off by one field: each must end a life, none may pass unseen. */
const MISTAKES: Partial<Layout>[] = [
  { O_NONBLOCK: 4 },
  { O_CLOEXEC: 0x10_0000 },
  { SOCK_NONBLOCK: 0x2000_0000 },
  { SOCK_CLOEXEC: 0x1000_0000 },
  { AF_INET6: 28 },
  { EAGAIN: 35 },
  { MSG_DONTWAIT: 0x80 },
  { MSG_NOSIGNAL: 0x2_0000 },
  { ICMP6_FILTER: 18 },
  { ICMP6_FILTER_BLOCK: 0 },
  { hasSockaddrLength: true },
  { SIZEOF_MMSGHDR: 56 },
  { MMSGHDR_LEN_AT: 48 },
  { CMSGHDR_LEVEL_AT: 12 },
  { CMSGHDR_TYPE_AT: 8 },
  ...([
    { option: 7 },
    { receivedType: 7 },
    { receivedAt: 8, length: 16 },
    { receivedAt: 0 },
    { sentType: 7 },
    { sentAt: 0 },
    { length: 4 },
  ].map((mistake) => ({ localAddress: { ...LINUX.localAddress, ...mistake } }))),
];
for (const mistake of MISTAKES) {
  test(`a relay that takes a kernel's numbers to be ${JSON.stringify(mistake)} does not live`, () => {
    const backend = new PaperLinuxBackend(mistake);
    assert.throws(() => liveThrough(backend, relay({ anyAddress: true }), steps()));
  });
}

test("a relay that takes no number to be another lives, and is told of a buffer that is full", () => {
  const backend = new PaperLinuxBackend({});
  liveThrough(backend, relay({ anyAddress: true }), steps());
  const other = new PaperLinuxBackend();
  other.transcript.inject({ call: "bind", errno: ENOBUFS });
  assertRefused(other, relay(), /^bind\(203\.0\.113\.9:3545\): ENOBUFS/);
});
