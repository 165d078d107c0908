import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { icmpv6 } from "#test/protocol/packets.ts";
import { toHex } from "#test/protocol/vectors.ts";
import { runCommand, typeAsRoot } from "../commands.ts";
import { type Device } from "../device.ts";
import { type HostName, HOSTS } from "../hosts.ts";
import { BsdProcess } from "../process.ts";
import { CLONING, FREEBSD, ready, type } from "../rules.ts";
import type { Statement } from "./statement.ts";

const FORWARDED = toHex(icmpv6(128, "2001:0:102:304::1", "2001:db8:5::1"));
const OWN = "fe80::7";
const NETBSD: readonly HostName[] = ["NetBSD 10"];
const NOT_NETBSD = HOSTS.filter((host) => !NETBSD.includes(host));

const headOf = ({ machine }: Device) => machine.numbers.AF_INET6.toString(16).padStart(8, "0");
/** Where a packet from a client went; what it has of a hop limit there. */
const passed = (device: Device) =>
  device.seen.filter((line) => line.startsWith("wan0"))
    .map((line) => parseInt(line.slice(5 + 14, 5 + 16), 16));

export const INET6: readonly Statement[] = [
  {
    page: "inet6(4)",
    says: "With net.inet6.ip6.forwarding at 0 a packet for another host goes no further",
    hosts: HOSTS,
    source: "inet6(4) IPV6CTL_FORWARDING of FreeBSD and DragonFly BSD; ip6_forward() of all",
    options: { forwards: false },
    play: (device) => {
      ready(device, "/dev/tun0").write(headOf(device) + FORWARDED);
      return passed(device);
    },
    want: [],
  },
  {
    page: "inet6(4)",
    says: "At 1 it does, and its hop limit is one less",
    hosts: HOSTS,
    source: "inet6(4) IPV6CTL_FORWARDING; RFC 8200 §3",
    options: { forwards: true },
    play: (device) => {
      ready(device, "/dev/tun0").write(headOf(device) + FORWARDED);
      return passed(device);
    },
    want: [parseInt(FORWARDED.slice(14, 16), 16) - 1],
  },
  {
    page: "inet6(4)",
    says: "What sysctl(8) sets of forwarding counts from the next packet on",
    hosts: HOSTS,
    source: "inet6(4) IPV6CTL_FORWARDING",
    options: { forwards: false },
    play: (device) => {
      ready(device, "/dev/tun0");
      const w = device.machine.name === "NetBSD" ? "-w " : "";
      const status = type(device, `sysctl ${w}net.inet6.ip6.forwarding=1`);
      device.write(headOf(device) + FORWARDED);
      return [status, passed(device).length];
    },
    want: [0, 1],
  },
  {
    page: "inet6(4)",
    says: "fe80::7%tun0 is fe80::7 on tun0: an address belongs to its interface alone",
    hosts: HOSTS,
    source: "inet6(4) ADDRESSING",
    play: (device) => {
      device.open("/dev/tun0");
      const status = type(device, `ifconfig tun0 inet6 ${OWN}%tun0 prefixlen 64`);
      const own = device.machine.world.link("tun0")!.addresses
        .filter(({ bytes }) => toHex(bytes) === toHex(parseIpv6(OWN)!));
      return [status, own.length];
    },
    want: [0, 1],
  },
  {
    page: "inet6(4)",
    says: "ifconfig(8) shows it with its zone and its scope",
    hosts: HOSTS,
    source: "inet6(4) ADDRESSING; in6_status() of ifconfig(8)",
    play: (device) => {
      device.open("/dev/tun0");
      type(device, `ifconfig tun0 inet6 ${OWN} prefixlen 64`);
      const { stdout } = typeAsRoot(device.machine, "ifconfig tun0");
      return [/inet6 fe80::7%tun0\b.* scopeid 0x[0-9a-f]+/.test(stdout)];
    },
    want: [true],
  },
  {
    page: "inet6(4)",
    says: "ip6.auto_linklocal is on by default",
    hosts: FREEBSD,
    source: "inet6(4) IPV6CTL_AUTO_LINKLOCAL",
    play: ({ machine }) => [
      typeAsRoot(machine, "sysctl -n net.inet6.ip6.auto_linklocal").stdout,
    ],
    want: ["1\n"],
  },
];

const VARIABLE = "net.inet6.ip6.forwarding";

export const SYSCTL: readonly Statement[] = [
  {
    page: "sysctl(8)",
    says: "-n prints the value alone",
    hosts: HOSTS,
    source: "sysctl(8) -n",
    play: ({ machine }) => [typeAsRoot(machine, `sysctl -n ${VARIABLE}`).stdout],
    want: ["1\n"],
  },
  {
    page: "sysctl(8)",
    says: "Without it the name stands before the value, as each system writes that",
    hosts: HOSTS,
    source: "sysctl.c: parse()",
    play: ({ machine }) => [typeAsRoot(machine, `sysctl ${VARIABLE}`).stdout],
    want: [
      (host: HostName) =>
        `${VARIABLE}${host === "OpenBSD 7" ? "=" : host === "NetBSD 10" ? " = " : ": "}1\n`,
    ],
  },
  {
    page: "sysctl(8)",
    says: "name=value sets it",
    hosts: NOT_NETBSD,
    source: "sysctl(8) DESCRIPTION",
    play: (device) => [
      type(device, `sysctl ${VARIABLE}=0`),
      typeAsRoot(device.machine, `sysctl -n ${VARIABLE}`).stdout,
    ],
    want: [0, "0\n"],
  },
  {
    page: "sysctl(8)",
    says: "Without -w nothing is set",
    hosts: NETBSD,
    source: "sysctl(8) -w",
    play: (device) => [
      type(device, `sysctl ${VARIABLE}=0`) !== 0,
      typeAsRoot(device.machine, `sysctl -n ${VARIABLE}`).stdout,
      type(device, `sysctl -w ${VARIABLE}=0`),
      typeAsRoot(device.machine, `sysctl -n ${VARIABLE}`).stdout,
    ],
    want: [true, "1\n", 0, "0\n"],
  },
  {
    page: "sysctl(8)",
    says: "Only the superuser sets",
    hosts: HOSTS,
    source: "sysctl(8) DESCRIPTION",
    play: ({ machine }) => {
      const process = new BsdProcess(machine);
      process.dropPrivileges();
      const line = ["/sbin/sysctl", "-w", `${VARIABLE}=0`];
      const { status, stderr } = runCommand(machine, process.kernel, line);
      return [status !== 0, /not permitted/.test(stderr), machine.sysctls.get(VARIABLE)];
    },
    want: [true, true, "1"],
  },
  {
    page: "sysctl(8)",
    says: "A name that the kernel does not have is an error",
    hosts: HOSTS,
    source: "sysctl(8) -i of FreeBSD's; sysctl.c: parse()",
    play: (device) => [type(device, "sysctl net.inet6.ip6.no_such_thing") !== 0],
    want: [true],
  },
  {
    page: "sysctl(8)",
    says: "net.link.tun.devfs_cloning is there with the driver, and 1",
    hosts: FREEBSD,
    source: "tun(4) DESCRIPTION",
    play: ({ machine }) => [typeAsRoot(machine, "sysctl -n net.link.tun.devfs_cloning").stdout],
    want: ["1\n"],
  },
  {
    page: "sysctl(8)",
    says: "As many packets wait for a read as the queue holds, and no more",
    hosts: CLONING,
    source: "if_tuntap.c tunstart(), if_tun.c tuncreate(): if_snd of net.link.ifqmaxlen, 50",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [Array.from({ length: 60 }, () => device.sends(FORWARDED)).filter(Boolean).length];
    },
    want: [50],
  },
];
