import { fileURLToPath } from "node:url";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { NAT_INSIDE } from "#src/demo/nat.ts";
import { HOST_IPV6, IPV4_LINK, SERVER_ADDRESS } from "#src/demo/topology.ts";
import {
  type Maker,
  startRelay,
  startServer,
  teredo,
  untilReady,
  wait,
  writeFile,
} from "#test/netns/programs.ts";
import { steering } from "../lab_scripts.ts";

/** What of a round trip the servers' link takes: it is what qualification is measured in. */
export const ROUND_TRIP_MS = 50;
/** Of the other server, for a client that knows more than one. */
const OTHER_SERVER = "198.51.100.5";
const OTHER_STATUS_PORT = 9554;
/** As many native hosts as anybody wants to meet for the first time. */
const STRANGERS = "2001:db8:1:ffff::";
const QUALIFY_PATIENCE_MS = 60_000;

/** Clients of one maker, each behind a port-restricted NAT of its own; servers and relay are ours. */
export class ClientLab {
  readonly lab: Lab;
  readonly maker: Maker;
  #clients: LabProcess[] = [];
  #strangers = 0;

  private constructor(lab: Lab, maker: Maker) {
    this.lab = lab;
    this.maker = maker;
  }

  static async create(maker: Maker): Promise<ClientLab> {
    const lab = await Lab.create({ nats: ["port-restricted", "port-restricted"] });
    const made = new ClientLab(lab, maker);
    try {
      await made.#build();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return made;
  }

  async #build(): Promise<void> {
    const { lab } = this;
    await this.setFrames("real");
    await lab.sh("core", steering("nat0", [NAT_INSIDE], 1 << NAT_CPU));
    await startServer(lab, "teredo");
    await startRelay(lab, "teredo");
    await lab.sh(
      "srv",
      `ip address add ${OTHER_SERVER}/24 dev ${IPV4_LINK}
ip address add ${OTHER_SERVER.replace(/5$/, "6")}/24 dev ${IPV4_LINK}
mkdir -p /run/other`,
    );
    await this.#moveServersAway();
    const file = await writeFile(
      lab,
      "other.ini",
      `[server]\nbind_address = ${OTHER_SERVER}\n[status]\nport = ${OTHER_STATUS_PORT}\n`,
    );
    const argv = ["env", "RUNTIME_DIRECTORY=/run/other", ...teredo("server", "-c", file)];
    await untilReady(lab, "srv", OTHER_STATUS_PORT, lab.spawn("srv", argv));
    await lab.sh("host6", `ip -6 route add local ${STRANGERS}/64 dev lo`);
    lab.spawn("host6", ["iperf3", "-s"]);
  }

  /** Puts the servers' link half a round trip away. */
  async #moveServersAway(): Promise<void> {
    const link = `srv-${IPV4_LINK}`;
    await this.lab.sh(
      "core",
      `ip link add near type veth peer name far
ip link set far master ${IPV4_LINK} up
ip link set near up
ip link set ${link} nomaster
for it in near far ${link}; do ethtool -K $it tx off tso off gso off gro off >/dev/null; done
nsenter --net=/run/netns/srv ethtool -K ${IPV4_LINK} tx off tso off gso off gro off >/dev/null`,
    );
    const tool = fileURLToPath(new URL("./far.pl", import.meta.url));
    const argv = ["perl", tool, link, "near", `${ROUND_TRIP_MS / 2}`];
    await this.lab.spawn("core", argv).waitForLine(/^ready/, QUALIFY_PATIENCE_MS);
  }

  /** Links cut super-packets, and whoever receives may join, as on a wire; or they leave them whole. */
  async setFrames(frames: "real" | "super"): Promise<void> {
    const is = frames === "super" ? "on" : "off";
    await this.lab.sh(
      "core",
      `for name in $(ls /run/netns); do
  for link in $(ip -n $name -o link show type veth | sed 's/^[0-9]*: //; s/[@:].*//'); do
    case $link in near | far) continue ;; esac
    nsenter --net=/run/netns/$name ethtool -K $link tso ${is} tx-udp-segmentation ${is} gro on >/dev/null
  done
done`,
    );
  }

  close(): Promise<void> {
    return this.lab.close();
  }

  /** A native host that nobody has met. */
  stranger(): string {
    return `${STRANGERS}${(++this.#strangers).toString(16)}`;
  }

  /**
   * Starts both clients.
   *
   * @returns milliseconds from the first one's first datagram to a server until it has its address
   */
  async start(): Promise<number> {
    // Who has the servers' addresses is not asked then: it would be a round trip of its own.
    for (const server of [SERVER_ADDRESS, OTHER_SERVER]) {
      await this.lab.sh("cli0", `ping -n -c 1 -W 5 ${server} >/dev/null`);
    }
    const seen = await this.#watch("cli0");
    this.#clients = [await this.#launch("cli0"), await this.#launch("cli1")];
    const duration = await seen();
    await this.addressOf("cli1");
    return duration;
  }

  async #launch(namespace: string): Promise<LabProcess> {
    const { lab, maker } = this;
    const folder = `/run/${namespace}`;
    await lab.sh(namespace, `rm -rf ${folder}; mkdir -p ${folder}`);
    if (maker === "miredo") {
      const conf = `ServerAddress ${SERVER_ADDRESS}\nInterfaceName teredo\n`;
      const file = await writeFile(lab, `${namespace}.conf`, conf);
      const pid = `${folder}/miredo.pid`;
      return lab.spawn(namespace, ["miredo", "-f", "-u", "miredo", "-p", pid, "-c", file]);
    }
    const conf = `[client]\nservers = ${SERVER_ADDRESS}, ${OTHER_SERVER}\n` +
      `state_file = ${folder}/state.json\n`;
    const file = await writeFile(lab, `${namespace}.ini`, conf);
    return lab.spawn(namespace, [
      "env",
      `RUNTIME_DIRECTORY=${folder}`,
      ...teredo("client", "-c", file),
    ]);
  }

  /** Looks at a client from now on; what is returned waits for its address. */
  async #watch(namespace: string): Promise<() => Promise<number>> {
    const { lab } = this;
    const asked = ["tcpdump", "-lttni", IPV4_LINK, "-c", "1", "udp dst port 3544"];
    const first = lab.spawn(namespace, asked);
    const monitor = ["env", "TZ=UTC", "ip", "-6", "-ts", "monitor", "address"];
    const addresses = lab.spawn(namespace, monitor);
    await first.waitForLine(/listening on/, QUALIFY_PATIENCE_MS);
    return async () => {
      const line = await addresses.waitForLine(/inet6 2001:0?:/, QUALIFY_PATIENCE_MS);
      const sent = await first.waitForLine(/ > .*UDP/, QUALIFY_PATIENCE_MS);
      addresses.kill("SIGTERM");
      const [, at = ""] = /^\[([^\]]+)\]/.exec(line) ?? [];
      return Date.parse(`${at.slice(0, 23)}Z`) - 1_000 * Number(sent.split(" ")[0]);
    };
  }

  /** The Teredo address that a client has, once it has one. */
  async addressOf(namespace: string): Promise<string> {
    for (let waited = 0; waited < QUALIFY_PATIENCE_MS; waited += 100) {
      const shown = await this.lab.sh(namespace, "ip -6 -o address show scope global");
      const [, address] = /inet6 (2001:0?:[0-9a-f:]+)\//.exec(shown) ?? [];
      if (address !== undefined) return address;
      await wait(100);
    }
    throw new Error(`${namespace} has no address after ${QUALIFY_PATIENCE_MS / 1_000} s`);
  }

  /** To all processes of a maker's client. */
  async signal(signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
    await this.lab.sh(
      "cli0",
      `for pid in ${this.#pids}; do kill -s ${signal.slice(3)} $pid; done`,
    );
    if (signal === "SIGCONT") this.#clients[0]!.kill(signal); // what it was started by has stopped with it
  }

  /** Processor time of the first client so far, in milliseconds. */
  async cpu(): Promise<number> {
    const ticks = `for pid in ${this.#pids}; do cat /proc/$pid/task/*/schedstat; done`;
    const lines = (await this.lab.sh("cli0", ticks)).trim().split("\n");
    return lines.reduce((sum, line) => sum + Number(line.split(" ")[0]), 0) / 1e6;
  }

  /** Those of its namespace whose program is the client's. */
  get #pids(): string {
    const names = this.maker === "miredo" ? "miredo" : "teredo|bun";
    return `$(for pid in $(ip netns pids cli0); do ` +
      `readlink /proc/$pid/exe | grep -qE '/(${names})$' && echo $pid; done)`;
  }

  /** Milliseconds until a host answers the first packet to it; undefined: not within `patience` s. */
  async ping(to: string, patience: number): Promise<number | undefined> {
    const argv = ["ping", "-6", "-n", "-c", "1", "-W", `${patience}`, to];
    const { stdout } = await this.lab.run("cli0", argv);
    const [, time] = /time=([\d.]+) ms/.exec(stdout) ?? [];
    return time === undefined ? undefined : Number(time);
  }

  /** Gbit/s, and what each segment took of the client's processor time in µs. */
  async tcp(direction: "up" | "down", seconds: number): Promise<[number, number]> {
    await this.lab.sh("cli0", `for pid in ${this.#pids}; do taskset -apc ${CLIENT_CPU} $pid; done`);
    const before = await this.cpu();
    const argv = ["iperf3", "-J", "-c", HOST_IPV6, "-t", `${seconds}`];
    if (direction === "down") argv.push("-R");
    const { stdout, stderr } = await this.lab.run("cli0", argv);
    const used = await this.cpu() - before;
    const received = JSON.parse(stdout || "{}").end?.sum_received;
    if (received === undefined) throw new Error(`iperf3: ${stdout} ${stderr}`);
    return [received.bits_per_second / 1e9, 1_000 * used / (received.bytes / SEGMENT)];
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    this.#clients = [];
  }
}

/** Where a client runs while it is measured. */
const CLIENT_CPU = 0;
/** What the NAT and all behind it do with a frame is no part of the client's calls. */
const NAT_CPU = 1;

/** What a segment carries when an IPv6 packet has 1280 bytes. */
const SEGMENT = 1280 - 40 - 20;
