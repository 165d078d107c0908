import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { EBADFD, EINVAL, EIO } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { StartError } from "#src/errors.ts";
import { inNamespace, ip, RUN, sh } from "./namespace.ts";
import { OneQueue } from "./one_queue.ts";

const libc = await openLibc();
const arena = new Arena(libc, 256 * 1024);
const CAPACITY = 2048;
const at = arena.take(CAPACITY);
const HOLD_TUN = join(import.meta.dirname!, "hold_tun.ts");
const NAME = "teredo";

const exists = (name: string) => ip("link show").some((link) => link.ifname === name);

function refused(name: string): StartError {
  try {
    new OneQueue(libc, arena, name).close();
  } catch (error) {
    assert.ok(error instanceof StartError, String(error));
    return error;
  }
  assert.fail(`${name} was opened`);
}

/** Opens `name`, checks that the interface is there, closes it, checks that it went. */
function opensAndGoes(name: string): void {
  const tun = new OneQueue(libc, arena, name);
  assert.ok(exists(tun.name), `${tun.name} is not there`);
  tun.close();
  assert.ok(!exists(tun.name), `${tun.name} is still there`);
}

inNamespace(import.meta.filename!, () => {
  test("openTun() makes a TUN without packet information, which goes with its descriptor", () => {
    const tun = new OneQueue(libc, arena, NAME);
    const [link] = ip(`link show ${NAME}`);
    assert.deepEqual(link.flags.sort(), ["MULTICAST", "NOARP", "POINTOPOINT"]);
    assert.equal(link.link_type, "none");
    const { info_kind: kind, info_data: data } = link.linkinfo;
    assert.deepEqual([kind, data.type, data.pi, data.persist], ["tun", "tun", false, false]);
    tun.close();
    assert.ok(!exists(NAME));
  });

  test("openTun() lets the kernel name it and tells the name", () => {
    const tun = new OneQueue(libc, arena, "");
    assert.equal(tun.name, "tun0");
    assert.ok(exists("tun0"));
    const second = new OneQueue(libc, arena, "tun%d");
    assert.equal(second.name, "tun1");
    second.close();
    tun.close();
    opensAndGoes("fifteen-letters");
  });

  test("openTun() refuses names that no interface can have, before the kernel does", () => {
    const names: readonly [string, RegExp][] = [
      ["sixteen-letters.", /has 16 bytes; choose an InterfaceName of at most 15/],
      ["a b", /is no name for an interface/],
      ["a/b", /is no name for an interface/],
      ["tun%d%d", /is no name for an interface/],
      ["tun%s", /is no name for an interface/],
      ["..", /is no name for an interface/],
    ];
    for (const [name, message] of names) assert.match(refused(name).message, message);
  });

  test("openTun() takes over a persistent TUN and makes it go with its process", () => {
    sh(`ip tuntap add ${NAME} mode tun`);
    opensAndGoes(NAME);
  });

  test("openTun() names an interface of another kind and the command that removes it", () => {
    const others = [
      `ip link add ${NAME} type bridge`,
      `ip tuntap add ${NAME} mode tap`,
      `ip tuntap add ${NAME} mode tun multi_queue`,
    ];
    for (const other of others) {
      sh(other);
      const { message } = refused(NAME);
      assert.match(message, /^an interface teredo exists already and is not a TUN/, other);
      sh(/`(ip link delete teredo)`/.exec(message)![1]!);
      opensAndGoes(NAME);
    }
  });

  test("openTun() names the process that holds the interface", async () => {
    const holder = spawn(process.execPath, [...RUN, HOLD_TUN, NAME]);
    assert.equal(String((await once(holder.stdout, "data"))[0]), "holds teredo\n");
    const { message } = refused(NAME);
    assert.ok(message.startsWith(`the TUN interface teredo is in use by process ${holder.pid} (`));
    assert.ok(message.endsWith("stop that process, or run `ip link delete teredo`"));

    const ended = once(holder, "exit");
    holder.kill("SIGKILL");
    await ended;
    opensAndGoes(NAME);
  });

  test("the command that ends a held interface works, and its holder sees EBADFD", () => {
    const held = new OneQueue(libc, arena, NAME);
    sh(/`(ip link delete teredo)`/.exec(refused(NAME).message)![1]!);
    opensAndGoes(NAME);
    assert.equal(held.read(at, CAPACITY), -EBADFD);
    assert.equal(held.write(at, 40), -EBADFD);
    held.close();
  });

  test("openTun() asks for CAP_NET_ADMIN when it lacks it", () => {
    const without = ["--bounding-set=-net_admin", "--inh-caps=-net_admin"];
    const { stdout, stderr, error } = spawnSync(
      "setpriv",
      [...without, process.execPath, ...RUN, HOLD_TUN, NAME],
      { encoding: "utf8" },
    );
    assert.equal(error, undefined, "setpriv (Debian package util-linux) is needed");
    const message = "StartError: no permission to make the TUN interface teredo; " +
      "start as root or with the capability CAP_NET_ADMIN\n";
    assert.equal(stdout, message, stderr);
  });

  test("openTun() says how to get a missing /dev/net/tun", () => {
    sh("mount -t tmpfs none /dev/net"); // seen in this mount namespace only
    try {
      assert.match(refused(NAME).message, /^\/dev\/net\/tun is missing.*run `modprobe tun`/);
    } finally {
      sh("umount /dev/net");
    }
    opensAndGoes(NAME);
  });

  test("TunQueue.read() is 0 without a packet; write() tells why the kernel refuses one", () => {
    const tun = new OneQueue(libc, arena, NAME);
    arena.u8.fill(0, at, at + 40);
    arena.u8[at] = 0x60;
    assert.equal(tun.read(at, CAPACITY), 0);
    assert.equal(tun.write(at, 40), -EIO, "the interface is down");
    sh(`ip link set ${NAME} up`);
    while (tun.read(at + 40, CAPACITY - 40) > 0); // the kernel's own solicitations
    assert.equal(tun.write(at, 40), 40);
    arena.u8[at] = 0;
    assert.equal(tun.write(at, 40), -EINVAL, "no version that IP has");
    tun.close();
  });
});
