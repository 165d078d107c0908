import type { Libc } from "#ffi/libc.ts";
import type { System } from "#ffi/layout.ts";
import { type Ran, typed } from "#src/datapath/bsd/commands.ts";
import { type Around, bsdHost } from "#src/daemon/host/bsd/mod.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import { ROOT_SERVERS_4 } from "#src/daemon/host/samples.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { platformOf } from "#ffi/platform.ts";
import { BsdMachine, type MachineOptions } from "#test/kernel/bsd/machine.ts";
import { PaperKernel } from "#test/kernel/kernel.ts";
import { PaperLibc } from "#test/kernel/libc.ts";

export type Bsd = Exclude<System, "Linux">;
export const BSDS: readonly Bsd[] = ["FreeBSD", "OpenBSD", "NetBSD", "DragonFly BSD"];

/** What a machine is like, over one that is fit for both roles. */
export interface BsdFacts {
  readonly options?: MachineOptions;
  /** Changes to the machine before it is asked. */
  readonly prepare?: (machine: BsdMachine) => void;
  /** What commands print, by their words without the folder; undefined: they fail. */
  readonly commands?: Readonly<Record<string, string | undefined>>;
  readonly around?: Partial<Around>;
}

const FAILED: Ran = { status: 1, stdout: "", stderr: "" };
const printed = (stdout: string): Ran => ({ status: 0, stdout, stderr: "" });

/** What commands print where all is well that the machine of paper does not have, or not in full. */
const COMMANDS: Readonly<Record<string, string>> = {
  "sysctl -n security.jail.jailed": "0\n",
  "sysctl -n security.jail.vnet": "0\n",
  "sysctl -n net.inet6.ip6.rfc6204w3": "0\n",
  "ifconfig -C": "bridge gif lo tap tun vlan\n",
  "fstat": "USER     CMD          PID   FD MOUNT        INUM  MODE         R/W    SZ|DV\n",
};

const STATIC_DEFAULT = (interfaceName: string) =>
  `   route to: default
destination: default
       mask: default
    gateway: fe80::1%${interfaceName}
  interface: ${interfaceName}
      flags: <UP,GATEWAY,DONE,STATIC>
`;

export interface Asked {
  readonly host: Host;
  readonly machine: BsdMachine;
  readonly libc: PaperLibc;
  /** Commands run so far, as an operator types them. */
  readonly ran: string[];
}

/** A host on a kernel of paper, whose commands are those of {@link COMMANDS}. */
export function bsdMachine(system: Bsd, facts: BsdFacts = {}): Asked {
  const machine = new BsdMachine(system, facts.options);
  facts.prepare?.(machine);
  const paper = new PaperLibc(new PaperKernel(machine, machine.world));
  const ran: string[] = [];
  const texts: Record<string, string | undefined> = {
    get "sysctl -n net.link.tun.refcnt"() {
      return machine.tun.isLoaded ? "0\n" : undefined;
    },
    "route -n get -inet6 default": STATIC_DEFAULT(machine.ethernet),
  };
  const toInternet = ROOT_SERVERS_4.map((it) => `route -n get ${formatIpv4(it)}`);
  for (const command of toInternet) {
    Object.assign(texts, { [command]: STATIC_DEFAULT(machine.ethernet) });
  }
  const printedBy = (command: string) =>
    [facts.commands, COMMANDS, texts].find((some) => some !== undefined && command in some);
  const run = (argv: readonly string[]): Ran => {
    const command = typed(argv);
    ran.push(command);
    const some = printedBy(command);
    if (some === undefined) return paper.run(argv);
    const text = some[command];
    return text === undefined ? FAILED : printed(text);
  };
  const around: Around = {
    run,
    networkInterfaces: () => listed(machine),
    cores: () => 2,
    uid: () => 0,
    exists: (path) => {
      const unit = /^\/dev\/tun(\d+)$/.exec(path)?.[1];
      return unit !== undefined && Number(unit) < machine.options.tunNodes;
    },
    textOf: (path) => path === "/etc/passwd" ? "nobody:*:32767:32767::/:/sbin/nologin\n" : "",
    isDirectory: () => true,
    processUse: () => ({ residentBytes: 50_000_000 }),
    year: () => 2026,
    ...facts.around,
  };
  return { host: bsdHost(programLibc(paper, system), around), machine, libc: paper, ran };
}

/** What `process.platform` calls them. */
const PLATFORM: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "freebsd",
  "OpenBSD": "openbsd",
  "NetBSD": "netbsd",
  "DragonFly BSD": "dragonfly",
};

/** The kernel of paper goes by its own numbers, the program by those that it has of the system. */
function programLibc(paper: PaperLibc, system: Bsd): Libc {
  return {
    layout: platformOf(PLATFORM[system], "x64").layout,
    call: paper.call,
    has: (name) => paper.has(name),
    errno: () => paper.errno(),
    addressOf: (bytes) => paper.addressOf(bytes),
  };
}

/** As libuv and the runtimes do: what is up, running and has addresses. OpenBSD keeps the zone inside. */
function listed({ world, name }: BsdMachine): ReturnType<Around["networkInterfaces"]> {
  const up = world.links.filter(({ flags, addresses }) =>
    (flags & 0x41) === 0x41 && addresses.length > 0
  );
  return Object.fromEntries(up.map((link) => [
    link.name,
    link.addresses.map(({ bytes }) => {
      if (bytes.length === 4) return { family: "IPv4", address: formatIpv4(readU32(bytes, 0)) };
      const text = formatIpv6(bytes);
      const zoned = name === "OpenBSD" ? text.replace("fe80::", `fe80:${link.index}::`) : text;
      return { family: "IPv6", address: zoned };
    }),
  ]));
}

/** A route of the prefix into an interface of its own. */
export const routed =
  (name: string, flags: number): NonNullable<BsdFacts["prepare"]> => ({ world }) => {
    const link = world.addLink(name, 1280, flags);
    const destination = parseIpv6("2001::")!;
    const route = { destination, length: 32, link, metric: 0 } as const;
    world.addRoute({ ...route, action: "send", origin: "static" });
  };
