import assert from "node:assert/strict";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import type { ProbeOutcome } from "#src/probe/outcome.ts";
import { unansweredIn } from "#src/demo/clients.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { script, START_PATIENCE, teredo } from "./programs.ts";

export interface PingOptions {
  readonly count?: number;
  /** Further arguments of ping(8). */
  readonly more?: readonly string[];
}

/** Pings and returns what ping(8) says. */
export async function ping(
  lab: Lab,
  namespace: string,
  target: string,
  options: PingOptions = {},
): Promise<string> {
  const argv = ["ping", "-6", "-n", "-i", "0.2", "-W", "3", "-c", `${options.count ?? 5}`];
  const { stdout, stderr } = await lab.run(namespace, [...argv, ...options.more ?? [], target]);
  return stdout + stderr;
}

/** Seconds for all answers, on a machine where others work. */
const PING_PATIENCE = 120;

/**
 * So many packets answered, from the first one on, however long the last of the answers takes: until
 * it is there ping(8) goes on, but for one that is alone, which it waits for.
 *
 * @returns how many it sent
 */
export async function assertPing(
  lab: Lab,
  namespace: string,
  target: string,
  options: PingOptions = {},
): Promise<number> {
  const count = options.count ?? 5;
  const patience = [count === 1 ? "-W" : "-w", `${PING_PATIENCE}`];
  const argv = ["ping", "-6", "-n", "-i", "0.2", ...patience, "-c", `${count}`];
  argv.push(...options.more ?? [], target);
  const timeout = 2_000 * PING_PATIENCE;
  const { stdout, stderr } = await lab.run(namespace, argv, { timeout });
  const said = `${namespace} to ${target}:\n${stdout}${stderr}`;
  assert.deepEqual(unansweredIn(stdout, count), [], said);
  return Number(/(\d+) packets transmitted/.exec(stdout)?.[1]);
}

const TCP_BYTES = 1024 * 1024;
const TCP_PORT = 5001;

/** Sends back what it reads, to any number of clients. */
export async function startTcpServer(lab: Lab, namespace = "host6"): Promise<LabProcess> {
  const server = lab.spawn(namespace, script("tcp_peer.ts", "serve", HOST_IPV6, `${TCP_PORT}`));
  await server.waitForLine(/listening/, START_PATIENCE);
  return server;
}

/** So many bytes over one TCP connection up, and the same ones down again. */
export async function assertTcp(lab: Lab, namespace: string, bytes = TCP_BYTES): Promise<void> {
  const argv = script("tcp_peer.ts", "exchange", HOST_IPV6, `${TCP_PORT}`, `${bytes}`);
  const timeout = 2 * START_PATIENCE; // over a wire that loses, too
  const { status, stdout, stderr } = await lab.run(namespace, argv, { timeout });
  assert.equal(status, 0, `TCP from ${namespace}: ${stdout}${stderr}`);
}

/**
 * Asks for what is known beforehand until it is said, five times at most: a test that a busy machine
 * answers late has another outcome. What is wrong is so each time.
 */
export async function asked<T>(ask: () => Promise<T>, isRight: (said: T) => boolean): Promise<T> {
  for (let left = 4;; left--) {
    const said = await ask();
    if (left === 0 || isRight(said)) return said;
  }
}

export interface ProbeArguments {
  readonly server?: string;
  readonly target?: string;
  readonly count?: number;
  /** Milliseconds. */
  readonly interval?: number;
}

export function probeCommand(options: ProbeArguments = {}): string[] {
  return teredo(
    "probe",
    options.server ?? SERVER_ADDRESS,
    "--ping",
    options.target ?? HOST_IPV6,
    "--count",
    `${options.count ?? 4}`,
    "--interval",
    `${options.interval ?? 200}`,
    "--json",
  );
}

export async function probe(
  lab: Lab,
  namespace: string,
  options: ProbeArguments = {},
): Promise<ProbeOutcome> {
  const { stdout, stderr } = await lab.run(namespace, probeCommand(options));
  if (stdout === "") throw new Error(`probe in ${namespace}: ${stderr}`);
  return JSON.parse(stdout) as ProbeOutcome;
}
