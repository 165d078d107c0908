import { statSync } from "node:fs";
import process from "node:process";
import { RELAY_PORT } from "#test/load/load_lab.ts";
import { teredo, writeFile } from "#test/netns/programs.ts";
import { type BenchMaker, relayConfiguration } from "./daemons.ts";
import type { Labs } from "./labs.ts";
import { benchScript } from "./remote_station.ts";
import type { Results, RowSpec } from "./results.ts";
import type { Started, StartPlan } from "./start_probe.ts";

const READY: RowSpec = {
  part: "g",
  name: "relay, from exec to ready",
  unit: "ms",
  better: "less",
  most: 300,
};
const MEMORY: RowSpec = {
  part: "g",
  name: "relay, resident memory when idle",
  unit: "MiB",
  better: "less",
};
const BINARY: RowSpec = { part: "g", name: "binary", unit: "MiB", better: "less" };
const MEBIBYTE = 1024 * 1024;

/** (g) start to readiness, of which Miredo's only sign is its UDP port, and memory then. */
export async function measureStart(labs: Labs, results: Results): Promise<void> {
  for (const who of ["miredo", "teredo", "fast"] as const) {
    await results.measureAll([READY, MEMORY], who, async () => {
      const { milliseconds, bytes } = await startOnce(labs, who);
      return [milliseconds, bytes / MEBIBYTE];
    });
  }
}

export async function measureBinary(_labs: Labs, results: Results): Promise<void> {
  await results.add(BINARY, "teredo", statSync(process.env["TEREDO_BIN"]!).size / MEBIBYTE);
}

async function startOnce(labs: Labs, maker: BenchMaker): Promise<Started> {
  // No relay runs in this one.
  const { lab } = (await labs.get("kernel")).load;
  const file = await writeFile(lab, `start-${maker}.conf`, relayConfiguration(maker, 1));
  const pid = `/run/start-${maker}.pid`;
  const plan: StartPlan = maker === "miredo"
    ? { argv: ["miredo", "-f", "-u", "miredo", "-p", pid, "-c", file], port: RELAY_PORT }
    : { argv: teredo("relay", "-c", file), port: RELAY_PORT, url: "http://127.0.0.1:9545/readyz" };
  const { status, stdout, stderr } = await lab.run("rly", benchScript("start_probe.ts", plan));
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
