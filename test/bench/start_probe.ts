/**
 * Starts a daemon in the namespace it runs in and tells how long that took: `start_probe.ts PLAN`, a
 * `StartPlan` as JSON. It prints a `Started`, and ends the daemon.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";

export interface StartPlan {
  readonly argv: readonly string[];
  /** URL that answers 200 as soon as it is ready; or, without one, the UDP port that it binds. */
  readonly url?: string;
  readonly port: number;
}

export interface Started {
  readonly milliseconds: number;
  /** Resident memory of its processes a second later. */
  readonly bytes: number;
}

const PATIENCE_MS = 10_000;
const SETTLE_MS = 1_000;

async function isReady({ url, port }: StartPlan): Promise<boolean> {
  if (url === undefined) return isBound(port);
  try {
    return (await fetch(url)).status === 200;
  } catch {
    return false; // nobody listens yet
  }
}

function isBound(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return readFileSync("/proc/net/udp", "utf8").includes(`:${hex} `);
}

/** Of a process and all that it started. */
function residentBytes(pid: number): number {
  const own = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  return children.filter((text) => text !== "").map(Number)
    .reduce((sum, child) => sum + residentBytes(child), 1024 * Number(own));
}

const plan: StartPlan = JSON.parse(process.argv[2] ?? "{}");
const [command, ...args] = plan.argv;
const start = performance.now();
const daemon = spawn(command!, args, { stdio: ["ignore", "ignore", "inherit"] });
while (!await isReady(plan)) {
  if (daemon.exitCode !== null) throw new Error(`${command} ended with ${daemon.exitCode}`);
  if (performance.now() - start > PATIENCE_MS) throw new Error(`${command} is not ready`);
  await wait(1);
}
const milliseconds = performance.now() - start;
await wait(SETTLE_MS);
const bytes = residentBytes(daemon.pid!);
const ended = new Promise((resolve) => daemon.once("close", resolve));
daemon.kill("SIGTERM");
await ended;
console.log(JSON.stringify({ milliseconds, bytes } satisfies Started));
