import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { WhyDocument } from "#src/status/peers_document.ts";
import { apart, startClient, statusOf, untilStatus } from "./clients/program.ts";
import { START_PATIENCE, startMiredoClient, startServer } from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/**
 * A client beside native IPv6 with `when_native = relay`: it relays for its own host (RFC 4380 §5.5), behind
 * a NAT as before, so that clients of either maker and the host reach each other without any other relay.
 */

const NATIVE = "2001:db8:1::7";
const LINES = `servers = ${SERVER_ADDRESS}\nwhen_native = relay`;
const OPTIONS = { timeout: 600_000 };

let lab: Lab;
/** Teredo addresses of those that the host is to reach. */
const peers: { maker: string; namespace: string; address: string }[] = [];

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted", "port-restricted", "restricted"] });
  await startServer(lab, "teredo");
  const host = startClient(lab, "cli0", LINES);
  const ours = await startClient(lab, "cli1");
  const { address } = await startMiredoClient(lab, "cli2");
  peers.push({ maker: "ours", namespace: "cli1", address: ours.address });
  peers.push({ maker: "Miredo's", namespace: "cli2", address });
  const { client } = await host;
  assert.equal((await statusOf(lab, "cli0")).state, "qualified");
  // Native IPv6 of the host alone, by a link that knows of no relay.
  await lab.sh(
    "core",
    `ip -n core link add cli0-ipv6 type veth peer name native netns cli0
ip -n core link set cli0-ipv6 master ipv6 up
ip -n cli0 link set native up
ip -n cli0 -6 addr add ${NATIVE}/64 dev native nodad
ip -n cli0 -6 route add default via ${HOST_IPV6} dev native`,
  );
  await client.waitForLine(/msg="Native IPv6" .*state=relaying/, START_PATIENCE);
  await client.waitForLine(/msg=Client state=relay /, START_PATIENCE);
}, OPTIONS);

after(() => lab.close(), OPTIONS);

test(
  "H-01, H-02: a client that relays for its host has no Teredo address, and a route to clients alone",
  OPTIONS,
  async () => {
    assert.doesNotMatch(await lab.sh("cli0", "ip -6 addr show dev teredo"), /2001:/);
    const routes = await lab.sh("cli0", "ip -6 route show dev teredo; ip -6 route show default");
    assert.match(routes, /^2001::\/32 /m);
    assert.doesNotMatch(routes, /default .*teredo/);
    await assertPing(lab, "cli0", HOST_IPV6);
  },
);

for (const i of [0, 1]) {
  const maker = ["ours", "Miredo's"][i]!;
  test(
    `H-03, H-04, H-07: a host that is relayed for reaches ${maker} behind a NAT, by its native address`,
    OPTIONS,
    async () => {
      const { address } = peers[i]!;
      const said = await ping(lab, "cli0", address, { count: 10 });
      assert.match(said, /icmp_seq=10 /, said);
      await assertPing(lab, "cli0", address, { more: ["-I", NATIVE] });
    },
  );

  test(`H-03: ${maker} behind a NAT reaches a host that is relayed for`, OPTIONS, async () => {
    await assertPing(lab, peers[i]!.namespace, NATIVE);
  });
}

test(
  "a client that relays for its host tells of its peers, and why packets pass",
  OPTIONS,
  async () => {
    const { state, address, peers: counts } = await untilStatus(
      lab,
      "cli0",
      "has two peers",
      (it) => it.peers.some(({ path, count }) => path === "direct" && count === 2),
    );
    assert.deepEqual({ state, address }, { state: "relay", address: undefined });
    assert.equal(counts.reduce((sum, { count }) => sum + count, 0), 2);
    const argv = apart("cli0", "why", "client", peers[0]!.address, "--json");
    const { stdout, stderr } = await lab.run("cli0", argv);
    const why = JSON.parse(stdout) as WhyDocument;
    assert.equal(why.conclusion, "Packets pass both ways.", stdout + stderr);
  },
);

test(
  "a client that relayed for its host is a client again when native IPv6 is gone",
  OPTIONS,
  async () => {
    await lab.sh("cli0", "ip link set native down");
    await untilStatus(lab, "cli0", "is qualified", ({ state }) => state === "qualified");
    await assertPing(lab, "cli0", peers[0]!.address);
  },
);
