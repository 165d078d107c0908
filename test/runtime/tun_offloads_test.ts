import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { TUNSETPERSIST } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { openTun, type TunOptions } from "#src/datapath/linux/tun/open.ts";
import { WorkersRefused } from "#src/datapath/threads/workers.ts";
import { inNamespace, ip, sh } from "./namespace.ts";

const libc = await openLibc();
const arena = new Arena(libc, 256 * 1024);
const NAME = "teredo";

/** What the kernel says of the interface while `use` runs on it. */
function withTun(options: TunOptions, use: (opened: ReturnType<typeof openTun>) => void): void {
  const opened = openTun(libc, arena, NAME, options);
  try {
    use(opened);
  } finally {
    for (const fd of opened.queues) libc.call.close(fd);
  }
  assert.equal(isThere(), false);
}

const isThere = () => ip("link show").some((link) => link.ifname === NAME);

/** The same for one that stays, and is then deleted. */
function withLeftTun(options: TunOptions, use: (opened: ReturnType<typeof openTun>) => void): void {
  const opened = openTun(libc, arena, NAME, options);
  try {
    use(opened);
  } finally {
    for (const fd of opened.queues) libc.call.close(fd);
  }
  assert.equal(isThere(), true);
  sh(`ip link delete ${NAME}`);
}

/** `tx-tcp6-segmentation` and others as `ethtool -k` says them. */
function feature(name: string): boolean {
  const line = sh(`ethtool -k ${NAME}`).split("\n").find((it) => it.trim().startsWith(`${name}:`));
  assert.ok(line !== undefined, `ethtool knows no ${name}`);
  return / on\b/.test(line);
}

const flagsOf = () => ip(`link show ${NAME}`)[0].linkinfo.info_data;

inNamespace(import.meta.filename!, () => {
  test("openTun() with offloads: the kernel hands over super-packets with a header each", () => {
    withTun({ queues: 1, offloads: true }, ({ tun, tunUdp }) => {
      assert.ok(tun, "any kernel of these years has TSO for TUN");
      assert.equal(flagsOf().vnet_hdr, true);
      assert.equal(flagsOf().multi_queue, false);
      for (const name of ["tx-checksum-ip-generic", "tx-tcp6-segmentation"]) {
        assert.ok(feature(name), name);
      }
      assert.equal(feature("tx-udp-segmentation"), tunUdp);
      assert.ok(!feature("tx-tcp-segmentation"), "no IPv4 goes through a relay");
    });
  });

  test("openTun() without offloads: whole packets only, no header", () => {
    withTun({ queues: 1, offloads: false }, (opened) => {
      assert.deepEqual([opened.tun, opened.tunUdp], [false, false]);
      assert.equal(flagsOf().vnet_hdr, false);
      assert.ok(!feature("tx-tcp6-segmentation"));
    });
  });

  test("openTun() takes over a persistent TUN whatever flags and offloads it was left with", () => {
    const left = [
      `ip tuntap add ${NAME} mode tun`,
      `ip tuntap add ${NAME} mode tun vnet_hdr`,
      `ip tuntap add ${NAME} mode tun pi`,
    ];
    for (const command of left) {
      for (const offloads of [true, false]) {
        sh(command);
        withLeftTun({ queues: 1, offloads }, (opened) => {
          assert.equal(opened.tun, offloads, command);
          const { vnet_hdr: vnet, pi, persist } = flagsOf();
          assert.deepEqual([vnet, pi, persist], [offloads, false, true], command);
          assert.equal(feature("tx-tcp6-segmentation"), offloads, command);
        });
      }
    }
  });

  test("openTun() without offloads ends those that an earlier holder left on", () => {
    const earlier = openTun(libc, arena, NAME, { queues: 1, offloads: true });
    assert.equal(libc.call.ioctl(earlier.queues[0]!, TUNSETPERSIST, 1), 0);
    libc.call.close(earlier.queues[0]!);
    assert.ok(feature("tx-tcp6-segmentation"));
    withLeftTun(
      { queues: 1, offloads: false },
      () => assert.ok(!feature("tx-tcp6-segmentation")),
    );
  });

  test("openTun() opens as many queues of one interface as asked for", () => {
    for (const offloads of [true, false]) {
      withTun({ queues: 3, offloads }, ({ queues, name }) => {
        assert.equal(name, NAME);
        assert.equal(new Set(queues).size, 3);
        assert.deepEqual([flagsOf().multi_queue, flagsOf().numqueues], [true, 3]);
      });
    }
  });

  test("openTun() takes over a persistent TUN of many queues for many and for one, and of one for one", () => {
    for (const queues of [1, 2]) {
      sh(`ip tuntap add ${NAME} mode tun multi_queue`);
      withLeftTun({ queues, offloads: true }, ({ tun }) => {
        assert.ok(tun);
        assert.equal(flagsOf().numqueues, queues);
      });
    }
    sh(`ip tuntap add ${NAME} mode tun`);
    assert.throws(() => openTun(libc, arena, NAME, { queues: 2, offloads: true }), WorkersRefused);
    assert.equal(flagsOf().persist, true, "a refusal leaves it as it was");
    withLeftTun({ queues: 1, offloads: true }, ({ tun }) => assert.ok(tun));
  });

  test("openTun() names one that the kernel chose, and gives every queue of it", () => {
    const opened = openTun(libc, arena, "", { queues: 2, offloads: true });
    assert.equal(opened.name, "tun0");
    assert.equal(ip("link show tun0")[0].linkinfo.info_data.numqueues, 2);
    for (const fd of opened.queues) libc.call.close(fd);
  });
});
