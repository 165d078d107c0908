import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { NatKind } from "#src/demo/nat.ts";
import { HOST_IPV6 } from "#src/demo/topology.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { startMiredoClient, startRelay, startServer, teredo } from "./programs.ts";
import { end, FLOWS, restartRelay } from "./restart.ts";
import { assertPing } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };

interface Network {
  readonly lab: Lab;
  readonly server: LabProcess;
  readonly relay: LabProcess;
}

async function withNetwork(nat: NatKind, run: (network: Network) => Promise<void>): Promise<void> {
  const lab = await Lab.create({ nats: [nat] });
  try {
    const [server, relay] = await Promise.all([
      startServer(lab, "teredo"),
      startRelay(lab, "teredo"),
    ]);
    await run({ lab, server, relay });
  } finally {
    await lab.close();
  }
}

const SIGNALS = ["SIGKILL", "SIGTERM"] as const;
const runs = SIGNALS.map((signal) => restartRelay(signal));

for (const [i, signal] of SIGNALS.entries()) {
  for (const [j, { client, nat, direction }] of FLOWS.entries()) {
    test(
      `flow of a ${client}, ${nat} NAT, ${direction}, outlives the relay's restart by ${signal}`,
      OPTIONS,
      () => runs[i]!.flows[j]!,
    );
  }

  test(`tshark has no complaint about a restart by ${signal}`, OPTIONS, async () => {
    assert.deepEqual(await runs[i]!.complaints, []);
  });

  test(
    `a server restarted by ${signal} between a client's RS and its first bubble loses nothing (S-00)`,
    OPTIONS,
    () =>
      withNetwork("port-restricted", async ({ lab, server }) => {
        const { address } = await startMiredoClient(lab, "cli0");
        await end(server, signal);
        await startServer(lab, "teredo");
        // Neither side has met the other: the client's test and the relay's bubble need the server.
        await Promise.all([
          assertPing(lab, "cli0", HOST_IPV6),
          assertPing(lab, "host6", address),
        ]);
      }),
  );
}

test(
  "a relay restarted by SIGKILL finds no interface in its way, one by SIGTERM leaves none",
  OPTIONS,
  () =>
    withNetwork("none", async ({ lab, relay }) => {
      await end(relay, "SIGKILL");
      const second = await startRelay(lab, "teredo");
      const { status } = await second.stop();
      assert.equal(status, 0, second.output());
      const left = await lab.run("rly", ["ip", "link", "show", "dev", "teredo"]);
      assert.notEqual(left.status, 0);
      assert.equal(await lab.sh("rly", "ip -6 route show 2001::/32"), "");
    }),
);

test(
  "a relay takes over an interface that another process left behind",
  OPTIONS,
  () =>
    withNetwork("port-restricted", async ({ lab, relay }) => {
      await relay.stop();
      await lab.sh("rly", "ip tuntap add dev teredo mode tun");
      await lab.sh("rly", "ip link set teredo up && ip -6 route add 2001::/32 dev teredo");
      await startRelay(lab, "teredo");
      await startMiredoClient(lab, "cli0");
      await assertPing(lab, "cli0", HOST_IPV6);
    }),
);

test(
  "a second relay on one machine is refused with what to do, and the first keeps on",
  OPTIONS,
  () =>
    withNetwork("port-restricted", async ({ lab }) => {
      const second = await lab.run("rly", teredo("relay", "-c", "/run/rly-relay.conf"));
      assert.equal(second.status, 1);
      assert.match(second.stderr, /2001::\/32|3545|9545/);
      await startMiredoClient(lab, "cli0");
      await assertPing(lab, "cli0", HOST_IPV6);
    }),
);
