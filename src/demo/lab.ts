import { type ChildProcess, spawn } from "node:child_process";
import { childrenOf, LabProcess, type ProcessResult } from "./lab_process.ts";
import { buildScript, makePlan, type Place, type Plan, type Site } from "./topology.ts";

export interface LabOptions {
  /** A client's place for each, or more. */
  readonly nats: readonly Place[];
  /** Have every UDP and TCP checksum computed in software, so that captures show right ones. */
  readonly checksums?: boolean;
}

export interface RunOptions {
  /** Milliseconds until it is killed; default 60 s. */
  readonly timeout?: number;
  /** Text for its standard input. */
  readonly input?: string;
}

/**
 * A Teredo network in network namespaces of its own (`topology.ts` draws it).
 *
 * One holder process keeps private user (when we are not root), mount, PID and network namespaces
 * alive; it waits for the end of a pipe that only we hold. When we go, in whatever way, it ends,
 * the kernel kills every process of its PID namespace, and the network is gone with the last one.
 * So labs cannot collide, leave nothing behind, and never touch the host's own network.
 */
export class Lab {
  readonly sites: readonly Site[];
  readonly #holder: ChildProcess;
  /** PID of the namespaces' init process, as we see it. */
  readonly #init: number;
  readonly #asRoot: boolean;

  private constructor(holder: ChildProcess, init: number, asRoot: boolean, sites: readonly Site[]) {
    this.#holder = holder;
    this.#init = init;
    this.#asRoot = asRoot;
    this.sites = sites;
  }

  /** @throws Error saying what the kernel refused */
  static async create(options: LabOptions): Promise<Lab> {
    const asRoot = process.getuid?.() === 0;
    const holder = spawn("unshare", [...unshareFlags(asRoot), "sh", "-c", HOLD], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    await untilReady(holder);
    const init = childrenOf(holder.pid!)[0];
    if (init === undefined) {
      throw new Error("unshare has no child: /proc/PID/task/PID/children is needed");
    }
    const plan = makePlan(options.nats);
    const lab = new Lab(holder, init, asRoot, plan.sites);
    try {
      await lab.#build(plan, options);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async #build(plan: Plan, options: LabOptions): Promise<void> {
    let script = buildScript(plan);
    if (options.checksums) script += CHECKSUMS_IN_SOFTWARE;
    const made = await new LabProcess(this.#enter(), ["sh", "-e"], script).result;
    if (made.status !== 0) throw new Error(`the network could not be built: ${made.stderr}`);
  }

  /** Starts a program in a namespace: `core`, `srv`, `rly`, `host6`, `cli0`, `nat0`, ... */
  spawn(namespace: string, argv: readonly string[], input?: string): LabProcess {
    return new LabProcess(this.#enter(namespace), argv, input);
  }

  /** Runs a program to its end. A status other than 0 is the caller's to judge. */
  async run(
    namespace: string,
    argv: readonly string[],
    options: RunOptions = {},
  ): Promise<ProcessResult> {
    const started = this.spawn(namespace, argv, options.input);
    const timer = setTimeout(() => started.kill("SIGKILL"), options.timeout ?? 60_000);
    try {
      return await started.result;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a shell script that must succeed. @throws Error with its standard error */
  async sh(namespace: string, script: string): Promise<string> {
    const done = await this.run(namespace, ["sh", "-e"], { input: script });
    if (done.status !== 0) throw new Error(`${namespace}: ${script}: ${done.stderr}`);
    return done.stdout;
  }

  /** Ends everything in the lab and waits until it is gone. */
  async close(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#holder.once("close", resolve));
    this.#holder.stdin!.end();
    await gone;
  }

  /** The command that enters a namespace from outside, for a person to type. */
  enterCommand(namespace: string): string {
    return this.#enter(namespace).join(" ");
  }

  #enter(namespace?: string): string[] {
    const user = this.#asRoot ? [] : ["--user", "--preserve-credentials"];
    const init = `/proc/${this.#init}`;
    const net = namespace === undefined ? "--net" : `--net=${init}/root/run/netns/${namespace}`;
    return ["nsenter", "--target", `${this.#init}`, ...user, "--mount", "--pid", net, "--"];
  }
}

/** `read` ends with the pipe, however its other end was closed. */
const HOLD = "mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/netns && echo ready && read _";

function unshareFlags(asRoot: boolean): string[] {
  const user = asRoot ? [] : ["--user", "--map-root-user"];
  return [...user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
}

function untilReady(holder: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let problem = "";
    holder.stderr!.setEncoding("utf8").on("data", (text: string) => problem += text);
    holder.stdout!.once("data", () => resolve());
    holder.once("error", reject);
    holder.once("close", () => reject(new Error(`no private namespaces: ${problem.trim()}`)));
  });
}

/** A veth hands packets over with checksums left to hardware that does not exist. */
const CHECKSUMS_IN_SOFTWARE = `
for namespace in $(ls /run/netns); do
  for link in $(ip -n $namespace -o link show type veth | sed 's/^[0-9]*: //; s/[@:].*//'); do
    nsenter --net=/run/netns/$namespace ethtool -K $link tx off >/dev/null
  done
done
`;
