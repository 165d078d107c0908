import assert from "node:assert/strict";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess, ProcessResult } from "#src/demo/lab_process.ts";
import type { NatKind } from "#src/demo/nat.ts";
import {
  RELAY_PORT,
  START_PATIENCE,
  startMiredoClient,
  startRelay,
  startServer,
} from "#test/netns/programs.ts";

export interface SceneOptions {
  /** Lines of `[relay]`. */
  readonly relay?: string;
  /** Further sections of the relay's file. */
  readonly more?: string;
  readonly server?: string;
  readonly nat?: NatKind;
  /** Without it there is no client, and no server. */
  readonly client?: boolean;
}

/** A network with our server and relay, and a Miredo client that the host can reach. */
export class Scene {
  readonly lab: Lab;
  readonly conf: string;
  relay: LabProcess;
  /** Undefined without a client. */
  readonly server: LabProcess | undefined;
  /** The client's Teredo address; empty without one. */
  readonly client: string;

  private constructor(
    lab: Lab,
    conf: string,
    relay: LabProcess,
    server: LabProcess | undefined,
    client: string,
  ) {
    this.lab = lab;
    this.conf = conf;
    this.relay = relay;
    this.server = server;
    this.client = client;
  }

  static async with<T>(options: SceneOptions, run: (scene: Scene) => Promise<T>): Promise<T> {
    const { nat = "port-restricted", client = true } = options;
    const lab = await Lab.create({ nats: client ? [nat] : [] });
    try {
      const { relay: lines = "", more = "" } = options;
      const conf = `[relay]\nbind_port = ${RELAY_PORT}\ndrain_time = 0s\n${lines}\n${more}\n`;
      const [relay, server] = await Promise.all([
        startRelay(lab, "teredo", conf),
        client ? startServer(lab, "teredo", options.server) : undefined,
      ]);
      const address = client ? (await startMiredoClient(lab, "cli0")).address : "";
      return await run(new Scene(lab, conf, relay, server, address));
    } finally {
      await lab.close();
    }
  }

  /** Starts the relay again, as a service manager does after it has ended. */
  async restart(): Promise<void> {
    await this.relay.result;
    this.relay = await startRelay(this.lab, "teredo", this.conf);
  }

  /** Of the relay, by the numbers of the lab. */
  get pid(): number {
    return pidOf(this.relay);
  }

  /** Threads that carry packets. */
  workers(): Promise<number[]> {
    return workersOf(this.lab, this.pid);
  }

  /** In the relay's namespace; must succeed. */
  sh(script: string): Promise<string> {
    return this.lab.sh("rly", script);
  }

  async isReady(): Promise<boolean> {
    const { status } = await this.lab.run("rly", ["curl", "-sf", "http://127.0.0.1:9545/readyz"]);
    return status === 0;
  }

  /** The relay ends by itself, with status 1, and says so. @returns its last words */
  async endsSaying(words: RegExp): Promise<string> {
    const line = await this.relay.waitForLine(words, START_PATIENCE);
    const { status } = await this.relay.result;
    assert.equal(status, 1, this.relay.output());
    return line;
  }

  /** Which of `words` the relay has said, each once. */
  said(words: RegExp): string[] {
    return this.relay.output().split("\n").filter((it) => words.test(it));
  }

  /** The relay runs, as it did before. */
  assertRuns(): void {
    assert.ok(!this.relay.ended, this.relay.output());
  }
}

/** Threads of a daemon that carry packets. */
export async function workersOf(lab: Lab, pid: number): Promise<number[]> {
  const script = `cd /proc/${pid}/task; grep -lx Worker */comm | sed 's|/.*||'`;
  const found = await lab.sh("core", script);
  return found.split("\n").filter((it) => it !== "").map(Number);
}

/** What a daemon says at its start. */
export function pidOf(daemon: LabProcess): number {
  return Number(/msg=Starting .*pid=(\d+)/.exec(daemon.output())![1]);
}

/** A field of a line of the log. */
export function fieldOf(line: string, name: string): string {
  const found = new RegExp(`${name}=("(?:[^"\\\\]|\\\\.)*"|\\S+)`).exec(line);
  return (found?.[1] ?? "").replace(/^"|"$/g, "");
}

/** @throws Error with what it said when its status is not 0 */
export async function succeed(process: LabProcess): Promise<ProcessResult> {
  const done = await process.result;
  if (done.status !== 0) throw new Error(`${process.argv.join(" ")}: ${done.stdout}${done.stderr}`);
  return done;
}
