import process from "node:process";
import { fileURLToPath } from "node:url";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  IPV6_LINK,
  RELAY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { GENERATOR_NETWORK } from "./plan.ts";
import type { LoadPlan, LoadResult, SolicitationPlan } from "./role.ts";

/** Namespace of the generator's clients; the host's is `host6`. */
const CLIENTS = "cli0";
export const RELAY_PORT = 3545;
/** Whether hosts compute checksums where nothing is said, so that the fast path carries the load. */
const IS_WIRE = process.env["TEREDO_LOAD_CHECKSUMS"] === "1";
/** Past its schedule the generator ends by itself; this is for one that does not. */
const GRACE_MS = 200_000;

/** Nice values: a generator that has to wait sends later, a daemon that has to wait loses. */
const DAEMON_NICE = -15;
const GENERATOR_NICE = -10;
/** Where the kernel groups tasks by session, it is the group whose nice value counts. sched(7) */
export const PREFERRED: readonly string[] = [
  "sh",
  "-c",
  `(echo ${GENERATOR_NICE} >/proc/self/autogroup) 2>/dev/null; exec nice -n ${GENERATOR_NICE} "$@"`,
  "sh",
];

export interface Usage {
  /** Processor time of all processes in the namespace, in nanoseconds. */
  readonly cpu: number;
  /** Their resident memory, in bytes. */
  readonly memory: number;
}

export interface Exchange {
  readonly clients: LoadResult;
  readonly host: LoadResult;
}

/** The lab with the generator's network in it, and frames of real size at the relay. */
export class LoadLab {
  readonly lab: Lab;
  #exchanges = 0;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** @param checksums whether hosts compute them, as where a wire is between: see `LabOptions` */
  static async create(checksums = IS_WIRE): Promise<LoadLab> {
    const lab = await Lab.create({ nats: ["none"], checksums });
    try {
      await lab.sh("core", networkOf(lab.sites[0]!.publicAddress));
    } catch (error) {
      await lab.close();
      throw error;
    }
    return new LoadLab(lab);
  }

  /**
   * Frames of real size on every link, and receivers that join them again: what network cards do.
   * A veth does so for its peer only while that sends single frames itself.
   */
  async makeWireLike(): Promise<void> {
    await this.lab.sh("core", setOffloads("off", "on"));
  }

  /** Super-packets cross every link whole, and nobody has to join anything. */
  async makeWhole(): Promise<void> {
    await this.lab.sh("core", setOffloads("on", "off"));
  }

  close(): Promise<void> {
    return this.lab.close();
  }

  /** Runs both ends of a load to their end. @throws Error with what the one that failed said */
  async exchange(
    plan: Pick<LoadPlan, "clients" | "up" | "down" | "seconds" | "burst">,
    pin: readonly string[] = [],
  ): Promise<Exchange> {
    const whole: LoadPlan = {
      ...plan,
      relay: RELAY_ADDRESS,
      relayPort: RELAY_PORT,
      host: HOST_IPV6,
      ends: `/run/load-${++this.#exchanges}`,
    };
    const timeout = GRACE_MS + 2_000 * plan.seconds;
    const clients = this.#generate(CLIENTS, "clients", whole, pin);
    // To be greeted, they must be there: the relay may still trust them from an earlier run.
    await clients.waitForLine(/listening/, GRACE_MS);
    const host = this.#generate("host6", "host", whole, pin);
    try {
      const [first, second] = await Promise.all([
        resultOf(clients, timeout),
        resultOf(host, timeout),
      ]);
      return { clients: first, host: second };
    } finally {
      // Where one has failed the other would wait for it.
      for (const party of [clients, host]) {
        party.kill("SIGKILL");
        await party.result;
      }
    }
  }

  solicit(
    plan: Omit<SolicitationPlan, "server">,
    pin: readonly string[] = [],
  ): Promise<LoadResult> {
    const whole: SolicitationPlan = { ...plan, server: SERVER_ADDRESS };
    const solicitor = this.#generate(CLIENTS, "solicitor", whole, pin);
    return resultOf(solicitor, GRACE_MS + 2_000 * plan.seconds);
  }

  #generate(
    namespace: string,
    role: string,
    plan: LoadPlan | SolicitationPlan,
    pin: readonly string[],
  ): LabProcess {
    const command = [...sourceCommand("generator.ts"), role, JSON.stringify(plan)];
    return this.lab.spawn(namespace, [...PREFERRED, ...pin, ...command]);
  }

  /**
   * Puts the daemon in `namespace` before whatever else runs on a shared machine, as a service manager
   * can: a load test is to show what the daemon loses, not what a busy machine does.
   */
  async prefer(namespace: string): Promise<void> {
    await this.lab.sh(
      namespace,
      `for pid in $(ip netns pids ${namespace}); do
  (echo ${DAEMON_NICE} >/proc/$pid/autogroup) 2>/dev/null || :
  for task in /proc/$pid/task/*; do renice -n ${DAEMON_NICE} -p \${task##*/} >/dev/null 2>&1 || :; done
done`,
    );
  }

  /** What the processes in `namespace` have used up to now. */
  async usage(namespace: string): Promise<Usage> {
    const text = await this.lab.sh(namespace, usageScript(namespace));
    const sum = (tag: string) =>
      text.split("\n").filter((line) => line.split(/\s+/)[0] === tag)
        .reduce((total, line) => total + Number(line.split(/\s+/)[1]), 0);
    return { cpu: sum("cpu"), memory: 1024 * sum("VmRSS:") };
  }

  /** `GET url` from inside `namespace`. */
  async get(namespace: string, url: string): Promise<{ status: number; body: string }> {
    const done = await this.lab.run(namespace, [...sourceCommand("http_get.ts"), url]);
    if (done.status !== 0) throw new Error(`GET ${url}: ${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  /** Asks for `url` every second until it is stopped; prints each status that is not 200. */
  watch(namespace: string, url: string): LabProcess {
    return this.lab.spawn(namespace, [...sourceCommand("http_get.ts"), url, "watch"]);
  }
}

/** What a generator printed at its end. @throws Error with what it said otherwise */
async function resultOf(generator: LabProcess, timeout: number): Promise<LoadResult> {
  const timer = setTimeout(() => generator.kill("SIGKILL"), timeout);
  const { status, stdout, stderr } = await generator.result;
  clearTimeout(timer);
  if (status !== 0) throw new Error(`load generator: ${stderr}`);
  return JSON.parse(stdout);
}

/** How to run a file beside this one on the runtime that runs us. */
function sourceCommand(file: string): string[] {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const run = "Bun" in globalThis ? [] : ["run", "-A", "--no-check", "--quiet"];
  return [process.execPath, ...run, path];
}

/**
 * The generator's network stands behind the clients' namespace, and is local there as a whole.
 *
 * A veth would hand the generator's bursts over uncut, for the receiver's socket to cut: the bridge's
 * ports to the relay and the server cut them, as a wire does. And they only switch: a listener on the
 * bridge would cost a copy of every frame, in the very softirq that the relay's time is counted in.
 */
function networkOf(gateway: string): string {
  return [
    ...[IPV4_LINK, IPV6_LINK].map((bridge) => `ip -n core link set ${bridge} promisc off`),
    // Where this module is loaded, every frame on a bridge would pass the packet filter as well.
    "for call in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $call ] || echo 0 >$call; done",
    ...["rly", "srv"].flatMap((name) => [
      `ip -n ${name} route add ${GENERATOR_NETWORK} via ${gateway}`,
      `ethtool -K ${name}-${IPV4_LINK} tso off tx-udp-segmentation off >/dev/null`,
      `ethtool -K ${name}-${IPV6_LINK} tso off tx-udp-segmentation off >/dev/null`,
    ]),
    `ip -n ${CLIENTS} route add local ${GENERATOR_NETWORK} dev lo`,
  ].join("\n") + "\n";
}

/** Of every link: whether `core` sends super-packets on it, and whether the other end joins frames. */
function setOffloads(segmentation: "on" | "off", gro: "on" | "off"): string {
  const features = ["tso", "tx-udp-segmentation", "tx-udp_tnl-segmentation"];
  const values = features.map((feature) => `${feature} ${segmentation}`).join(" ");
  // /sys would show the links of whoever mounted it.
  return `for name in ${CLIENTS} srv rly host6; do
  for link in ${IPV4_LINK} ${IPV6_LINK}; do
    ip link show $name-$link >/dev/null 2>&1 || continue
    ethtool -K $name-$link ${values} >/dev/null
    nsenter --net=/run/netns/$name ethtool -K $link gro ${gro} >/dev/null
  done
done
`;
}

/** schedstat counts nanoseconds; what /proc/PID/stat has is sampled, and wrong on an idle machine. */
function usageScript(namespace: string): string {
  return `for pid in $(ip netns pids ${namespace}); do
  [ -e /proc/$pid/exe ] && [ $pid != $$ ] || continue
  for task in /proc/$pid/task/*/schedstat; do sed 's/^/cpu /' $task 2>/dev/null || :; done
  grep VmRSS: /proc/$pid/status || :
done
`;
}
