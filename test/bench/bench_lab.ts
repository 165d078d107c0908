import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { LoadLab, RELAY_PORT } from "#test/load/load_lab.ts";
import { type Maker, startRelay, startServer } from "#test/netns/programs.ts";
import { RemoteStation } from "./remote_station.ts";
import { LOAD_PORT, type Role, SERVER_LOAD_PORT } from "./station_contract.ts";

/** Namespace of the clients. */
export const CLIENTS = "cli0";
/** IPv6 addresses of the link from the clients to the relay's machine, for plain forwarding. */
export const PLAIN_CLIENT = "2001:db8:2::2";
const PLAIN_RELAY = "2001:db8:2::1";
const PLAIN_NETWORK = "2001:db8:2::/64";

/** The load generator, and what the kernel does for it, has one core; the daemon another. */
const GENERATOR_CPU = ["taskset", "-c", "0"];
const DAEMON_CPU = 1;
/** Where two workers, or Miredo's two threads, are to be compared. */
const ANY_CPU = ["taskset", "-c", "0-1"];

const WARM_PEERS = 64;
const WARM_SECONDS = 0.4;
const GREETING_ATTEMPTS = 3;
const GREETINGS_A_SECOND = 25_000;
/** For how long nobody greets again: a relay trusts a client that it hears from for 30 s. */
const TRUSTED_MS = 10_000;

export interface Parties {
  /** None: the machine only forwards. */
  readonly maker?: Maker;
  /** Worker threads of ours; 1 pins daemon and generator to a core each, 2 leaves them both. */
  readonly workers: 1 | 2;
}

/**
 * One lab with a relay and a server of one maker, and both ends of a load that stay up, so that
 * rounds cost no starts.
 */
export class BenchLab {
  readonly load: LoadLab;
  readonly parties: Parties;
  readonly #greeted = new Map<number, { readonly peers: number; readonly at: number }>();
  readonly #stations = new Map<string, Promise<RemoteStation>>();

  private constructor(load: LoadLab, parties: Parties) {
    this.load = load;
    this.parties = parties;
  }

  static async create(parties: Parties): Promise<BenchLab> {
    const load = await LoadLab.create();
    const bench = new BenchLab(load, parties);
    try {
      await bench.#build();
    } catch (error) {
      await bench.close();
      throw error;
    }
    return bench;
  }

  close(): Promise<void> {
    return this.load.close();
  }

  async #build(): Promise<void> {
    const { lab } = this.load;
    await lab.sh("core", PLAIN_ROUTES + SINKS);
    await this.load.makeWireLike();
    const { maker, workers } = this.parties;
    if (maker === undefined) return;
    await startRelay(lab, maker, relayConfiguration(maker, workers));
    await startServer(lab, maker, maker === "miredo" ? MIREDO_SERVER : ourServer(workers));
    if (workers === 1) await this.pin();
    await this.load.prefer("rly");
    await this.load.prefer("srv");
  }

  /** Gives all threads of the daemons a core of their own. */
  async pin(): Promise<void> {
    for (const namespace of ["rly", "srv"]) {
      await this.load.lab.sh(
        namespace,
        `for pid in $(ip netns pids ${namespace}); do
  taskset -apc ${DAEMON_CPU} $pid >/dev/null 2>&1 || :
done`,
      );
    }
  }

  /** Where a load comes from: behind it the clients, or the host, on their way to the relay. */
  source(from: "clients" | "host"): Promise<RemoteStation> {
    const [sender, link] = from === "clients" ? [CLIENTS, IPV4_LINK] : ["host6", IPV6_LINK];
    return this.#station("core", "source", `rly-${link}`, [sender, "rly", link]);
  }

  /** Where a load of clients for the server comes from. */
  serverSource(): Promise<RemoteStation> {
    return this.#station("core", "source", `srv-${IPV4_LINK}`, [CLIENTS, "srv", IPV4_LINK]);
  }

  clients(): Promise<RemoteStation> {
    return this.#station(CLIENTS, "clients", IPV4_LINK, [CLIENTS, "rly", IPV4_LINK]);
  }

  host(): Promise<RemoteStation> {
    return this.#station("host6", "host", IPV6_LINK, ["host6", "rly", IPV6_LINK]);
  }

  pinger(): Promise<RemoteStation> {
    return this.#station(CLIENTS, "pinger", IPV4_LINK, [CLIENTS, "rly", IPV4_LINK]);
  }

  /**
   * Makes the relay trust clients that it has not heard of lately, by packets both ways.
   *
   * @throws Error when some are not reached
   */
  async greet(peers: number, first = 0): Promise<void> {
    const last = this.#greeted.get(first);
    if (last !== undefined && last.peers >= peers && performance.now() - last.at < TRUSTED_MS) {
      return;
    }
    await this.fill(peers, GREETINGS_A_SECOND, first);
    this.#greeted.set(first, { peers, at: performance.now() });
  }

  /** A little of each load, so that nobody is measured before its code is compiled. */
  async warm(): Promise<void> {
    await this.greet(WARM_PEERS);
    const load = { do: "send", size: 88, peers: WARM_PEERS, first: 0, rate: 0 } as const;
    for (const burst of [16, 1]) {
      for (const [from, kind] of [["clients", "up"], ["host", "down"]] as const) {
        await (await this.source(from)).do({ ...load, kind, burst, seconds: WARM_SECONDS });
      }
    }
    const source = await this.serverSource();
    for (const kind of ["solicit", "bubble"] as const) {
      await source.do({ ...load, kind, burst: 1, seconds: WARM_SECONDS });
    }
  }

  /** Greets clients, whomever the relay has heard of lately. @returns the seconds that it took */
  async fill(peers: number, rate: number, first = 0): Promise<number> {
    const [, host] = await Promise.all([this.clients(), this.host()]);
    let missing = peers;
    let total = 0;
    // A relay with short queues loses a few greetings of many thousand.
    for (let i = 0; i < GREETING_ATTEMPTS && missing > 0; i++) {
      const greeted = await host.do({ do: "greet", peers, first, rate });
      missing = greeted.missing;
      total += greeted.seconds;
    }
    if (missing > 0) throw new Error(`${missing} of ${peers} clients were not reached`);
    return total;
  }

  /** The station of that role on that interface, started when it is first asked for. */
  #station(
    namespace: string,
    role: Role,
    link: string,
    way: readonly [from: string, to: string, link: string],
  ): Promise<RemoteStation> {
    const key = `${role} ${link}`;
    const known = this.#stations.get(key);
    if (known !== undefined) return known;
    const started = this.#startStation(namespace, role, link, way);
    this.#stations.set(key, started);
    return started;
  }

  async #startStation(
    namespace: string,
    role: Role,
    link: string,
    [from, to, over]: readonly [from: string, to: string, link: string],
  ): Promise<RemoteStation> {
    const plan = {
      role,
      link,
      from: await this.#ethernet(from, over),
      to: await this.#ethernet(to, over),
      relay: RELAY_ADDRESS,
      relayPort: RELAY_PORT,
      server: SERVER_ADDRESS,
      host: HOST_IPV6,
      plain: PLAIN_CLIENT,
    };
    const pin = this.parties.workers === 1 ? GENERATOR_CPU : ANY_CPU;
    return RemoteStation.start(this.load.lab, namespace, plan, pin);
  }

  /** The Ethernet address of a link. */
  async #ethernet(namespace: string, link: string): Promise<string> {
    const text = await this.load.lab.sh(namespace, `ip -o link show ${link}`);
    return /link\/ether (\S+)/.exec(text)![1]!;
  }

  /** Lets the relay's machine throw away every load as soon as it arrives, or no more. */
  async deafen(on: boolean): Promise<void> {
    await this.load.lab.sh("rly", on ? DEAF : "nft delete table netdev deaf\n");
  }

  /** Nanoseconds of processor time that the daemons in a namespace have used up to now. */
  async cpu(namespace: "rly" | "srv"): Promise<number> {
    return (await this.load.usage(namespace)).cpu;
  }
}

const MIREDO_RELAY =
  `RelayType relay\nInterfaceName teredo\nBindAddress ${RELAY_ADDRESS}\nBindPort ${RELAY_PORT}\n`;
const MIREDO_SERVER = `ServerBindAddress ${SERVER_ADDRESS}\n`;

/** The same for either maker, as far as it goes. */
export function relayConfiguration(maker: Maker, workers: number): string {
  return maker === "miredo" ? MIREDO_RELAY : ourRelay(workers);
}

function ourRelay(workers: number): string {
  // The generator is one network that addresses thousands of clients at once, which is what this limits.
  return `[relay]
type = relay
interface_name = teredo
bind_address = ${RELAY_ADDRESS}
bind_port = ${RELAY_PORT}
new_peer_rate = 0
bubble_rate = 0
address_bubble_rate = 0
${workersLine(workers)}`;
}

function ourServer(workers: number): string {
  return `[server]\nbind_address = ${SERVER_ADDRESS}\n${workersLine(workers)}`;
}

function workersLine(workers: number): string {
  return workers === 1 ? "" : `workers = ${workers}\n`;
}

/** Client and host also reach each other without a tunnel, over the same links and machine. */
const PLAIN_ROUTES = `
ip -n ${CLIENTS} -6 address add ${PLAIN_CLIENT}/64 dev ${IPV4_LINK} nodad
ip -n rly -6 address add ${PLAIN_RELAY}/64 dev ${IPV4_LINK} nodad
ip -n ${CLIENTS} -6 route add 2001:db8:1::/64 via ${PLAIN_RELAY} mtu 1280
ip -n host6 -6 route add ${PLAIN_NETWORK} via 2001:db8:1::1 mtu 1280
`;

/**
 * What a load is made of ends at the link it arrives on, as early as the kernel can drop it: the link
 * has counted it by then. In tunnel packets the inner UDP port stands 50 bytes behind the outer one.
 */
const SINKS = `
nsenter --net=/run/netns/${CLIENTS} nft -f - <<'RULES'
table netdev sink {
  chain arriving {
    type filter hook ingress device "${IPV4_LINK}" priority 0
    udp dport 3544 @th,400,16 ${LOAD_PORT} drop
    udp dport { ${LOAD_PORT}, ${SERVER_LOAD_PORT} } drop
  }
}
RULES
nsenter --net=/run/netns/host6 nft -f - <<'RULES'
table netdev sink {
  chain arriving {
    type filter hook ingress device "${IPV6_LINK}" priority 0
    udp dport ${LOAD_PORT} drop
  }
}
RULES
`;

const DEAF = `nft -f - <<'RULES'
table netdev deaf {
  chain ipv4 {
    type filter hook ingress device "${IPV4_LINK}" priority 0
    udp dport ${RELAY_PORT} drop
  }
  chain ipv6 {
    type filter hook ingress device "${IPV6_LINK}" priority 0
    udp dport ${LOAD_PORT} drop
  }
}
RULES
`;
