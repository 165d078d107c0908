import assert from "node:assert/strict";
import test from "node:test";
import type { Libc } from "#ffi/libc.ts";
import { Counter, DROPS_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";
import { datagram, type Endpoint, open, receiveBy } from "./ends.ts";

/** Turns until an address that was gone is tried again. */
const REST = 1_024;
const HERE = ip4("203.0.113.1");
const GONE = ip4("203.0.113.2");

/** A sender at any address, and calls that it made. */
function sender() {
  let calls = 0;
  const through = (libc: Libc): Libc => {
    const sendmmsg: Libc["call"]["sendmmsg"] = (...args) => {
      calls++;
      return libc.call.sendmmsg(...args);
    };
    return { ...libc, call: { ...libc.call, sendmmsg } as Libc["call"], errno: () => libc.errno() };
  };
  const from = open({ address: 0, through });
  return {
    ...from,
    send: (to: Endpoint, count: number, port = to.port) => {
      const before = calls;
      for (let i = 0; i < count; i++) {
        from.sender.queue(datagram(300, i), 0, 300, HERE, port, GONE);
      }
      from.sender.flush();
      return calls - before;
    },
    other: () => from.counters[Counter.udp_sent_from_other]!,
    failed: () => from.counters[DROPS_AT + Drop.SendFailed]!,
  };
}

/** Where the datagrams came from that have arrived, once that are `count`. */
function sources(to: Endpoint, count: number): number[] {
  return receiveBy(to, count, (i) => to.receiver.address(i));
}

inNamespace(import.meta.filename!, () => {
  sh("ip link set lo up");
  sh("ip address add 203.0.113.1/32 dev lo");
  const add = () => sh("ip address add 203.0.113.2/32 dev lo");
  const remove = () => sh("ip address del 203.0.113.2/32 dev lo");

  for (const count of [1, 3]) {
    test(`UdpSender sends from another address when one is taken off, ${count} at once`, () => {
      add();
      const [from, to] = [sender(), open({ address: HERE })];
      from.send(to, count);
      assert.deepEqual(sources(to, count), Array(count).fill(GONE));
      remove();
      assert.ok(from.send(to, count) > 1, "it was tried");
      assert.deepEqual(sources(to, count), Array(count).fill(HERE));
      assert.equal(from.send(to, count), 1, "it is not tried again");
      assert.deepEqual(sources(to, count), Array(count).fill(HERE));
      assert.equal(from.other(), 2 * count);
      add();
      for (let i = 0; i < REST; i++) from.send(from, 1);
      from.send(to, count);
      assert.deepEqual(sources(to, count), Array(count).fill(GONE), "it has come back");
      assert.equal(from.failed(), 0);
      remove();
      for (const it of [from, to]) it.close();
    });
  }

  test("UdpSender takes no address for gone when it is the datagram that is refused", () => {
    add();
    const [from, to] = [sender(), open({ address: HERE })];
    from.send(to, 1, 0); // EINVAL
    from.send(to, 3, 0);
    assert.equal(from.failed(), 4);
    from.send(to, 1);
    assert.deepEqual(sources(to, 1), [GONE]);
    assert.equal(from.other(), 0);
    remove();
    for (const it of [from, to]) it.close();
  });

  test("UdpSender bound to an address that is taken off sends again when it is back", () => {
    add();
    const [from, to] = [open({ address: GONE }), open({ address: HERE })];
    const send = (count: number) => {
      from.sender.queue(datagram(300, 1), 0, 300, HERE, to.port, 0);
      from.sender.flush();
      return sources(to, count);
    };
    assert.deepEqual(send(1), [GONE]);
    remove();
    assert.deepEqual(send(0), []);
    assert.equal(from.counters[DROPS_AT + Drop.SendFailed], 1);
    add();
    assert.deepEqual(send(1), [GONE]);
    remove();
    for (const it of [from, to]) it.close();
  });

  test("UdpSender without any address counts what it cannot send", () => {
    const [from, to] = [sender(), open({ address: HERE })];
    sh("ip address flush dev lo");
    from.send(to, 3);
    assert.equal(from.failed(), 3);
    assert.equal(from.other(), 0);
    sh("ip address add 203.0.113.1/32 dev lo");
    from.send(to, 3);
    assert.deepEqual(sources(to, 3), [HERE, HERE, HERE]);
    for (const it of [from, to]) it.close();
  });
});
