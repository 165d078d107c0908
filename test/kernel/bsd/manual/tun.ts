import { POLLOUT } from "#ffi/posix.ts";
import { icmpv6 } from "#test/protocol/packets.ts";
import { toHex } from "#test/protocol/vectors.ts";
import { Device } from "../device.ts";
import { type HostName, HOSTS, tunnelsOf } from "../hosts.ts";
import { CLONING, FREEBSD, ready, STATIC, type } from "../rules.ts";
import type { Statement } from "./statement.ts";

const PACKET = toHex(icmpv6(128, "2001:db8::1", "2001:0:102:304::1"));
const OPENBSD: readonly HostName[] = ["OpenBSD 7"];
const NETBSD: readonly HostName[] = ["NetBSD 10"];
const DRAGONFLY: readonly HostName[] = ["DragonFly BSD 6"];
const WITH_HEAD = [...CLONING, ...NETBSD];
/** Broadcast, point-to-point and multicast of `<net/if.h>`. */
const [BROADCAST, POINTOPOINT, MULTICAST] = [0x2, 0x10, 0x8000];

/** AF_INET6 in network byte order: 24 of OpenBSD and NetBSD, 28 of the others. */
const head = (host: HostName) => STATIC.includes(host as never) ? "00000018" : "0000001c";
const headOf = ({ machine }: Device) => machine.numbers.AF_INET6.toString(16).padStart(8, "0");
const another = (device: Device) => new Device(device.machine);
const link = ({ machine }: Device, name = "tun0") => machine.world.link(name);
const flagsOf = (device: Device) => tunnelsOf(device.machine)[0]!.split(" ")[3];

export const TUN: readonly Statement[] = [
  {
    page: "tun(4)",
    says: "A device that is open cannot be opened again: EBUSY",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION; ERRORS of OpenBSD's",
    play: (device) => [device.open("/dev/tun0"), another(device).open("/dev/tun0")],
    want: ["tun0", "EBUSY"],
  },
  {
    page: "tun(4)",
    says: "Once it is closed another may open it",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      device.open("/dev/tun0");
      device.close();
      return [another(device).open("/dev/tun0")];
    },
    want: ["tun0"],
  },
  {
    page: "tun(4)",
    says:
      "Only the superuser may open a device: EACCES by its mode 0600, before the driver's EPERM",
    hosts: [...OPENBSD, ...NETBSD, ...DRAGONFLY],
    source: "tun(4) ERRORS of OpenBSD's, DESCRIPTION of NetBSD's; tunmodevent() of DragonFly BSD",
    play: (device) => {
      device.kernel.identity.uid = 1001;
      return [device.open("/dev/tun0")];
    },
    want: ["EACCES"],
  },
  {
    page: "tun(4)",
    says: "/dev/tun is the lowest unit that is unused",
    hosts: CLONING,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      const [first, second] = [another(device).open("/dev/tun"), another(device).open("/dev/tun")];
      return [Number(String(second).slice(3)) - Number(String(first).slice(3))];
    },
    want: [1],
  },
  {
    page: "tun(4)",
    says: "With net.link.tun.devfs_cloning at 0 there is no /dev/tun",
    hosts: FREEBSD,
    source: "tun(4) DESCRIPTION",
    play: (
      device,
    ) => [type(device, "sysctl net.link.tun.devfs_cloning=0"), device.open("/dev/tun")],
    want: [0, "ENOENT"],
  },
  {
    page: "tun(4)",
    says: "ifconfig(8) creates an interface, and destroys it",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => [
      type(device, "ifconfig tun3 create"),
      link(device, "tun3")?.name,
      type(device, "ifconfig tun3 destroy"),
      link(device, "tun3")?.name,
    ],
    want: [0, "tun3", 0, undefined],
  },
  {
    page: "tun(4)",
    says: "An interface begins point-to-point",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => [type(device, "ifconfig tun3 create"), flagsOf(device)!.split(",")[0]],
    want: [0, "POINTOPOINT"],
  },
  {
    page: "tun(4)",
    says: "A read gives one packet",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [
        device.sends(PACKET),
        device.sends(PACKET),
        device.read() === `${headOf(device)}${PACKET}`,
        device.read() === `${headOf(device)}${PACKET}`,
        device.read(),
      ];
    },
    want: [true, true, true, true, "EAGAIN"],
  },
  {
    page: "tun(4)",
    says: "What is longer than the buffer of a read is cut off and lost",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      ready(device, "/dev/tun0").sends(PACKET);
      return [device.read(24), device.read()];
    },
    want: [(host: HostName) => head(host) + PACKET.slice(0, 40), "EAGAIN"],
  },
  {
    page: "tun(4)",
    says: "Without a packet a read that may not wait says EWOULDBLOCK, and another waits",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION; FIONBIO of NetBSD's",
    play: (device) => {
      ready(device, "/dev/tun0");
      const before = device.read();
      device.file.nonBlocking = false;
      device.ioctl("FIONBIO", 0);
      return [before, device.read()];
    },
    want: ["EAGAIN", "a read of tun would block forever"],
  },
  {
    page: "tun(4)",
    says: "Before each packet stand four bytes with its address family, in network byte order",
    hosts: HOSTS,
    source: "tun(4) TUNSIFHEAD; DESCRIPTION of OpenBSD's, which always has them",
    play: (device) => {
      ready(device, "/dev/tun0").sends(PACKET);
      return [device.read(), device.write(headOf(device) + PACKET), device.taken];
    },
    want: [(host: HostName) => head(host) + PACKET, 52, [`tun0 ${PACKET}`]],
  },
  {
    page: "tun(4)",
    says: "Without TUNSIFHEAD what is written is taken for IPv4",
    hosts: CLONING,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      ready(device, "/dev/tun0").ioctl("TUNSIFHEAD", 0);
      return [device.write(PACKET), device.taken];
    },
    want: [48, []],
  },
  {
    page: "tun(4)",
    says: "A write is one packet, however much it has",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      ready(device, "/dev/tun0");
      device.write(headOf(device) + PACKET + headOf(device) + PACKET);
      return [device.taken.length];
    },
    want: [1],
  },
  {
    page: "tun(4)",
    says: "A write never waits: poll(2) always has it ready",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => [ready(device, "/dev/tun0").file.ready() & POLLOUT],
    want: [POLLOUT],
  },
  {
    page: "tun(4)",
    says: "A packet of less than its head is refused: EMSGSIZE, NetBSD: EIO",
    hosts: STATIC,
    source: "tun(4) ERRORS of OpenBSD's; tunwrite() of NetBSD",
    play: (device) => [ready(device, "/dev/tun0").write("0000")],
    want: [(host: HostName) => host === "OpenBSD 7" ? "EMSGSIZE" : "EIO"],
  },
  {
    page: "tun(4)",
    says: "TUNSIFMODE takes POINTOPOINT or BROADCAST, with or without MULTICAST: else EINVAL",
    hosts: WITH_HEAD,
    source: "tun(4) TUNSIFMODE",
    play: (device) => [
      device.open("/dev/tun0"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
      device.ioctl("TUNSIFMODE", BROADCAST | MULTICAST),
      device.ioctl("TUNSIFMODE", MULTICAST),
      device.ioctl("TUNSIFMODE", BROADCAST | POINTOPOINT),
    ],
    want: ["tun0", 0, 0, "EINVAL", "EINVAL"],
  },
  {
    page: "tun(4)",
    says: "TUNSIFMODE wants the interface down: EBUSY",
    hosts: WITH_HEAD,
    source: "tun(4) TUNSIFMODE",
    play: (device) => [
      device.open("/dev/tun0"),
      type(device, "ifconfig tun0 up"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
      type(device, "ifconfig tun0 down"),
      device.ioctl("TUNSIFMODE", POINTOPOINT),
    ],
    want: ["tun0", 0, "EBUSY", 0, 0],
  },
  {
    page: "tun(4)",
    says:
      "TUNSIFMODE with both POINTOPOINT and BROADCAST is EINVAL, a request it does not know ENOTTY",
    hosts: OPENBSD,
    source: "tun(4) ERRORS",
    play: (device) => [
      device.open("/dev/tun0"),
      device.ioctl("TUNSIFMODE", BROADCAST | POINTOPOINT),
      device.ioctl("TUNSIFHEAD", 1),
    ],
    want: ["tun0", "EINVAL", "ENOTTY"],
  },
  {
    page: "tun(4)",
    says: "Before it has an address a read says EHOSTDOWN",
    hosts: NETBSD,
    source: "tun(4) DESCRIPTION; TUN_READY has TUN_IASET in NetBSD alone",
    play: (device) => [device.open("/dev/tun0"), device.ioctl("FIONBIO", 1), device.read()],
    want: ["tun0", 0, "EHOSTDOWN"],
  },
  {
    page: "tun(4)",
    says: "The last close brings the interface down",
    hosts: [...CLONING, ...NETBSD],
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      type(device, "ifconfig tun3 create");
      ready(device, "/dev/tun3");
      type(device, "ifconfig tun3 up");
      const before = flagsOf(device)!.includes("UP");
      device.close();
      return [before, flagsOf(device)!.includes("UP")];
    },
    want: [true, false],
  },
  {
    page: "tun(4)",
    says: "The last close throws away what waits to be read",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      type(device, "ifconfig tun3 create");
      const waits = ready(device, "/dev/tun3").sends(PACKET);
      device.close();
      const next = ready(another(device), "/dev/tun3");
      return [waits, next.read()];
    },
    want: [true, "EAGAIN"],
  },
  {
    page: "tun(4)",
    says: "After the last close what is sent into the interface is thrown away",
    hosts: HOSTS,
    source: "tun(4) DESCRIPTION; EHOSTDOWN of OpenBSD's",
    play: (device) => {
      type(device, "ifconfig tun3 create");
      ready(device, "/dev/tun3");
      type(device, "ifconfig tun3 up");
      const send = () => link(device, "tun3")!.output!(Uint8Array.fromHex(PACKET));
      const before = send();
      device.close();
      return [before, send()];
    },
    want: [true, false],
  },
  {
    page: "tun(4)",
    says: "What an open has made goes with its close; what ifconfig(8) has made stays, not running",
    hosts: OPENBSD,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      device.open("/dev/tun0");
      device.close();
      const gone = link(device)?.name;
      type(device, "ifconfig tun0 create");
      const next = another(device);
      next.open("/dev/tun0");
      next.close();
      return [gone, link(device)?.name, flagsOf(device)!.includes("RUNNING")];
    },
    want: [undefined, "tun0", false],
  },
  {
    page: "tun(4)",
    says: "The interface stays when its device is closed",
    hosts: FREEBSD,
    source: "tun(4) DESCRIPTION",
    play: (device) => {
      device.open("/dev/tun");
      device.close();
      return [link(device)?.name];
    },
    want: ["tun0"],
  },
];
