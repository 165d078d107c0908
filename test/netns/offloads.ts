import { isDeepStrictEqual } from "node:util";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { IPV6_LINK, RELAY_ADDRESS } from "#src/demo/topology.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { StatusDocument } from "#src/status/document.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { clientIpv6, GENERATOR_NETWORK } from "#test/load/plan.ts";
import type { Lack } from "./old_kernel.ts";
import {
  get,
  RELAY_PORT,
  script,
  START_PATIENCE,
  startServer,
  teredo,
  untilReady,
  writeFile,
} from "./programs.ts";
import { startTcpServer } from "./traffic.ts";
import type { TunnelPeerCounts, TunnelPeerPlan } from "./tunnel_peer.ts";

const CLIENT = 7;
/** Of the peer, in the clients' namespace. */
const PEER = "peer";
const RELAY_CONF = "[relay]\ninterface_name = teredo\n";

export type PeerOptions = Partial<Pick<TunnelPeerPlan, "checksums" | "damageEvery">>;

/** What was counted in the relay's machine, by the relay and by its kernel. */
export interface Counted {
  readonly status: StatusDocument;
  readonly kernel: {
    /** Pieces of data that UDP sockets gave: several datagrams are one, where GRO joined them. */
    readonly udp: number;
    /** Packets, or super-packets, that came from the relay's interface and went to it. */
    readonly tunReceived: number;
    readonly tunSent: number;
    /** IPv4 fragments made. */
    readonly fragments: number;
  };
}

/** A relay of ours between an IPv6 host and a client that can send runs, with TCP at both ends. */
export class OffloadsLab {
  readonly lab: Lab;
  readonly load: LoadLab;
  readonly peerAddress: string = formatIpv6(clientIpv6(CLIENT));
  #relay: LabProcess | undefined;

  private constructor(load: LoadLab) {
    this.load = load;
    this.lab = load.lab;
  }

  static async create(): Promise<OffloadsLab> {
    const load = await LoadLab.create();
    try {
      await Promise.all([startServer(load.lab, "teredo"), startTcpServer(load.lab)]);
    } catch (error) {
      await load.close();
      throw error;
    }
    return new OffloadsLab(load);
  }

  close(): Promise<void> {
    return this.load.close();
  }

  /** Gives the relay's way to the client another MTU than its link has. */
  async narrow(mtu: number): Promise<void> {
    const { publicAddress } = this.lab.sites[0]!;
    await this.lab.sh(
      "rly",
      `ip route change ${GENERATOR_NETWORK} via ${publicAddress} mtu ${mtu}`,
    );
  }

  /** Overwrites a byte in one of so many long TCP segments from the host, on their way to the relay. */
  async damageFromHost(every: number): Promise<void> {
    // The checksum has to be there before.
    await this.lab.sh("host6", `ethtool -K ${IPV6_LINK} tx off >/dev/null`);
    await this.lab.sh("core", `nft -f - <<'RULES'\n${damageRules(every)}RULES\n`);
  }

  async damagedFromHost(): Promise<number> {
    const listing = await this.lab.sh("core", "nft list counter netdev damage done");
    return Number(/packets (\d+)/.exec(listing)![1]);
  }

  /** Starts a relay, after the end of the last one. @param lacks what its kernel is to be without */
  async startRelay(settings = "", lacks: readonly Lack[] = []): Promise<LabProcess> {
    await this.#relay?.stop();
    const file = await writeFile(this.lab, "offloads.ini", `${RELAY_CONF}${settings}\n`);
    const argv = teredo("relay", "-c", file);
    const command = lacks.length === 0 ? argv : script("old_kernel.ts", lacks.join(","), ...argv);
    this.#relay = this.lab.spawn("rly", command);
    await untilReady(this.lab, "rly", 9545, this.#relay);
    return this.#relay;
  }

  /** Starts the client, which has the way to the host's network then. */
  async startPeer(options: PeerOptions): Promise<LabProcess> {
    const plan: TunnelPeerPlan = {
      interfaceName: PEER,
      client: CLIENT,
      relay: RELAY_ADDRESS,
      relayPort: RELAY_PORT,
      checksums: true,
      damageEvery: 0,
      ...options,
    };
    const peer = this.lab.spawn("cli0", script("tunnel_peer.ts", JSON.stringify(plan)));
    await peer.waitForLine(/^ready/, START_PATIENCE);
    await this.lab.sh(
      "cli0",
      `ip link set ${PEER} mtu 1280 txqueuelen 1000 up
ip -6 address add ${this.peerAddress}/128 dev ${PEER} nodad
ip -6 route replace 2001:db8:1::/64 dev ${PEER}`,
    );
    return peer;
  }

  /** Ends the client; its last line has what it counted. */
  async stopPeer(peer: LabProcess): Promise<TunnelPeerCounts> {
    const { stdout, stderr } = await peer.stop();
    const line = stdout.trim().split("\n").at(-1)!;
    if (!line.startsWith("{")) throw new Error(`${stdout}${stderr}`);
    return JSON.parse(line);
  }

  /** All at one moment: whatever moved in between, and be it the kernel's own, is waited for. */
  async counted(): Promise<Counted> {
    for (let before = await this.#status();;) {
      const kernel = await this.#kernel();
      const status = await this.#status();
      if (isDeepStrictEqual(status.counters, before.counters)) return { status, kernel };
      before = status;
    }
  }

  async #status(): Promise<StatusDocument> {
    return JSON.parse((await get(this.lab, "rly", "http://127.0.0.1:9545/status"))!);
  }

  async #kernel(): Promise<Counted["kernel"]> {
    const [link] = JSON.parse(await this.lab.sh("rly", "ip -s -j link show dev teredo"));
    const { rx, tx } = link.stats64;
    const udp = await this.kernelCount("rly", "Udp: InDatagrams");
    const fragments = await this.kernelCount("rly", "Ip: FragCreates");
    return { udp, tunReceived: rx.packets, tunSent: tx.packets, fragments };
  }

  /** Of /proc/net/snmp, as `Protocol: Name`. */
  async kernelCount(namespace: string, counter: string): Promise<number> {
    const [protocol, name] = counter.split(" ");
    const lines = (await this.lab.sh(namespace, "cat /proc/net/snmp")).split("\n");
    const [names, values] = lines.filter((line) => line.startsWith(`${protocol} `))
      .map((line) => line.split(" "));
    return Number(values![names!.indexOf(name!)]);
  }
}

/** The byte lies behind the TCP header and its options. */
function damageRules(every: number): string {
  return `table netdev damage {
  counter done { }
  chain arriving {
    type filter hook ingress device "host6-${IPV6_LINK}" priority 0
    ip6 nexthdr tcp meta length > 1000 @nh,1600,8 != 0xaa numgen inc mod ${every} == 0 counter name done @nh,1600,8 set 0xaa
  }
}
`;
}

/** What was counted between two moments in the life of one relay. */
export function between(
  before: Counted,
  after: Counted,
): Pick<StatusDocument, "counters" | "drops"> & {
  readonly kernel: Counted["kernel"];
} {
  return {
    counters: minus(after.status.counters, before.status.counters),
    drops: minus(after.status.drops, before.status.drops),
    kernel: minus(after.kernel, before.kernel),
  };
}

function minus<K extends string>(
  after: Readonly<Record<K, number>>,
  before: Readonly<Record<K, number>>,
): Record<K, number> {
  const names = Object.keys(after) as K[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<
    K,
    number
  >;
}
