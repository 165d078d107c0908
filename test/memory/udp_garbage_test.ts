import assert from "node:assert/strict";
import test from "node:test";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { LOOPBACK, moments, open } from "#test/datapath/udp/ends.ts";
import { allocationOf } from "./allocation.ts";

const BATCH = 32;
const CHUNK = 100 * BATCH;
const LENGTH = 100;
/** An object in every other datagram, as those that are copied are, shows. */
const OBJECTS_PER_DATAGRAM = 0.25;
/** Until all code is compiled, which a busy machine puts off. */
const ATTEMPTS = 12;

for (const joins of [false, true]) {
  test(`UdpSender and UdpReceiver leave no garbage, ${joins ? "runs" : "single datagrams"}`, async () => {
    const [from, to] = [open({ joins }), open({ gro: joins })];
    const outside = new Uint8Array(LENGTH).fill(1); // a server's answers and bubbles: copied
    const at = from.arena.take(LENGTH); // what is passed on: sent from where it lies
    let sent = 0;
    let received = 0;
    const round = () => {
      for (let i = 0; i < BATCH; i += 2) {
        from.sender.queue(outside, 0, LENGTH, LOOPBACK, to.port, 0);
        from.sender.queue(from.arena.u8, at, LENGTH, LOOPBACK, to.port, 0);
      }
      from.sender.flush();
      sent += BATCH;
      take();
    };
    const take = () => {
      const udp = to.receiver;
      const count = udp.receive();
      for (let i = 0; i < count; i++) {
        received += udp.segmentSize(i) === 0 ? 1 : udp.length(i) / udp.segmentSize(i);
        if (udp.address(i) !== LOOPBACK || udp.port(i) !== from.port) received = NaN;
        udp.local(i);
      }
      udp.overflowsBefore(0);
      udp.release(count);
    };
    for (let attempt = 1;; attempt++) {
      const { objects } = await allocationOf(() => {
        for (let i = 0; i < CHUNK; i += BATCH) round();
      });
      if (objects < CHUNK * OBJECTS_PER_DATAGRAM) break;
      assert.ok(attempt < ATTEMPTS, `${objects} objects for ${CHUNK} datagrams`);
    }
    for (const more = moments(); received < sent && more();) take();
    assert.equal(received, sent);
    assert.equal(from.counters[Counter.udp_sent_datagrams], sent);
    assert.equal(from.counters[DROPS_AT + Drop.SendQueueFull], 0);
    for (const it of [from, to]) it.close();
  });
}
