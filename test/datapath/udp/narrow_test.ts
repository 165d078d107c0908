import assert from "node:assert/strict";
import test from "node:test";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { open, receive, send } from "./ends.ts";

inNamespace(import.meta.filename!, () => {
  test("UdpSender sends one by one what is too long to be cut up for its way out", () => {
    sh("ip link set lo mtu 1280 up");
    const [from, to] = [open(), open()];
    const lengths = Array(9).fill(1280); // with IPv4 and UDP headers each one is two fragments
    send(from, to, lengths);
    const got = receive(to, lengths.length);
    assert.deepEqual(got.flatMap((slot) => slot.lengths), lengths);
    assert.deepEqual(got.flatMap((slot) => slot.marks), lengths.map((_, i) => i));
    assert.equal(from.counters[Counter.udp_sent_datagrams], lengths.length);
    assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 0);
    assert.equal(from.sender.isSegmentRefused, false, "another way out may be wider");
    for (const it of [from, to]) it.close();
  });
});
