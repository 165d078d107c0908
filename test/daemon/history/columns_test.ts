import assert from "node:assert/strict";
import test from "node:test";
import { columnsOf } from "#src/daemon/history/columns.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

type Want = Readonly<Record<string, (snapshot: Snapshot) => number>>;

const WANTED: Readonly<Record<Snapshot["role"], Want>> = {
  relay: {
    bits_up: ({ counters }) => 8 * counters.ipv6_sent_bytes,
    packets_down: ({ counters }) => counters.udp_sent_datagrams,
    peers_trusted: ({ gauges: { peers, peersResolving, peersFailed } }) =>
      peers - peersResolving - peersFailed,
    bubbles_sent: ({ counters: it }) =>
      it.bubbles_sent_direct + it.bubbles_sent_indirect + it.bubbles_sent_challenge,
  },
  server: {
    bits_up: ({ counters }) => 8 * counters.udp_received_bytes,
    bits_down: ({ counters }) => 8 * counters.udp_sent_bytes,
    solicitations_restricted: ({ counters: it }) =>
      it.solicitations_received - it.solicitations_cone - it.solicitations_secondary,
  },
  client: {
    bits_up: ({ counters }) => 8 * counters.udp_sent_bytes,
    packets_down: ({ counters }) => counters.ipv6_sent_packets,
    bubbles_sent: ({ counters: it }) =>
      it.bubbles_sent_direct + it.bubbles_sent_indirect + it.bubbles_sent_challenge,
    server_rtt: ({ client }) => 1_000 * client!.server!.rttSeconds!,
  },
};

for (const [role, wanted] of Object.entries(WANTED)) {
  test(`columnsOf() of a ${role} has what is kept of it, each name once`, () => {
    const columns = columnsOf(role as Snapshot["role"]);
    const server = { rttSeconds: 0.023 };
    const snapshot = { ...sampleSnapshot(), client: { server } } as unknown as Snapshot;
    const names = columns.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const [name, want] of Object.entries(wanted)) {
      const column = columns.find((it) => it.name === name);
      assert.equal(column?.of(snapshot), want(snapshot), name);
      assert.notEqual(want(snapshot), 0, `${name} is to be told from nothing`);
    }
  });
}
