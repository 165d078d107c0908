import assert from "node:assert/strict";
import test from "node:test";
import { stateLine } from "#src/daemon/state_line.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

test("stateLine() has what passed as it was counted, and all drops in one number", () => {
  const snapshot = sampleSnapshot();
  const line = stateLine(snapshot);
  const { counters, drops, gauges, process } = snapshot;
  let dropped = 0;
  for (const count of Object.values(drops)) dropped += count;
  assert.ok(dropped > 0);
  assert.deepEqual(
    [line["dropped"], line["from_udp"], line["to_udp"], line["from_ipv6"], line["to_ipv6"]],
    [
      dropped,
      counters.udp_received_datagrams,
      counters.udp_sent_datagrams,
      counters.ipv6_received_packets,
      counters.ipv6_sent_packets,
    ],
  );
  assert.deepEqual(
    [line["peers"], line["trusted"], line["held"], line["memory"]],
    [gauges.peers, gauges.peersTrusted, gauges.heldPackets, process.residentBytes],
  );
});

test("stateLine() says whether it serves, and what it waits for", () => {
  const check = (name: string, ok: boolean) => ({ name, ok, detail: "", since: new Date(0) });
  const said = (changes: object) => stateLine(sampleSnapshot(changes))["detail"];
  assert.equal(said({ draining: true }), "draining");
  assert.equal(said({ draining: false, checks: [check("route", true)] }), "ready");
  assert.equal(
    said({ draining: false, checks: [check("route", false), check("a", true), check("b", false)] }),
    "not ready: route, b",
  );
});
