import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { INDEPENDENT_KINDS, NAT_KINDS, type NatKind } from "#src/demo/nat.ts";
import { SECONDARY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { script, START_PATIENCE } from "./programs.ts";

/** What the NATs of the lab do, seen from outside: what they are called is what they are. */

const HERE = `${SERVER_ADDRESS}:3544`;
const OTHER_PORT = `${SERVER_ADDRESS}:4000`;
const OTHER_ADDRESS = `${SECONDARY_ADDRESS}:3544`;
const PORT = 50_001;
const OPTIONS = { timeout: 600_000 };

/** Whose answers are let in, of those that were not asked. */
type Filter = "anybody" | "same address" | "nobody";
/** What {@link HERE}, {@link OTHER_PORT} and {@link OTHER_ADDRESS} see of one socket. */
type Mapping = "own" | "port kept" | "first kept" | "sequence" | "ports" | "addresses";

const KINDS: Record<NatKind, { filter: Filter; mapping: Mapping }> = {
  "none": { filter: "anybody", mapping: "own" },
  "firewall": { filter: "nobody", mapping: "own" },
  "full-cone": { filter: "anybody", mapping: "port kept" },
  "restricted": { filter: "same address", mapping: "port kept" },
  "port-restricted": { filter: "nobody", mapping: "port kept" },
  "symmetric": { filter: "nobody", mapping: "ports" },
  "port-preserving": { filter: "nobody", mapping: "first kept" },
  "sequential": { filter: "nobody", mapping: "sequence" },
  "address-symmetric": { filter: "nobody", mapping: "addresses" },
};

/** Places with two clients, with hairpin support and without; and a NAT behind a NAT. */
const SHARED = [...INDEPENDENT_KINDS, ...INDEPENDENT_KINDS];
const HAIRPIN_FROM = NAT_KINDS.length;
const NESTED_AT = HAIRPIN_FROM + 2 * SHARED.length;

let lab: Lab;

before(async () => {
  lab = await Lab.create({
    nats: [
      ...NAT_KINDS,
      ...SHARED.map((nat, i) => ({ nat, clients: 2, hairpin: i < INDEPENDENT_KINDS.length })),
      { nat: "restricted", nested: [{ nat: "full-cone" }] },
    ],
  });
  const reflector = lab.spawn(
    "srv",
    script("nat_peer.ts", "reflect", HERE, OTHER_PORT, OTHER_ADDRESS),
  );
  await reflector.waitForLine(new RegExp(`listening ${OTHER_ADDRESS}`), START_PATIENCE);
}, OPTIONS);

after(() => lab.close(), OPTIONS);

interface Heard {
  /** Whether the answer of who was not asked came in. */
  readonly first: boolean;
  readonly mapped: string;
}

async function ask(client: string, port: number, ...questions: string[]): Promise<Heard[]> {
  const argv = script("nat_peer.ts", "ask", `${port}`, ...questions);
  const { status, stdout, stderr } = await lab.run(client, argv);
  assert.equal(status, 0, `${client}: ${stdout}${stderr}`);
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as Heard);
}

const QUESTIONS = [
  `${HERE}>${OTHER_ADDRESS}`,
  `${HERE}>${OTHER_PORT}`,
  `${OTHER_PORT}>${OTHER_PORT}`,
  `${OTHER_ADDRESS}>${OTHER_ADDRESS}`,
];

for (const [i, kind] of NAT_KINDS.entries()) {
  const { filter, mapping } = KINDS[kind];
  test(`natRules() ${kind}: lets in ${filter}; mapping: ${mapping}`, OPTIONS, async () => {
    const site = lab.sites[i]!;
    const [far, near, port, address] = await ask(site.client, PORT, ...QUESTIONS);
    assert.deepEqual(
      [far!.first, near!.first],
      [filter === "anybody", filter !== "nobody"],
    );
    const seen = [near!.mapped, port!.mapped, address!.mapped];
    const kept = `${site.publicAddress}:${PORT}`;
    const ports = seen.map((it) => Number(it.split(":")[1]));
    const addresses = new Set(seen.map((it) => it.split(":")[0]));
    assert.equal(addresses.size, mapping === "addresses" ? 2 : 1, `${seen}`);
    if (mapping === "own" || mapping === "port kept") assert.deepEqual(seen, [kept, kept, kept]);
    else assert.equal(new Set(ports).size, 3, `${seen}`);
    if (mapping === "first kept") assert.equal(seen[0], kept);
    if (mapping === "sequence") assert.deepEqual(ports.map((it) => it - ports[0]!), [0, 1, 2]);
  });
}

for (const [i, kind] of SHARED.entries()) {
  const hairpin = i < INDEPENDENT_KINDS.length;
  const title = `natRules() ${kind} ${hairpin ? "with" : "without"} hairpin support: one client ` +
    `${hairpin ? "reaches" : "does not reach"} the other by its outer address`;
  test(title, OPTIONS, async () => {
    const [a, b] = lab.sites.slice(HAIRPIN_FROM + 2 * i);
    const outer = `${a!.publicAddress}:${PORT + 1}`;
    assert.deepEqual((await ask(b!.client, PORT + 1, `${HERE}>${HERE}`))[0]!.mapped, outer);
    const peer = lab.spawn(
      b!.client,
      script("nat_peer.ts", "open", `${PORT + 1}`, `${a!.publicAddress}:${PORT}`),
    );
    await peer.waitForLine(/listening/, START_PATIENCE);
    const asking = lab.spawn(a!.client, script("nat_peer.ts", "ask", `${PORT}`, `${outer}>`));
    if (hairpin) {
      const { stdout } = await asking.result;
      assert.equal((JSON.parse(stdout) as Heard).mapped, `${a!.publicAddress}:${PORT}`);
    } else {
      const { stdout } = await lab.run(
        a!.client,
        script("nat_peer.ts", "ask", `${PORT + 2}`, `${HERE}>${HERE}`),
      );
      assert.match(stdout, /mapped/);
      assert.equal(asking.output(), "");
    }
    asking.kill("SIGKILL");
    await peer.stop();
  });
}

test(
  "natRules() full-cone behind restricted: the stricter of two NATs is what is seen",
  OPTIONS,
  async () => {
    const site = lab.sites[NESTED_AT + 1]!;
    const [far, near, port, address] = await ask(site.client, PORT, ...QUESTIONS);
    assert.deepEqual([far!.first, near!.first], [false, true]);
    const kept = `${site.publicAddress}:${PORT}`;
    assert.deepEqual([near!.mapped, port!.mapped, address!.mapped], [kept, kept, kept]);
  },
);
