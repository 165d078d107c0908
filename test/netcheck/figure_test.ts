import assert from "node:assert/strict";
import test from "node:test";
import { PEER_NATS, type PeerNat, reachOf } from "#src/netcheck/figure.ts";

const CASES: readonly (readonly [own: readonly PeerNat[], says: string])[] = [
  [["cone"], "yes yes yes yes sns sns sns sns sns"],
  [["port_restricted"], "yes yes yes yes no sns_pp sns_ss no no"],
  [["port_symmetric"], "sns sns no no no no no no no"],
  [["address_symmetric"], "sns no no no no no no no no"],
  [
    ["address_restricted", "port_restricted"],
    "yes yes yes yes depends depends depends depends no",
  ],
];

for (const [own, says] of CASES) {
  test(`reachOf() ${own.join(" or ")}: RFC 6081 Figure 1`, () => {
    const reach = reachOf(own);
    assert.equal(PEER_NATS.map((peer) => reach[peer]).join(" "), says);
  });
}
