import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { IPV4_LINK, IPV6_LINK, RELAY_ADDRESS, RELAY_IPV6 } from "#src/demo/topology.ts";
import {
  RELAY_PORT,
  START_PATIENCE,
  startMiredoClient,
  startServer,
  teredo,
  until,
  untilReady,
  writeFile,
} from "./programs.ts";

/**
 * A lab with two relays behind a router, each with a routing daemon that announces it:
 *
 *     host6 -- rtr 2001:db8:2::9 --+-- rly  2001:db8:2::1  BIRD
 *                                  +-- rlyb 2001:db8:2::2  FRR      both on the ipv4 bridge as well
 *
 * The router runs BIRD, learns the prefix from both and takes the one that it is told to prefer.
 */
const ROUTER_IPV6 = "2001:db8:1::9";
const ROUTER = "2001:db8:2::9";
const ROUTER_AS = 64_500;
const CORE_LINK = "core6";
const POLL_MS = 200;
/** BFD's times are shorter than a busy machine lets a program wait. */
const AT_ONCE = ["chrt", "-f", "10"];
const ROUTER_CONTROL = "/run/router.ctl";

export type Daemon = "bird" | "frr";

/** One relay's host. */
export interface Place {
  readonly daemon: Daemon;
  readonly namespace: string;
  readonly as: number;
  readonly address: string;
  readonly ipv4: string;
}

export const PLACES: Readonly<Record<Daemon, Place>> = {
  bird: {
    daemon: "bird",
    namespace: "rly",
    as: 64_501,
    address: "2001:db8:2::1",
    ipv4: RELAY_ADDRESS,
  },
  frr: {
    daemon: "frr",
    namespace: "rlyb",
    as: 64_502,
    address: "2001:db8:2::2",
    ipv4: "198.51.100.51",
  },
};
const ALL = Object.values(PLACES);

export const other = ({ daemon }: Place): Place => PLACES[daemon === "bird" ? "frr" : "bird"];

/** One worker, whom a test can find; packet by packet, which a capture shows; room for what waits while a busy machine asks a client. */
const RELAY_CONF = `[relay]
bind_port = ${RELAY_PORT}
workers = 1
offloads = off
hold_packets = 256
hold_bytes = 1MiB
announce = yes
`;

/** Stops the one thread that waits for packets in poll(2), with ptrace(2), which stops no other. */
const HOLD_WORKER = `
use Config;
$| = 1;
my ($poll, $ptrace) = $Config{archname} =~ /x86_64/ ? (7, 101) : (73, 117);
my ($pid) = @ARGV;
for (1 .. 1000) {
  for my $task (glob "/proc/$pid/task/*") {
    open my $file, "<", "$task/syscall" or next;
    next unless (<$file> // "") =~ /^$poll /;
    my ($tid) = $task =~ /(\\d+)$/;
    syscall($ptrace, 16, $tid + 0, 0, 0) == 0 or die "ptrace: $!";
    waitpid $tid, 0x40000000;
    print "held\\n";
    sleep;
  }
}
die "no thread waits in poll";
`;

/** Without duplicate address detection, and without redirects, which a way of one link only would bring. */
const link = (namespace: string, address: string, name = CORE_LINK) => `
ip -n core link add ${namespace}-${name} type veth peer name ${name} netns ${namespace}
ip -n core link set ${namespace}-${name} master ${name} up
ip -n ${namespace} link set ${name} up
ip -n ${namespace} address add ${address} dev ${name} ${address.includes(":") ? "nodad" : ""}
`;

const NETWORK = `
for namespace in rtr rlyb; do
  ip netns add $namespace
  nsenter --net=/run/netns/$namespace sysctl -qw net.ipv6.conf.all.accept_dad=0 \\
    net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.forwarding=1
  ip -n $namespace link set lo up
done
ip -n core link add ${CORE_LINK} type bridge mcast_snooping 0
ip -n core link set ${CORE_LINK} up
${link("rtr", `${ROUTER_IPV6}/64`, IPV6_LINK)}
${link("rtr", `${ROUTER}/64`)}
${link("rlyb", `${PLACES.frr.ipv4}/24`, IPV4_LINK)}
${link("rlyb", `${PLACES.frr.address}/64`)}
${link("rly", `${PLACES.bird.address}/64`)}
ip -n rly -6 address del ${RELAY_IPV6}/64 dev ${IPV6_LINK}
nsenter --net=/run/netns/rtr sysctl -qw net.ipv6.icmp.ratelimit=0
for namespace in rly rlyb; do ip -n $namespace -6 route replace default via ${ROUTER}; done
ip -n host6 -6 route replace 2001::/32 via ${ROUTER_IPV6}
`;

/**
 * The router's BIRD; its routes of the prefix go to the kernel, that of the preferred neighbour first. BFD is
 * on where it is what is looked at: on a busy machine it would take any neighbour for gone now and then.
 */
function routerConfig(preferred: Daemon, bfd: "on" | "off"): string {
  const sessions = ALL.map((place) => `
protocol bgp ${place.daemon}_relay {
  local as ${ROUTER_AS};
  neighbor ${place.address} as ${place.as};
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  hold time 240;
  bfd ${bfd};
  ipv6 {
    import filter { bgp_local_pref = ${place.daemon === preferred ? 200 : 100}; accept; };
    export none;
  };
}`);
  return `router id 192.0.2.9;
protocol device {}
protocol kernel { scan time 10; ipv6 { export all; import none; }; }
protocol bfd { interface "*" { min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }; }
${sessions.join("\n")}
`;
}

export class Anycast {
  readonly lab: Lab;
  /** Teredo address of Miredo's client behind a port-restricted NAT. */
  readonly client: string;
  readonly #relays = new Map<Daemon, LabProcess>();

  private constructor(lab: Lab, client: string) {
    this.lab = lab;
    this.client = client;
  }

  /** Everything runs, and both relays are announced. */
  static async create(preferred: Daemon): Promise<Anycast> {
    const lab = await Lab.create({ nats: ["port-restricted"] });
    try {
      await lab.sh("core", NETWORK);
      await startServer(lab, "teredo");
      const { address } = await startMiredoClient(lab, "cli0");
      const anycast = new Anycast(lab, address);
      await Promise.all(ALL.map((place) => anycast.startRelay(place)));
      await startRouter(lab, preferred);
      await startBird(lab, PLACES.bird, await printed(lab, PLACES.bird));
      await startFrr(lab, PLACES.frr, await printed(lab, PLACES.frr));
      await anycast.untilAnnounced(ALL.map(({ daemon }) => daemon));
      return anycast;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.lab.close();
  }

  async startRelay({ daemon, namespace }: Place): Promise<LabProcess> {
    const file = await relayFile(this.lab, namespace);
    const relay = this.lab.spawn(namespace, teredo("relay", "-c", file));
    this.#relays.set(daemon, relay);
    await untilReady(this.lab, namespace, 9545, relay);
    return relay;
  }

  /** The router and its neighbours see by BFD when one is gone. */
  async watchLinks({ daemon, address }: Place): Promise<void> {
    const control = `birdc -s ${ROUTER_CONTROL}`;
    await writeFile(this.lab, "router.conf", routerConfig(daemon, "on"));
    await this.lab.sh("rtr", `${control} configure`);
    await until(
      "BFD is up, and the session with it",
      async () => {
        const said = await this.lab.sh(
          "rtr",
          `${control} show bfd sessions; ${control} show protocols`,
        );
        const isUp = said.split("\n").some((line) =>
          line.includes(address) && line.includes(" Up ")
        );
        return isUp && new RegExp(`^${daemon}_relay .* Established`, "m").test(said);
      },
      3 * START_PATIENCE,
      POLL_MS,
    );
    await this.untilAnnounced(ALL.map((it) => it.daemon));
  }

  /** Why the router has no session any more. */
  async lastError({ daemon }: Place): Promise<string> {
    const said = await this.lab.sh(
      "rtr",
      `birdc -s ${ROUTER_CONTROL} show protocols all ${daemon}_relay`,
    );
    return /Last error: +(.*)/.exec(said)?.[1] ?? "";
  }

  /** A link that is down at the other end: nothing tells the router's side of it. */
  cut({ namespace }: Place): Promise<void> {
    const down = `ip link set ${namespace}-${CORE_LINK} nomaster`;
    return this.lab.sh("core", down).then(() => {});
  }

  /** Holds the worker of a relay as a debugger does, until the program that is returned ends. */
  async holdWorker(place: Place): Promise<LabProcess> {
    const pid = await this.lab.sh(
      place.namespace,
      `pgrep -f '^[^ ]*[ ]relay -c /run/${place.namespace}-'`,
    );
    const holder = this.lab.spawn(place.namespace, ["perl", "-e", HOLD_WORKER, pid.trim()]);
    await holder.waitForLine(/held/, START_PATIENCE);
    return holder;
  }

  relay({ daemon }: Place): LabProcess {
    return this.#relays.get(daemon)!;
  }

  /** From whom the router has a route of the prefix. */
  async announced(): Promise<Daemon[]> {
    // Of a router that only begins there is nothing to hear yet.
    const ask = `birdc -s ${ROUTER_CONTROL} show route 2001::/32 all || true`;
    const said = await this.lab.sh("rtr", ask);
    return ALL.filter(({ as }) => said.includes(`BGP.as_path: ${as}\n`)).map(({ daemon }) =>
      daemon
    );
  }

  untilAnnounced(wanted: readonly Daemon[]): Promise<void> {
    return until(
      `announced: ${wanted.join(", ") || "none"}`,
      async () => {
        return `${await this.announced()}` === `${wanted}`;
      },
      2 * START_PATIENCE,
      POLL_MS,
    );
  }

  /** What the router has of anything: it must be the prefix alone. */
  async learned(): Promise<string[]> {
    const said = await this.lab.sh("rtr", `birdc -s ${ROUTER_CONTROL} show route`);
    return [...said.matchAll(/^([0-9a-f:]+\/\d+) /gm)].map((it) => it[1]!);
  }

  /** Packets that the kernel has handed to a relay since its interface was made. */
  async carried({ namespace }: Place): Promise<number> {
    const shown = await this.lab.run(namespace, [
      "ip",
      "-s",
      "-j",
      "link",
      "show",
      "dev",
      "teredo",
    ]);
    return shown.status === 0 ? JSON.parse(shown.stdout)[0].stats64.tx.packets : 0;
  }
}

/** Echo requests that are handed to the client, by UDP from whichever relay. */
export class Arrivals {
  readonly #dump: LabProcess;
  readonly #seen = new Set<number>();

  private constructor(dump: LabProcess) {
    this.#dump = dump;
    dump.onLine((line) => {
      // Bytes 64 to 79 from the IPv4 header on; the sequence number is at 74.
      const words = /^\s+0x0040: {2}(.*)$/.exec(line)?.[1]?.split(" ");
      if (words !== undefined) this.#seen.add(parseInt(words[5]!, 16));
    });
  }

  static async start(lab: Lab): Promise<Arrivals> {
    // The next header of the IPv6 packet inside, and its ICMPv6 type.
    const filter = "udp and udp[14]=58 and udp[48]=128 and src net 198.51.100.0/24";
    const argv = ["tcpdump", "-l", "-n", "-x", "-s", "128", "--immediate-mode", "-i", IPV4_LINK];
    const dump = lab.spawn("cli0", [...argv, filter]);
    await dump.waitForLine(/listening on/, START_PATIENCE);
    return new Arrivals(dump);
  }

  /** @param last to wait for, as it is known to have come: those before it have been seen by then */
  async stop(last: number): Promise<ReadonlySet<number>> {
    await until("the capture is complete", () => Promise.resolve(this.#seen.has(last)));
    await this.#dump.stop();
    return this.#seen;
  }
}

async function relayFile(lab: Lab, namespace: string): Promise<string> {
  return await writeFile(lab, `${namespace}-relay.ini`, RELAY_CONF);
}

/** The configuration as a new operator gets it: the one who has read no more than `teredo help announce`. */
async function printed(lab: Lab, { daemon, namespace, as }: Place): Promise<string> {
  const file = await relayFile(lab, namespace);
  const flags = ["--as", `${as}`, "--neighbor", ROUTER, "--neighbor-as", `${ROUTER_AS}`];
  const said = await lab.run(namespace, teredo("announce", daemon, "-c", file, ...flags));
  if (said.status !== 0 || said.stderr !== "") throw new Error(said.stderr);
  return await writeFile(lab, `${daemon}.conf`, said.stdout);
}

async function startRouter(lab: Lab, preferred: Daemon): Promise<void> {
  const file = await writeFile(lab, "router.conf", routerConfig(preferred, "off"));
  lab.spawn("rtr", [
    ...AT_ONCE,
    "bird",
    "-f",
    "-c",
    file,
    "-s",
    ROUTER_CONTROL,
    "-P",
    "/run/router.pid",
  ]);
  await until("the router runs", async () => {
    return (await lab.run("rtr", ["birdc", "-s", ROUTER_CONTROL, "show", "status"])).status === 0;
  });
}

async function startBird(lab: Lab, { namespace }: Place, file: string): Promise<void> {
  await lab.sh(namespace, `bird -p -c ${file}`);
  lab.spawn(namespace, [
    ...AT_ONCE,
    "bird",
    "-f",
    "-c",
    file,
    "-s",
    "/run/bird.ctl",
    "-P",
    "/run/bird.pid",
  ]);
}

/** Its daemons read the printed text by vtysh(1), as watchfrr has them do. */
async function startFrr(lab: Lab, { namespace }: Place, file: string): Promise<void> {
  await lab.sh(namespace, `vtysh -C -f ${file}\ninstall -d -o frr -g frr /run/frr`);
  const own = ["-u", "frr", "-g", "frr", "--vty_socket", "/run/frr", "-z", "/run/frr/zserv.api"];
  for (const name of ["zebra", "bgpd", "bfdd"]) {
    const more = name === "bfdd" ? ["--bfdctl", "/run/frr/bfdd.sock"] : [];
    const files = ["-f", "/dev/null", "-i", `/run/frr/${name}.pid`];
    lab.spawn(namespace, [...AT_ONCE, `/usr/lib/frr/${name}`, ...own, ...files, ...more]);
    await until(`${name} runs`, async () => {
      return (await lab.run(namespace, ["test", "-S", `/run/frr/${name}.vty`])).status === 0;
    });
  }
  await lab.sh(namespace, `vtysh --vty_socket /run/frr -f ${file}`);
}
