import assert from "node:assert/strict";
import test from "node:test";
import { POLLHUP, POLLOUT } from "#ffi/posix.ts";
import { icmpv6 } from "#test/protocol/packets.ts";
import { toHex } from "#test/protocol/vectors.ts";
import { Device } from "./device.ts";
import { HOSTS, tunnelsOf } from "./hosts.ts";
import { CLONING, FREEBSD, ready, type Rule, STATIC, testRules, type } from "./rules.ts";

/** How devices of tun(4) of paper are opened, set up, closed and destroyed. */

const PACKET = toHex(icmpv6(128, "2001:db8::1", "2001:0:102:304::1"));
const HEAD_24 = `00000018${PACKET}`;
const [BROADCAST, POINTOPOINT, POINT_AND_UP] = [2, 0x10, 0x11];

const another = (device: Device) => new Device(device.machine);
const namesOf = (device: Device) => tunnelsOf(device.machine).map((line) => line.split(" ")[0]);

const OPENING: readonly Rule[] = [
  {
    hosts: FREEBSD,
    at: "tunclone(): the lowest unit that is free",
    play: (device) => [
      type(device, "ifconfig tun1 create"),
      ...[1, 2, 3].map(() => another(device).open("/dev/tun")),
      another(device).open("/dev/tun7"),
    ],
    want: [0, "tun0", "tun2", "tun3", "tun7"],
  },
  {
    hosts: ["DragonFly BSD 6"],
    at: "tunclone(): four units are there from the start",
    play: (device) => [
      another(device).open("/dev/tun"),
      another(device).open("/dev/tun"),
      another(device).open("/dev/tun0"),
      another(device).open("/dev/tun9"),
    ],
    want: ["tun4", "tun5", "tun0", "ENOENT"],
  },
  {
    hosts: STATIC,
    at: "a node of the file system for each unit",
    options: { tunNodes: 2 },
    play: (device) => [
      device.open("/dev/tun"),
      device.open("/dev/tun2"),
      another(device).open("/dev/tun1"),
      another(device).open("/dev/tun0"),
    ],
    want: ["ENOENT", "ENOENT", "tun1", "tun0"],
  },
  {
    hosts: HOSTS,
    at: "tunopen(), tun_dev_open(): one holder",
    play: (device) => [device.open("/dev/tun0"), another(device).open("/dev/tun0")],
    want: ["tun0", "EBUSY"],
  },
  {
    hosts: CLONING,
    at: "without the module there is no device",
    options: { tunLoaded: false },
    play: (device) => [
      device.open("/dev/tun"),
      type(device, `kldload ${device.machine.name === "FreeBSD" ? "if_tuntap" : "if_tun"}`),
      another(device).open("/dev/tun0"),
    ],
    want: ["ENOENT", 0, "tun0"],
  },
  {
    hosts: FREEBSD,
    at: "tunclone(): for root, and unless net.link.tun.devfs_cloning says no",
    play: (device) => {
      device.kernel.identity.uid = 1001;
      const asOther = device.open("/dev/tun");
      return [asOther, type(device, "sysctl net.link.tun.devfs_cloning=0")]
        .concat(another(device).open("/dev/tun"));
    },
    want: ["ENOENT", 0, "ENOENT"],
  },
  {
    hosts: FREEBSD,
    at: "tunrename(): the device gets the interface's name too",
    play: (device) => [
      device.open("/dev/tun"),
      type(device, "ifconfig tun0 name teredo"),
      another(device).open("/dev/teredo"),
    ],
    want: ["tun0", 0, "EBUSY"],
  },
];

const SETTING: readonly Rule[] = [
  {
    hosts: [...CLONING, "NetBSD 10"],
    at: "TUNSIFMODE: not while it is up, and of two kinds",
    play: (device) => [
      device.open("/dev/tun0"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
      device.ioctl("TUNSIFMODE", BROADCAST),
      device.ioctl("TUNSIFMODE", 0),
      device.ioctl("TUNSIFMODE", BROADCAST | POINTOPOINT),
      type(device, "ifconfig tun0 up"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
    ],
    want: ["tun0", 0, 0, "EINVAL", "EINVAL", 0, "EBUSY"],
  },
  {
    hosts: ["OpenBSD 7"],
    at: "tun_dev_ioctl(): TUNSIFMODE takes what is so anyhow, and there is no TUNSIFHEAD",
    play: (device) => [
      device.open("/dev/tun0"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
      device.ioctl("TUNSIFMODE", 0x8000 | POINT_AND_UP),
      device.ioctl("TUNSIFHEAD", 1),
    ],
    want: ["tun0", "EINVAL", 0, "ENOTTY"],
  },
  {
    hosts: ["FreeBSD 14", "DragonFly BSD 6"],
    at: "no TUNSTRANSIENT",
    play: (device) => [device.open("/dev/tun0"), device.ioctl("TUNSTRANSIENT", 1)],
    want: ["tun0", "ENOTTY"],
  },
  {
    hosts: ["FreeBSD 15"],
    at: "TUNSTRANSIENT: the interface goes with its device",
    play: (device) => {
      const answers = [device.open("/dev/tun0"), device.ioctl("TUNSTRANSIENT", 1)];
      device.close();
      return [...answers, namesOf(device).length];
    },
    want: ["tun0", 0, 0],
  },
];

/** Lines of the interface after its device was closed, and once more after that. */
function afterClose(device: Device, path: string): readonly string[] {
  ready(device, path).close();
  return tunnelsOf(device.machine);
}

const CLOSING: readonly Rule[] = [
  {
    hosts: FREEBSD,
    at: "tundtor(): down, without addresses, and still there",
    play: (device) => afterClose(device, "/dev/tun"),
    want: ["tun0 mtu 1500 POINTOPOINT,MULTICAST"],
  },
  {
    hosts: ["OpenBSD 7"],
    at: "tun_dev_close(): what the open has made goes",
    play: (device) => afterClose(device, "/dev/tun0"),
    want: [],
  },
  {
    hosts: ["OpenBSD 7"],
    at: "tun_dev_close(): what ifconfig(8) has made stays, with its addresses",
    play: (device) => {
      type(device, "ifconfig tun0 create");
      return afterClose(device, "/dev/tun0").map((line) => line.replace(/ fe80.*/, " fe80"));
    },
    want: ["tun0 mtu 1500 POINTOPOINT,MULTICAST fe80"],
  },
  {
    hosts: ["NetBSD 10"],
    at: "tunclose(): down, with its addresses, its head and its FIONBIO",
    play: (device) => {
      const lines = afterClose(device, "/dev/tun0");
      const next = another(device);
      next.open("/dev/tun0");
      next.file.nonBlocking = false;
      return [...lines, next.read(), next.sends(PACKET), next.read()];
    },
    want: ["tun0 mtu 1500 POINTOPOINT,RUNNING fe80::7%tun0", "EAGAIN", true, HEAD_24],
  },
  {
    hosts: ["DragonFly BSD 6"],
    at: "tunclose(): what tunclone() has made goes",
    play: (device) => afterClose(device, "/dev/tun"),
    want: [],
  },
  {
    hosts: ["DragonFly BSD 6"],
    at: "tunclose(): a unit of the start stays, without addresses",
    play: (device) => afterClose(device, "/dev/tun2"),
    want: ["tun2 mtu 1500 POINTOPOINT,MULTICAST"],
  },
  {
    hosts: ["DragonFly BSD 6"],
    at: "tunclose(): one of ifconfig(8) keeps its addresses",
    play: (device) => {
      type(device, "ifconfig tun6 create");
      return afterClose(device, "/dev/tun6");
    },
    want: ["tun6 mtu 1500 POINTOPOINT,MULTICAST fe80::7%tun6 tentative"],
  },
];

const DESTROYING: readonly Rule[] = [
  {
    hosts: FREEBSD,
    at: "tun_destroy(): sleeps until the holder has closed it",
    play: (device) => {
      device.open("/dev/tun0");
      assert.throws(() => type(device, "ifconfig tun0 destroy"), /would block forever/);
      return device.machine.fatalities;
    },
    want: ["destroying tun0 while it is open would block forever"],
  },
  {
    hosts: ["DragonFly BSD 6"],
    at: "tun_clone_destroy(): not what an open has made, and a panic for what is open",
    play: (device) => {
      device.open("/dev/tun");
      const status = type(device, "ifconfig tun4 destroy");
      type(device, "ifconfig tun6 create");
      another(device).open("/dev/tun6");
      assert.throws(() => type(device, "ifconfig tun6 destroy"), /panics/);
      return [status, ...device.machine.fatalities];
    },
    want: [1, "destroying tun6 while it is open panics"],
  },
  {
    hosts: ["OpenBSD 7"],
    at: "tun_clone_destroy(): the device is taken away from its holder",
    play: (device) => [
      ready(device, "/dev/tun0").file.ready(),
      type(device, "ifconfig tun0 destroy"),
      device.read(),
      device.write(HEAD_24),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
      device.file.ready(),
      another(device).open("/dev/tun0"),
    ],
    want: [POLLOUT, 0, "EIO", "EIO", "EIO", POLLHUP, "tun0"],
  },
  {
    hosts: ["NetBSD 10"],
    at: "tun_clone_destroy(): the device says ENXIO, and poll() nothing",
    play: (device) => [
      type(ready(device, "/dev/tun0"), "ifconfig tun0 destroy"),
      device.read(),
      device.write(HEAD_24),
      device.ioctl("TUNSIFHEAD", 1),
      device.file.ready(),
      another(device).open("/dev/tun0"),
    ],
    want: [0, "ENXIO", "ENXIO", "ENXIO", 0, "tun0"],
  },
];

testRules([...OPENING, ...SETTING, ...CLOSING, ...DESTROYING]);

for (const host of HOSTS) {
  test(`tun(4) of ${host} on paper: of another kernel's requests none is known`, () => {
    const device = new Device(host);
    device.open("/dev/tun0");
    const at = device.kernel.memory.place(new Uint8Array(64));
    // TUNSETIFF of Linux, TUNSIFHEAD of the others.
    const { TUNSIFHEAD, TUNSTRANSIENT } = device.machine.numbers;
    const foreign = [0x4004_54ca, 0x8004_7460, 0x8004_7442]
      .filter((request) => request !== TUNSIFHEAD && request !== TUNSTRANSIENT);
    assert.ok(foreign.length >= 2);
    for (const request of foreign) assert.throws(() => device.file.ioctl(request, at));
  });
}
