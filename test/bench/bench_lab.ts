import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { LoadLab, RELAY_PORT } from "#test/load/load_lab.ts";
import { startRelay, startServer } from "#test/netns/programs.ts";
import { type BenchMaker, programOf, relayConfiguration, serverConfiguration } from "./daemons.ts";
import {
  CLIENTS,
  completeChecksums,
  DEAF,
  placing,
  PLAIN_CLIENT,
  PLAIN_ROUTES,
  SINKS,
  steering,
} from "./lab_scripts.ts";
import { RemoteStation } from "./remote_station.ts";
import type { Role } from "./station_contract.ts";

const NAMESPACES = { stations: ["core", CLIENTS, "host6"], daemons: ["rly", "srv"] };
const DAEMON_CPU = 1;
/**
 * Which cores are whose:
 *
 *     apart      the load generator, and what the kernel does for it, has one core; the daemon another
 *     together   all of them have one core, and each works on until it waits or gives way: so a
 *                generator that gives way after each batch sends what is carried, and no more
 */
const PLACES = {
  apart: { stations: "0", daemons: `${DAEMON_CPU}`, policy: "--other 0" },
  together: { stations: `${DAEMON_CPU}`, daemons: `${DAEMON_CPU}`, policy: "--fifo 1" },
} as const;
export type Place = keyof typeof PLACES;
/** Of stations where two workers, or Miredo's two threads, are to be compared. */
const ANY_CPU = "0-1";

const WARM_PEERS = 64;
const WARM_SECONDS = 0.4;
const GREETING_ATTEMPTS = 3;
const GREETINGS_A_SECOND = 25_000;
/** For how long nobody greets again: a relay trusts a client that it hears from for 30 s. */
const TRUSTED_MS = 10_000;
/**
 * Some packets for each client, each way: a relay with the fast path lends the kernel one direction of
 * a quiet client with each.
 */
const SETTLE_TURNS = 2.5;
const LEAST_SETTLE_SECONDS = 0.6;
const LEAST_SETTLE_RATE = 2_000;
const MOST_SETTLE_RATE = 25_000;
/**
 * For how long nobody settles again: from 5 s on the next packet of each comes the slow way. That is one
 * of a hundred in the long run; but where all are asked for within one short load, it is one of ten.
 */
const SETTLED_MS = 3_000;

export interface Parties {
  /** None: the machine only forwards. */
  readonly maker?: BenchMaker;
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
  #settled = { peers: 0, at: 0 };
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
    await this.setFrames("real");
    const { maker, workers } = this.parties;
    if (maker === undefined) return;
    await startRelay(lab, programOf(maker), relayConfiguration(maker, workers));
    await startServer(lab, programOf(maker), serverConfiguration(maker, workers));
    if (workers === 1) await this.place("apart");
    await this.load.prefer("rly");
    await this.load.prefer("srv");
  }

  /**
   * Frames as on a wire, of real size and with their checksums; or super-packets on every link, and
   * checksums left to cards that are not there.
   */
  async setFrames(frames: "real" | "super"): Promise<void> {
    // Whoever sends super-packets leaves checksums to others, so those come first.
    await this.load.lab.sh("core", completeChecksums(frames === "real"));
    if (frames === "real") await this.load.makeWireLike();
    else await this.load.makeWhole();
  }

  /** Gives cores to all threads of what runs in the lab by now. */
  async place(place: Place): Promise<void> {
    const { stations, daemons, policy } = PLACES[place];
    await this.load.lab.sh(
      "core",
      placing(NAMESPACES.stations, stations, policy) + placing(NAMESPACES.daemons, daemons, policy),
    );
  }

  /** Has the relay's core, or the one that a frame comes on, do the kernel's part of receiving it. */
  async steer(on: boolean): Promise<void> {
    await this.load.lab.sh(
      "core",
      steering("rly", [IPV4_LINK, IPV6_LINK], on ? 1 << DAEMON_CPU : 0),
    );
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

  /** All but the pinger, which otherwise are started when they are first asked for. */
  async startStations(): Promise<void> {
    await Promise.all([
      this.source("clients"),
      this.source("host"),
      this.serverSource(),
      this.clients(),
      this.host(),
    ]);
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

  /**
   * A moment of little load both ways for clients that the relay trusts, so that a relay with the fast
   * path has lent them to the kernel before more comes. Every maker gets it.
   */
  async settle(peers: number): Promise<void> {
    await this.greet(peers);
    const last = this.#settled;
    if (last.peers >= peers && performance.now() - last.at < SETTLED_MS) return;
    const packets = SETTLE_TURNS * peers;
    const seconds = Math.max(LEAST_SETTLE_SECONDS, packets / MOST_SETTLE_RATE);
    const rate = Math.max(LEAST_SETTLE_RATE, packets / seconds);
    const load = { do: "send", size: 88, peers, first: 0, burst: 1, rate } as const;
    await Promise.all(
      ([["clients", "up"], ["host", "down"]] as const).map(async ([from, kind]) =>
        (await this.source(from)).do({ ...load, kind, seconds })
      ),
    );
    const at = performance.now();
    this.#settled = { peers, at };
    this.#greeted.set(0, { peers, at });
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
    const cpus = this.parties.workers === 1 ? PLACES.apart.stations : ANY_CPU;
    return RemoteStation.start(this.load.lab, namespace, plan, ["taskset", "-c", cpus]);
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
