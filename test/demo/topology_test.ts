import assert from "node:assert/strict";
import test from "node:test";
import { INDEPENDENT_KINDS, NAT_KINDS, natRules } from "#src/demo/nat.ts";
import { buildScript, makePlan } from "#src/demo/topology.ts";

test("buildScript() gives each client a NAT of its kind, or none", () => {
  const plan = makePlan(NAT_KINDS);
  const script = buildScript(plan);
  for (const { client, nat, natNamespace } of plan.sites) {
    assert.match(script, new RegExp(`^ip netns add ${client}$`, "m"));
    assert.equal(natNamespace === client, nat === "none" || nat === "firewall");
  }
});

test("makePlan() puts clients behind one NAT, and NATs behind NATs", () => {
  const { sites } = makePlan([
    "none",
    {
      nat: "full-cone",
      hairpin: true,
      clients: 2,
      nested: [{ nat: "restricted" }, { nat: "none" }],
    },
    "symmetric",
  ]);
  assert.deepEqual(
    sites.map((it) => [it.client, it.address, it.natNamespace, it.publicAddress]),
    [
      ["cli0", "198.51.100.20", "cli0", "198.51.100.20"],
      ["cli1", "192.168.1.2", "nat1", "198.51.100.21"],
      ["cli2", "192.168.1.3", "nat1", "198.51.100.21"],
      ["cli3", "192.168.2.2", "nat2", "198.51.100.21"],
      ["cli4", "192.168.1.101", "cli4", "198.51.100.21"],
      ["cli5", "192.168.1.2", "nat4", "198.51.100.24"],
    ],
  );
});

const NAT = { address: "192.0.2.1", second: "192.0.2.2", hairpin: false } as const;

test("natRules() draws ports at random where they have to be, and knows none without NAT", () => {
  assert.match(natRules({ ...NAT, kind: "symmetric" }), /fully-random/);
  assert.equal(natRules({ ...NAT, kind: "none" }), "");
});

test("natRules() sends what is for the outer address back inside only where it is asked to", () => {
  for (const kind of INDEPENDENT_KINDS) {
    const inner = /iifname "inside" ip daddr 192.0.2.1 .*dnat/;
    assert.match(natRules({ ...NAT, kind, hairpin: true }), inner);
    assert.doesNotMatch(natRules({ ...NAT, kind }), inner);
  }
});
