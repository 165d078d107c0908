import assert from "node:assert/strict";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import type { NatKind } from "#src/demo/nat.ts";
import { HOST_IPV6, IPV4_LINK, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { ClientDocument } from "#src/status/client_document.ts";
import { apart, CLIENT_STATUS, startClient } from "#test/netns/clients/program.ts";
import { startRelay, startServer, until, writeFile } from "#test/netns/programs.ts";
import { RunningPing } from "#test/netns/running_ping.ts";
import type { Passage } from "../passage.ts";

/** Beside the first server, in the relay's namespace: a second one, with its secondary. */
export const STANDBY_ADDRESS = "198.51.100.51";
const STANDBY_SECONDARY = "198.51.100.52";

/** Between two packets of the client's ping to the host. */
const INTERVAL: Millis = 50;

export interface ClientSceneOptions {
  readonly nat?: NatKind;
  /** Whether there is a second server. */
  readonly standby?: boolean;
  /** Lines of `[client]`. */
  readonly lines?: string;
}

/** A network with our server, relay and client. */
export class ClientScene {
  readonly lab: Lab;
  readonly namespace = "cli0";
  readonly client: LabProcess;
  readonly server: LabProcess;

  private constructor(lab: Lab, client: LabProcess, server: LabProcess) {
    this.lab = lab;
    this.client = client;
    this.server = server;
  }

  static async with<T>(
    { nat = "port-restricted", standby = false, lines = "" }: ClientSceneOptions,
    run: (scene: ClientScene) => Promise<T>,
  ): Promise<T> {
    const lab = await Lab.create({ nats: [nat] });
    try {
      const [server] = await Promise.all([
        startServer(lab, "teredo"),
        startRelay(lab, "teredo"),
        ...standby ? [startStandby(lab)] : [],
      ]);
      const servers = standby ? `${SERVER_ADDRESS}, ${STANDBY_ADDRESS}` : SERVER_ADDRESS;
      // The first one that answers would be chance.
      const order = "server_order = strict";
      const started = await startClient(lab, "cli0", `servers = ${servers}\n${order}\n${lines}`);
      return await run(new ClientScene(lab, started.client, server));
    } finally {
      await lab.close();
    }
  }

  async status(): Promise<ClientDocument> {
    const { stdout } = await this.lab.run(this.namespace, [
      "curl",
      "-s",
      `${CLIENT_STATUS}/status`,
    ]);
    const { client } = JSON.parse(stdout) as { client: ClientDocument };
    return client;
  }

  /** How long it takes until the client tells something of itself. */
  async until(what: string, is: (status: ClientDocument) => boolean): Promise<Millis> {
    const start = performance.now();
    await until(what, async () => is(await this.status()));
    return performance.now() - start;
  }

  /** One number of `/metrics`, or the sum of those whose labels are not asked for. */
  async metric(name: string): Promise<number> {
    const { stdout } = await this.lab.run(this.namespace, [
      "curl",
      "-s",
      `${CLIENT_STATUS}/metrics`,
    ]);
    const lines = stdout.split("\n").filter((it) => it.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").pop()), 0);
  }

  /** Has the client ping the host while `deed` is done, and until packets pass again. */
  async passage(deed: () => Promise<unknown>): Promise<Passage> {
    const ping = await RunningPing.start(this.lab, this.namespace, HOST_IPV6, INTERVAL / 1_000);
    await deed();
    const { sent, lost, unanswered } = await ping.stop();
    let [longest, run] = [0, 0];
    unanswered.forEach((it, i) => {
      run = it === unanswered[i - 1]! + 1 ? run + 1 : 1;
      longest = Math.max(longest, run);
    });
    return { sent, lost, recovered: INTERVAL * longest };
  }

  assertRuns(): void {
    assert.ok(!this.client.ended, this.client.output());
  }
}

async function startStandby(lab: Lab): Promise<void> {
  const addresses = [STANDBY_ADDRESS, STANDBY_SECONDARY];
  for (const it of addresses) await lab.sh("rly", `ip address add ${it}/24 dev ${IPV4_LINK}`);
  await lab.sh("rly", "mkdir -p /run/standby");
  const conf = `[server]\nbind_address = ${STANDBY_ADDRESS}\n`;
  const file = await writeFile(lab, "standby.ini", conf);
  const standby = lab.spawn("rly", apart("standby", "server", "-c", file));
  await standby.waitForLine(/msg=Ready/, 120_000);
}
