import assert from "node:assert/strict";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import type { NatKind } from "#src/demo/nat.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  RELAY_ADDRESS,
  SECONDARY_ADDRESS,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { Capture } from "./capture.ts";
import {
  START_PATIENCE,
  startMiredoClient,
  startRelay,
  startServer,
  startSuccessor,
} from "./programs.ts";
import { assertPing, probeCommand } from "./traffic.ts";

/** A flow that is there before the relay goes away. */
export interface Flow {
  readonly client: "Miredo client" | "probe";
  readonly nat: NatKind;
  /** Who sends first once the new relay is there. */
  readonly direction: "client to host" | "host to client";
}

/**
 * What has to outlive a restart.
 *
 * One flow is not here: a Miredo client behind a symmetric NAT that sends first. Its packets come
 * from a mapping that its address does not name, so nothing tells the new relay whose they are and
 * R-21 discards them. A client that repeats its test, as the probe does, is back at once; Miredo's
 * does so 30 s after it last heard of the host, or with the host's next packet.
 */
export const FLOWS: readonly Flow[] = [
  { client: "Miredo client", nat: "port-restricted", direction: "client to host" },
  { client: "Miredo client", nat: "port-restricted", direction: "host to client" },
  { client: "Miredo client", nat: "symmetric", direction: "host to client" },
  { client: "probe", nat: "port-restricted", direction: "client to host" },
  { client: "probe", nat: "symmetric", direction: "client to host" },
];

/** Between two packets of a flow: short, so that the next packet comes at once. */
const INTERVAL_SECONDS = 0.2;
const RECOVERY_SECONDS = 5;
const PACKETS = 30;
/** Half a second from each to the next: long enough for the relay to end meanwhile. */
const PROBE_PINGS = 24;

/** Has all flows up, ends the relay by `signal`, starts another one, and sees which flows go on. */
export function restartRelay(signal: NodeJS.Signals): RestartRun {
  const network = build(signal);
  const flows = FLOWS.map(async (_, i) => await (await network).outcomes[i]!());
  const complaints = judge(network, flows);
  for (const outcome of [...flows, complaints]) outcome.catch(() => {}); // whoever asks sees it
  return { flows, complaints };
}

export interface RestartRun {
  /** By the places of {@link FLOWS}. */
  readonly flows: readonly Promise<void>[];
  /** Packets of our server and both relays that tshark objects to, one line each. */
  readonly complaints: Promise<readonly string[]>;
}

async function judge(
  network: Promise<Restarted>,
  flows: readonly Promise<void>[],
): Promise<readonly string[]> {
  const { lab, capture } = await network;
  try {
    await Promise.allSettled(flows);
    await capture.stop();
    const ours = [SERVER_ADDRESS, SECONDARY_ADDRESS, RELAY_ADDRESS].join(", ");
    return await capture.complaints(`udp && !icmp && ip.src in {${ours}}`);
  } finally {
    await lab.close();
  }
}

interface Restarted {
  readonly lab: Lab;
  readonly capture: Capture;
  readonly outcomes: (() => Promise<void>)[];
}

async function build(signal: NodeJS.Signals): Promise<Restarted> {
  const lab = await Lab.create({ nats: FLOWS.map(({ nat }) => nat), checksums: true });
  try {
    const capture = await Capture.start(lab, IPV4_LINK);
    const [relay] = await Promise.all([startRelay(lab, "teredo"), startServer(lab, "teredo")]);
    const outcomes: (() => Promise<void>)[] = [];
    // The probes last: they are to be at it when the relay ends.
    for (const client of ["Miredo client", "probe"]) {
      await Promise.all(FLOWS.map(async (flow, i) => {
        if (flow.client === client) outcomes[i] = await establish(lab, flow, `cli${i}`);
      }));
    }
    await end(relay, signal);
    await startSuccessor(lab, "teredo");
    return { lab, capture, outcomes };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Returns what judges the flow once the new relay is there. */
async function establish(lab: Lab, flow: Flow, namespace: string): Promise<() => Promise<void>> {
  if (flow.client === "probe") {
    const argv = probeCommand({ count: PROBE_PINGS, interval: 500 });
    const probing = lab.spawn(namespace, argv.filter((it) => it !== "--json"));
    await probing.waitForLine(/^echo reply 1 /, START_PATIENCE);
    return () => judgeProbe(probing, probing.ended);
  }
  const { address } = await startMiredoClient(lab, namespace);
  await assertPing(lab, namespace, HOST_IPV6);
  const fromClient = flow.direction === "client to host";
  return () => judgePing(lab, fromClient ? namespace : "host6", fromClient ? HOST_IPV6 : address);
}

/** @param wasOver before the new relay was there */
async function judgeProbe(probing: LabProcess, wasOver: boolean): Promise<void> {
  const { stdout } = await probing.result;
  assert.ok(!wasOver, `it ended before the relay was there again:\n${stdout}`);
  // Back means back: what is lost, if anything, is lost while there is no relay, in one piece.
  const answered = [...stdout.matchAll(/^echo reply (\d+) /gm)].map(([, number]) => Number(number));
  const gaps = answered.filter((it, i) => i > 0 && it !== answered[i - 1]! + 1);
  assert.ok(answered.at(-1) === PROBE_PINGS && gaps.length <= 1, stdout);
}

async function judgePing(lab: Lab, namespace: string, target: string): Promise<void> {
  const argv = ["ping", "-6", "-n", "-i", `${INTERVAL_SECONDS}`, "-W", "1", "-c", `${PACKETS}`];
  const { stdout } = await lab.run(namespace, [...argv, target]);
  const answered = [...stdout.matchAll(/icmp_seq=(\d+) .*time=/g)].map((match) => Number(match[1]));
  const lost = PACKETS - answered.length;
  assert.ok(answered.length > 0 && lost * INTERVAL_SECONDS <= RECOVERY_SECONDS, stdout);
  // Back means back: once one packet is answered, all later ones are.
  assert.deepEqual(answered, answered.map((_, i) => answered[0]! + i), stdout);
}

export async function end(daemon: LabProcess, signal: NodeJS.Signals): Promise<void> {
  daemon.kill(signal);
  await daemon.result;
}
