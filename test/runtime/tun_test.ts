import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { EBADFD, EBUSY, EINVAL, EIO, TUNSETIFF } from "#ffi/linux/mod.ts";
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
      ["sixteen-letters.", /has 16 bytes; choose an interface_name of at most 15/],
      ["a b", /is no name for an interface/],
      ["a/b", /is no name for an interface/],
      ["tun%d%d", /is no name for an interface/],
      ["tun%s", /is no name for an interface/],
      ["..", /is no name for an interface/],
    ];
    for (const [name, message] of names) assert.match(refused(name).message, message);
  });

  for (const kind of ["", " multi_queue", " vnet_hdr", " pi", " user nobody"]) {
    test(`openTun() takes over a persistent TUN made with "${kind}", which stays`, () => {
      sh(`ip tuntap add ${NAME} mode tun${kind}`);
      new OneQueue(libc, arena, NAME).close();
      const [link] = ip(`link show ${NAME}`);
      assert.equal(link.linkinfo.info_data.persist, true);
      sh(`ip link delete ${NAME}`);
      opensAndGoes(NAME);
    });
  }

  const others: readonly [name: string, make: string, unmake: string, want: string][] = [
    [
      "of another kind",
      `ip link add ${NAME} type bridge`,
      `ip link delete ${NAME}`,
      "an interface teredo exists already and is of the kind bridge; choose another interface_name; " +
      "`ip -d link show dev teredo` shows what it is",
    ],
    [
      "that takes Ethernet frames",
      `ip tuntap add ${NAME} mode tap`,
      `ip link delete ${NAME}`,
      "an interface teredo exists already and is of the kind tap; choose another interface_name; " +
      "`ip -d link show dev teredo` shows what it is",
    ],
    [
      "whose other name it is",
      `ip link property add dev uplink altname ${NAME}`,
      `ip link property del dev uplink altname ${NAME}`,
      "teredo is another name (altname) of the interface uplink; choose another interface_name, or " +
      "take that name away: ip link property del dev uplink altname teredo",
    ],
  ];
  sh("ip link add uplink type veth peer name far");
  for (const [name, make, unmake, want] of others) {
    test(`openTun() names an interface ${name}, and tells no command that deletes it`, () => {
      sh(make);
      assert.equal(refused(NAME).message, want);
      sh(unmake);
      opensAndGoes(NAME);
    });
  }

  test("openTun() waits for an interface that nobody has any more", () => {
    let [times, errno] = [3, 0];
    const ioctl: Libc["call"]["ioctl"] = (fd, request, at) => {
      errno = request === TUNSETIFF && times-- > 0 ? EBUSY : 0;
      return errno === 0 ? libc.call.ioctl(fd, request, at) : -1;
    };
    const leaving: Libc = {
      ...libc,
      addressOf: (bytes) => libc.addressOf(bytes),
      has: (name) => libc.has(name),
      call: { ...libc.call, ioctl },
      errno: () => errno || libc.errno(),
    };
    new OneQueue(leaving, arena, NAME).close();
    times = Infinity;
    assert.throws(() => new OneQueue(leaving, arena, NAME), /the TUN interface teredo is in use;/);
  });

  test("openTun() names the process that holds the interface", async () => {
    const holder = spawn(process.execPath, [...RUN, HOLD_TUN, NAME]);
    assert.equal(String((await once(holder.stdout, "data"))[0]), "holds teredo\n");
    const { message } = refused(NAME);
    assert.ok(message.startsWith(`the TUN interface teredo is in use by process ${holder.pid} (`));
    assert.ok(
      message.endsWith(
        "choose another interface_name, or stop that process; " +
          `\`ps -p ${holder.pid}\` shows what it is`,
      ),
      message,
    );

    const ended = once(holder, "exit");
    holder.kill("SIGKILL");
    await ended;
    opensAndGoes(NAME);
  });

  test("an interface that is deleted under its holder can be made again, and the holder sees EBADFD", () => {
    const held = new OneQueue(libc, arena, NAME);
    sh("ip link delete teredo");
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
