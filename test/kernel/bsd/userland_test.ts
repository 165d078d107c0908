import assert from "node:assert/strict";
import test from "node:test";
import { runCommand, typeAsRoot } from "./commands.ts";
import { type HostName, HOSTS, machineOf, tunnelsOf } from "./hosts.ts";
import { BsdProcess } from "./process.ts";

/**
 * What ifconfig(8), route(8), sysctl(8) and kldload(8) of paper say: texts of each system's sources,
 * which the program has to understand, or to repeat to its operator.
 */

const FREEBSD: readonly HostName[] = ["FreeBSD 14", "FreeBSD 15"];
const DRAGONFLY: readonly HostName[] = ["DragonFly BSD 6"];
const RENAMING = [...FREEBSD, ...DRAGONFLY];
const OPENBSD: readonly HostName[] = ["OpenBSD 7"];
const NETBSD: readonly HostName[] = ["NetBSD 10"];

/** Typed one after the other on one machine; the last one's answer is looked at. */
interface Said {
  readonly hosts: readonly HostName[];
  readonly lines: readonly string[];
  /** Not root. */
  readonly asNobody?: true;
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const ADD = "route -n add -inet6 2001::/32 2001:db8::1";
const ADDED = "add net 2001::/32: gateway 2001:db8::1";
const CREATE = "ifconfig tun3 create";

const SAID: readonly Said[] = [
  {
    hosts: RENAMING,
    lines: ["ifconfig teredo"],
    status: 1,
    stderr: "ifconfig: interface teredo does not exist\n",
  },
  { hosts: OPENBSD, lines: ["ifconfig tun7"], status: 1, stderr: "tun7: no such interface\n" },
  {
    hosts: NETBSD,
    lines: ["ifconfig tun7"],
    status: 1,
    stderr: "ifconfig: SIOCGIFFLAGS tun7: Device not configured\n",
  },
  {
    hosts: FREEBSD,
    lines: [CREATE, "ifconfig tun3"],
    status: 0,
    stdout: "tun3: flags=8010<POINTOPOINT,MULTICAST> metric 0 mtu 1500\n" +
      "\toptions=80000<LINKSTATE>\n\tgroups: tun\n\tnd6 options=1<PERFORMNUD,AUTO_LINKLOCAL>\n",
  },
  {
    hosts: OPENBSD,
    lines: [CREATE, "ifconfig tun3"],
    status: 0,
    stdout: "tun3: flags=8010<POINTOPOINT,MULTICAST> mtu 1500\n" +
      "\tindex 3 priority 0 llprio 3\n\tgroups: tun\n\tstatus: down\n",
  },
  {
    hosts: NETBSD,
    lines: [CREATE, "ifconfig tun3"],
    status: 0,
    stdout: "tun3: flags=0x10<POINTOPOINT> mtu 1500\n\tstatus: no network\n",
  },
  {
    hosts: DRAGONFLY,
    lines: [CREATE, "ifconfig tun3"],
    status: 0,
    stdout: "tun3: flags=8010<POINTOPOINT,MULTICAST> metric 0 mtu 1500\n\tgroups: tun\n",
  },
  { hosts: RENAMING, lines: [CREATE, "ifconfig tun3 name vpn0"], status: 0, stdout: "vpn0\n" },
  {
    hosts: OPENBSD,
    lines: [CREATE, "ifconfig tun3 name vpn0"],
    status: 1,
    stderr: "ifconfig: name: bad value\n",
  },
  // setifmtu() of these two warns.
  {
    hosts: [...OPENBSD, ...NETBSD],
    lines: [CREATE, "ifconfig tun3 mtu 70000"],
    status: 0,
    stderr: "ifconfig: SIOCSIFMTU: Invalid argument\n",
  },
  {
    hosts: RENAMING,
    lines: [CREATE, "ifconfig tun3 mtu 70000"],
    status: 1,
    stderr: "ifconfig: ioctl SIOCSIFMTU (set mtu): Invalid argument\n",
  },
  {
    hosts: RENAMING,
    lines: ["ifconfig wan0 destroy"],
    status: 1,
    stderr: "ifconfig: SIOCIFDESTROY: Invalid argument\n",
  },
  {
    hosts: FREEBSD,
    lines: ["ifconfig wan0 up"],
    asNobody: true,
    status: 1,
    stderr: "ifconfig: ioctl (SIOCSIFFLAGS): permission denied\n",
  },
  {
    hosts: OPENBSD,
    lines: ["ifconfig wan0 up"],
    asNobody: true,
    status: 1,
    stderr: "ifconfig: wan0: SIOCSIFFLAGS: Operation not permitted\n",
  },
  { hosts: HOSTS, lines: [ADD], status: 0, stdout: `${ADDED}\n` },
  {
    hosts: FREEBSD,
    lines: [ADD, ADD],
    status: 1,
    stdout: `${ADDED} fib 0: route already in table\n`,
  },
  { hosts: OPENBSD, lines: [ADD, ADD], status: 1, stdout: `${ADDED}: File exists\n` },
  {
    hosts: [...NETBSD, ...DRAGONFLY],
    lines: [ADD, ADD],
    status: 1,
    stdout: `${ADDED}: File exists\n`,
    stderr: "route: writing to routing socket: File exists\n",
  },
  {
    hosts: FREEBSD,
    lines: ["route -n add -inet6 2001::/32 -interface teredo"],
    status: 65, // EX_DATAERR
    stderr: "route: interface 'teredo' does not exist\n",
  },
  {
    hosts: HOSTS,
    lines: [ADD],
    asNobody: true,
    status: 1,
    stderr: "route: must be root to alter routing table\n",
  },
  {
    hosts: NETBSD,
    lines: ["sysctl net.inet6.ip6.forwarding=1"],
    status: 1,
    stderr: "sysctl: Must specify -w to set variables\n",
  },
  {
    hosts: [...FREEBSD, ...OPENBSD, ...DRAGONFLY],
    lines: ["sysctl net.inet6.ip6.forwarding=0"],
    status: 0,
    stdout: "net.inet6.ip6.forwarding: 1 -> 0\n",
  },
  {
    hosts: FREEBSD,
    lines: ["kldload if_tuntap"],
    status: 1,
    stderr: "kldload: can't load if_tuntap: module already loaded or in kernel\n",
  },
  { hosts: FREEBSD, lines: ["kldload -n if_tuntap"], status: 0 },
  {
    hosts: [...OPENBSD, ...NETBSD],
    lines: ["kldload if_tun"],
    status: -1,
    stderr: "spawn /sbin/kldload ENOENT",
  },
];

/** sysexits(3), which route(8) of these ends with. */
const statusOf = (host: HostName, { lines, asNobody, status }: Said) =>
  asNobody === true && lines[0] === ADD && RENAMING.includes(host) ? 77 : status;

for (const said of SAID) {
  const { hosts, lines, asNobody, stdout = "", stderr = "" } = said;
  for (const host of hosts) {
    const who = asNobody === true ? "nobody" : "root";
    test(`${host} on paper: what ${lines.join(", ")} says to ${who}`, () => {
      const machine = machineOf(host);
      const process = new BsdProcess(machine);
      if (asNobody === true) process.dropPrivileges();
      const before = tunnelsOf(machine);
      const [answer] = lines.map((line) =>
        asNobody === true
          ? runCommand(machine, process.kernel, `/sbin/${line}`.split(" "))
          : typeAsRoot(machine, line)
      ).slice(-1);
      assert.deepEqual(answer, { status: statusOf(host, said), stdout, stderr });
      if (asNobody === true) assert.deepEqual(tunnelsOf(machine), before);
    });
  }
}
