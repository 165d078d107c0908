import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SECONDARY_ADDRESS, SERVER_ADDRESS, type Site } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { CLIENT_OPTIONS } from "#test/protocol/client/lab.ts";
import { script, startRelay, startServer, until } from "./programs.ts";
import { assertPing, assertTcp, startTcpServer } from "./traffic.ts";
import type { TunnelClientLine, TunnelClientPlan } from "./tunnel_client.ts";

const OPTIONS = { timeout: 600_000 };
const PATIENCE_MS = 120_000;
/** Two clients on one link, cli0 and cli1, and one elsewhere, cli2. */
const PLACES = [{ nat: "port-restricted", clients: 2 }, { nat: "port-preserving" }] as const;

/** A client that runs. */
interface Running {
  readonly process: LabProcess;
  readonly address: string;
}

let lab: Lab;

function rulesOf(site: Site, over: Partial<TunnelClientPlan["rules"]>): TunnelClientPlan["rules"] {
  const { servicePort: _, ...rules } = CLIENT_OPTIONS;
  const address = parseIpv4(site.address)!;
  const server = { primary: parseIpv4(SERVER_ADDRESS)!, secondary: parseIpv4(SECONDARY_ADDRESS)! };
  const subnets = [{ address: address - address % 256, length: 24 }];
  return {
    ...rules,
    ownAddresses: [address],
    localAddress: address,
    subnets,
    servers: [server],
    identity: undefined,
    ...over,
  };
}

async function startClient(i: number, over: Partial<TunnelClientPlan["rules"]> = {}) {
  const site = lab.sites[i]!;
  const rules = rulesOf(site, over);
  const discovery = rules.localDiscovery;
  const later = { ...rules, refresh: 20_000 };
  const plan: TunnelClientPlan = { discovery, rules, later };
  const process = lab.spawn(site.client, script("tunnel_client.ts", JSON.stringify(plan)));
  const line = await process.waitForLine(/"state":"qualified"/, PATIENCE_MS);
  const { address } = JSON.parse(line) as TunnelClientLine;
  await until(`${site.client} has ${address} and its route`, async () => {
    const shown = await lab.sh(site.client, "ip -6 address show dev teredo; ip -6 route");
    return shown.includes(address!) && /^default dev teredo/m.test(shown);
  });
  return { process, address: address! } satisfies Running;
}

function linesOf(process: LabProcess): TunnelClientLine[] {
  return process.output().split("\n").filter((it) => it.startsWith("{")).map((it) =>
    JSON.parse(it)
  );
}

before(async () => {
  lab = await Lab.create({ nats: PLACES, checksums: true });
  await Promise.all([startServer(lab, "teredo"), startRelay(lab, "teredo")]);
  await startTcpServer(lab);
});

after(() => lab.close());

test(
  "openClient(): it qualifies, reaches a native host and is reached by it, with what was told as it came (C-11, C-41)",
  OPTIONS,
  async () => {
    const { process, address } = await startClient(0);
    await assertPing(lab, "cli0", HOST_IPV6);
    await assertPing(lab, "host6", address);
    await assertTcp(lab, "cli0");
    const [first] = linesOf(process).filter(({ state }) => state === "qualified");
    assert.equal(first!.server, SERVER_ADDRESS);
    assert.ok(first!.changedAgo >= 0 && first!.changedAgo < PATIENCE_MS, `${first!.changedAgo} ms`);
    process.kill("SIGHUP");
    await process.waitForLine(/^rules true/, PATIENCE_MS);
    await until("it asks again", () => {
      const states = linesOf(process).map(({ state }) => state);
      return Promise.resolve(states.slice(states.indexOf("qualified") + 1).includes("qualified"));
    });
    await assertPing(lab, "cli0", HOST_IPV6);
    process.kill("SIGTERM");
    await process.waitForLine(/^ended/, PATIENCE_MS);
    assert.equal((await process.result).status, 0, process.output());
  },
);

test(
  "ClientPorts: behind a port-preserving symmetric NAT a peer is met from a random port, which data then leaves by (C-76)",
  OPTIONS,
  async () => {
    const [restricted, preserving] = [await startClient(0), await startClient(2)];
    await assertPing(lab, "cli2", restricted.address);
    await assertPing(lab, "cli0", preserving.address);
    // The port of the filtering test is open for its first seconds.
    await until("it has a service port and one more", async () => {
      return (await lab.sh("cli2", "ss -Huln")).trim().split("\n").length === 2;
    });
    preserving.process.kill("SIGTERM");
    await preserving.process.waitForLine(/^ended/, PATIENCE_MS);
    await restricted.process.stop();
  },
);

test(
  "Multicast: two clients on one link find each other without a server (C-60 to C-63)",
  OPTIONS,
  async () => {
    const over = { localDiscovery: true };
    const clients = [await startClient(0, over), await startClient(1, over)];
    await assertPing(lab, "cli0", clients[1]!.address);
    const watch = "grep -c FD0000E0 /proc/net/igmp";
    assert.equal((await lab.sh("cli0", watch)).trim(), "1", "it has joined the group");
    for (const { process } of clients) await process.stop();
  },
);
