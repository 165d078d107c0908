import assert from "node:assert/strict";
import test from "node:test";
import { StartError } from "#src/errors.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { typeAsRoot } from "./commands.ts";
import { type HostName, HOSTS, machineOf, type PerHost, tunnelsOf } from "./hosts.ts";
import type { BsdMachine, MachineOptions } from "./machine.ts";
import { IFF_UP } from "./numbers.ts";
import { BsdProcess, RELAY, SERVER } from "./process.ts";

/**
 * What keeps a role from starting, and what its operator is told to do, in the words of each system.
 * Where these are commands they are typed on the machine of paper, and the role has to start then.
 */

interface Hindrance {
  readonly name: string;
  /** Default: all. */
  readonly hosts?: readonly HostName[];
  readonly options?: MachineOptions;
  prepare?(machine: BsdMachine): void;
  readonly relay?: Partial<typeof RELAY>;
  /** Instead of a relay's. */
  readonly server?: Partial<typeof SERVER>;
  readonly asNobody?: boolean;
  readonly problem: (host: HostName) => string;
  readonly mend: (host: HostName) => string | undefined;
  /** Whether the commands in the mend let the role start. Default: it has none. */
  readonly isMended?: boolean;
}

const FREEBSD: readonly HostName[] = ["FreeBSD 14", "FreeBSD 15"];
/** Their devices are nodes of a file system, and interfaces keep their names. */
const STATIC: readonly HostName[] = ["OpenBSD 7", "NetBSD 10"];
const RENAMING: readonly HostName[] = HOSTS.filter((host) => !STATIC.includes(host));

/** What the relay's interface is called. */
const nameOn = (host: HostName) => RENAMING.includes(host) ? "teredo" : "tun0";
const always = <T>(text: T) => () => text;

const ENOENT = "so tun(4) cannot be reached: ENOENT (No such file or directory)";
const MISSING: PerHost<string> = {
  "FreeBSD 14": `/dev/tun is missing, ${ENOENT}`,
  "FreeBSD 15": `/dev/tun is missing, ${ENOENT}`,
  "OpenBSD 7": `/dev/tun0 is missing, ${ENOENT}`,
  "NetBSD 10": `/dev/tun0 is missing, ${ENOENT}`,
  "DragonFly BSD 6": `/dev/tun is missing, ${ENOENT}`,
};
const OF_FREEBSD =
  "run `kldload if_tuntap` and `sysctl net.link.tun.devfs_cloning=1`, and start as root; a jail " +
  "needs a network stack of its own (vnet) and a devfs ruleset that shows tun*";
const MAKEDEV = "run `cd /dev && sh MAKEDEV tun0`";
const GET_DEVICE: PerHost<string> = {
  "FreeBSD 14": OF_FREEBSD,
  "FreeBSD 15": OF_FREEBSD,
  "OpenBSD 7": MAKEDEV,
  "NetBSD 10": MAKEDEV,
  "DragonFly BSD 6": "run `kldload if_tun`",
};
const SHOW_ROUTE = "stop what made the route; `route -n get -inet6 2001::` shows it";
/** Of standard error, and of a warning with status 0. */
const MTU_REFUSED: PerHost<string> = {
  "FreeBSD 14": "ioctl SIOCSIFMTU (set mtu)",
  "FreeBSD 15": "ioctl SIOCSIFMTU (set mtu)",
  "OpenBSD 7": "SIOCSIFMTU",
  "NetBSD 10": "SIOCSIFMTU",
  "DragonFly BSD 6": "ioctl SIOCSIFMTU (set mtu)",
};
const MOST_MTU: PerHost<readonly [system: string, most: number]> = {
  "FreeBSD 14": ["FreeBSD", 65_535],
  "FreeBSD 15": ["FreeBSD", 65_535],
  "OpenBSD 7": ["OpenBSD", 16_384],
  "NetBSD 10": ["NetBSD", 1500],
  "DragonFly BSD 6": ["DragonFly BSD", 16_380],
};
const SEE_PORT: PerHost<string> = {
  "FreeBSD 14": "sockstat -4l -P udp -p 3544",
  "FreeBSD 15": "sockstat -4l -P udp -p 3544",
  "OpenBSD 7": "fstat | grep ':3544'",
  "NetBSD 10": "sockstat -4l -p 3544",
  "DragonFly BSD 6": "sockstat -4l | grep ':3544 '",
};
const NO_ADDRESS = {
  problem: always("198.51.100.1 is not an address of this host"),
  mend: always("add it: ifconfig INTERFACE inet 198.51.100.1 netmask 255.255.255.255 alias"),
  isMended: true,
} as const;
const FOREIGN = {
  problem: () => "an interface teredo exists already and is not one that a crashed relay has left",
  mend: () => "choose another interface_name; `ifconfig teredo` shows what it is",
};

/** Another process has a unit. */
function hold(machine: BsdMachine, path: string, name?: string): void {
  new BsdProcess(machine).kernel.openPath(path, 2);
  if (name !== undefined) machine.world.links.at(-1)!.name = name;
}

/** The prefix leads somewhere already, or nowhere. */
function routePrefix({ world, ethernet }: BsdMachine, action: "send" | "reject" | "discard"): void {
  const link = action === "send" ? world.link(ethernet) : undefined;
  const destination = parseIpv6("2001::")!;
  world.addRoute({ destination, length: 32, link, metric: 0, action, origin: "static" });
}

const HINDRANCES: readonly Hindrance[] = [
  {
    name: "devices that are hidden",
    prepare: (machine) => void (machine.hidesTun = true),
    problem: (host) => MISSING[host],
    mend: (host) => GET_DEVICE[host],
  },
  {
    name: "devices that are hidden from a server",
    prepare: (machine) => void (machine.hidesTun = true),
    server: {},
    problem: (host) => MISSING[host],
    mend: (host) => GET_DEVICE[host],
  },
  {
    name: "nodes that are missing",
    hosts: STATIC,
    options: { tunNodes: 0 },
    problem: (host) => MISSING[host],
    mend: always(MAKEDEV),
    isMended: true,
  },
  {
    name: "the node of a unit that is missing",
    hosts: STATIC,
    relay: { interfaceName: "tun7" },
    problem: () => `/dev/tun7 is missing, ${ENOENT}`,
    mend: always("run `cd /dev && sh MAKEDEV tun7`"),
    isMended: true,
  },
  {
    name: "nodes that all are taken",
    hosts: STATIC,
    options: { tunNodes: 2 },
    prepare: (machine) => ["/dev/tun0", "/dev/tun1"].forEach((path) => hold(machine, path)),
    problem: () => `/dev/tun2 is missing, ${ENOENT}`,
    mend: always("run `cd /dev && sh MAKEDEV tun2`"),
    isMended: true,
  },
  {
    name: "cloning that is switched off",
    hosts: FREEBSD,
    prepare: ({ sysctls }) => void sysctls.set("net.link.tun.devfs_cloning", "0"),
    problem: (host) => MISSING[host],
    mend: always(OF_FREEBSD),
    isMended: true,
  },
  {
    name: "privileges that are missing",
    asNobody: true,
    problem: (host) =>
      FREEBSD.includes(host)
        ? MISSING[host] // tunclone() makes nothing for others
        : `/dev/tun${STATIC.includes(host) ? 0 : ""} may not be opened: EACCES (Permission denied)`,
    mend: (host) => FREEBSD.includes(host) ? OF_FREEBSD : "start as root",
  },
  {
    name: "a name of 16 characters",
    relay: { interfaceName: "teredo-relay-one" },
    problem: () => 'the interface name "teredo-relay-one" has 16 characters',
    mend: always("choose an interface_name of at most 15"),
  },
  {
    name: "a name that is an option of ifconfig(8)",
    relay: { interfaceName: "-a" },
    problem: () => '"-a" is no name for an interface',
    mend: always(
      "choose an interface_name of letters, digits, '.', '_' and '-' that starts with a letter",
    ),
  },
  {
    name: "an MTU above that of tun(4)",
    relay: { rules: { ...RELAY.rules, mtu: 65_536 } },
    problem: (host) => `tun(4) of ${MOST_MTU[host][0]} takes no MTU of 65536`,
    mend: (host) => `set interface_mtu to ${MOST_MTU[host][1]} or less`,
  },
  {
    name: "an MTU that is refused, with whatever status",
    prepare: (machine) => void (machine.refusesMtu = true),
    problem: (host) =>
      `\`ifconfig ${nameOn(host)} mtu 1280\` failed: ifconfig: ${
        MTU_REFUSED[host]
      }: Invalid argument`,
    mend: always(undefined),
  },
  {
    name: "an interface of the name that another driver has",
    hosts: RENAMING,
    prepare: ({ world }) => void world.addLink("teredo", 1500, 0),
    ...FOREIGN,
  },
  {
    name: "an operator's interface of the name that is up",
    hosts: RENAMING,
    prepare: (machine) => {
      typeAsRoot(machine, "ifconfig tun5 create");
      typeAsRoot(machine, "ifconfig tun5 name teredo");
      machine.world.link("teredo")!.flags |= IFF_UP;
    },
    ...FOREIGN,
  },
  {
    name: "an interface of the name that a process holds",
    hosts: RENAMING,
    prepare: (machine) => hold(machine, "/dev/tun", "teredo"),
    problem: () => "the TUN interface teredo is in use by process 4242",
    mend: always("stop it (`ps -p 4242` shows it), or choose another interface_name"),
  },
  {
    name: "a unit that a process holds",
    prepare: (machine) => hold(machine, "/dev/tun3"),
    relay: { interfaceName: "tun3" },
    problem: (host) =>
      `the TUN interface tun3 is in use by ${
        STATIC.includes(host) ? "another program" : "process 4242"
      }`,
    mend: (host) =>
      STATIC.includes(host)
        ? "find it with `fstat /dev/tun3` and stop it, or choose another interface_name"
        : "stop it (`ps -p 4242` shows it), or choose another interface_name",
  },
  {
    name: "a prefix that another interface has",
    prepare: (machine) => routePrefix(machine, "send"),
    problem: () =>
      "2001::/32 is already routed to the interface wan0, perhaps by another Teredo relay or client",
    mend: () => SHOW_ROUTE,
  },
  ...(["reject", "discard"] as const).map((action): Hindrance => ({
    name: `a prefix with a route that says ${action}`,
    prepare: (machine) => routePrefix(machine, action),
    problem: () =>
      "2001::/32 is already refused by a route, perhaps by another Teredo relay or client",
    mend: () => SHOW_ROUTE,
  })),
  {
    name: "a port that is taken",
    prepare: (machine) => void new BsdProcess(machine).openServer(),
    relay: { bindPort: 3544 },
    problem: () => "UDP 0.0.0.0:3544 is in use by another program",
    mend: (host) => `see which: ${SEE_PORT[host]}`,
  },
  {
    name: "an address of another host",
    relay: { bindAddress: parseIpv4("198.51.100.1")! },
    ...NO_ADDRESS,
  },
  {
    name: "a second address of another host",
    server: { bindAddress2: parseIpv4("198.51.100.1")! },
    ...NO_ADDRESS,
  },
];

/** The commands in a mend, as they are typed on this machine. */
function commandsIn(mend: string): string[] {
  const added = /^add it: (.*)$/.exec(mend)?.[1];
  if (added !== undefined) return [added.replace("INTERFACE", "wan0")];
  return [...mend.matchAll(/`([^`]+)`/g)].map(([, it]) => it!.replace("cd /dev && sh ", ""));
}

function open(process: BsdProcess, { relay, server, asNobody }: Hindrance): void {
  if (asNobody === true) process.dropPrivileges();
  try {
    if (server === undefined) process.openRelay(relay);
    else process.openServer(server);
  } finally {
    assert.deepEqual(process.libc.faults, []);
  }
}

for (const hindrance of HINDRANCES) {
  for (const host of hindrance.hosts ?? HOSTS) {
    const { name, options, prepare, problem, mend, isMended = false } = hindrance;
    const role = hindrance.server === undefined ? "openRelay()" : "openServer()";

    test(`${host}: ${role} tells of ${name}, and leaves nothing`, () => {
      const machine = machineOf(host, options);
      prepare?.(machine);
      const before = tunnelsOf(machine);
      const process = new BsdProcess(machine);
      const told = { problem: problem(host), mend: mend(host) };
      assert.throws(() => open(process, hindrance), (error: unknown) => {
        assert.ok(error instanceof StartError, String(error));
        assert.deepEqual({ problem: error.problem, mend: error.mend }, told);
        return true;
      });
      assert.deepEqual(tunnelsOf(machine), before);
      assert.deepEqual(process.open, []);
    });

    if (!isMended) continue;
    test(`${host}: the command that ${role} tells mends ${name}`, () => {
      const machine = machineOf(host, options);
      prepare?.(machine);
      const process = new BsdProcess(machine);
      assert.throws(() => open(process, hindrance), StartError);
      for (const command of commandsIn(mend(host)!)) typeAsRoot(machine, command);
      open(process, hindrance);
      assert.ok(process.open.includes("tun"));
    });
  }
}
