import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { type Gateway, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { PeerPath } from "#src/protocol/client/peers/ways.ts";
import { pingUntilTold } from "./clients/ping.ts";
import { type ClientProgram, startClient, statusOf } from "./clients/program.ts";
import { startServer } from "./programs.ts";

/** Two clients that share a NAT, or a part of the way to the Internet. RFC 6081 §3.5, §5.6, §6.5 */

interface Case {
  readonly name: string;
  readonly gateway: Gateway;
  /** Which of the gateway's two clients speaks first; default: the first. */
  readonly back?: boolean;
  readonly lines?: string;
  /** By which way; undefined: by none, of which the sender is told. */
  readonly path: PeerPath | undefined;
}

/** Without alternate addresses. */
const NO_HAIRPINNING = "extensions = sns";

const CASES: readonly Case[] = [
  {
    name: "one NAT without hairpin support: by the address on their link (C-78)",
    gateway: { nat: "port-restricted", clients: 2 },
    path: "alternate",
  },
  {
    name: "one NAT without hairpin support, and no alternate addresses",
    gateway: { nat: "port-restricted", clients: 2 },
    lines: NO_HAIRPINNING,
    path: undefined,
  },
  ...(["full-cone", "restricted", "port-restricted"] as const).map((nat): Case => ({
    name: `one ${nat} NAT with hairpin support: by its outer address`,
    gateway: { nat, clients: 2, hairpin: true },
    lines: NO_HAIRPINNING,
    path: "direct",
  })),
  {
    name: "one symmetric NAT: by the address on their link",
    gateway: { nat: "symmetric", clients: 2 },
    path: "alternate",
  },
  {
    name: "one link, where they discover each other (C-60, C-63)",
    gateway: { nat: "port-restricted", clients: 2 },
    lines: "extensions = none\nlocal_discovery = yes",
    path: "local",
  },
  {
    name: "one outer NAT, of which one has another NAT behind it, from outside in",
    gateway: { nat: "port-restricted", nested: [{ nat: "port-restricted" }] },
    path: "alternate",
  },
  {
    name: "one outer NAT, of which one has another NAT behind it, from inside out",
    gateway: { nat: "port-restricted", nested: [{ nat: "port-restricted" }] },
    back: true,
    path: "alternate",
  },
  {
    name: "one outer NAT with hairpin support, and a NAT each behind it",
    gateway: nestedTwice(true),
    path: "direct",
  },
  {
    name: "one outer NAT without hairpin support, and a NAT each behind it: it takes UPnP",
    gateway: nestedTwice(false),
    path: undefined,
  },
];

function nestedTwice(hairpin: boolean): Gateway {
  const inner: Gateway = { nat: "port-restricted" };
  return { nat: "port-restricted", hairpin, clients: 0, nested: [inner, inner] };
}

const OPTIONS = { timeout: 600_000 };
let lab: Lab;
let clients: Promise<ClientProgram>[];

before(async () => {
  lab = await Lab.create({ nats: CASES.map(({ gateway }) => gateway) });
  await startServer(lab, "teredo");
  clients = lab.sites.map(({ client }, i) => {
    const { lines = "" } = CASES[i >> 1]!;
    const started = startClient(lab, client, `servers = ${SERVER_ADDRESS}\n${lines}`);
    started.catch(() => {}); // its case sees it
    return started;
  });
}, OPTIONS);

after(() => lab.close(), OPTIONS);

for (const [i, { name, back = false, path }] of CASES.entries()) {
  const verb = path === undefined ? "do not reach" : "reach";
  test(`two clients ${verb} each other behind ${name}`, OPTIONS, async () => {
    const pair = [2 * i, 2 * i + 1];
    const [from, to] = back ? pair.toReversed() : pair;
    const { client: namespace } = lab.sites[from!]!;
    await clients[from!]!;
    const { works, told } = await pingUntilTold(lab, namespace, (await clients[to!]!).address);
    assert.equal(works, path !== undefined);
    if (path === undefined) {
      assert.equal(told, "Destination unreachable: Address unreachable");
      return;
    }
    // The thread tells of its peers once a turn, and the daemon once a second.
    const reached = async () => {
      const { peers } = await statusOf(lab, namespace);
      return peers.filter((it) => it.path !== "none").map((it) => it.path);
    };
    let paths = await reached();
    for (let tries = 0; paths.length === 0 && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      paths = await reached();
    }
    assert.deepEqual(paths, [path]);
  });
}
