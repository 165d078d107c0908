import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { SharedState } from "#src/datapath/shared.ts";
import { superviseThread, type ThreadHooks, Wake } from "#src/datapath/supervise.ts";
import { openUdpSocket } from "#src/datapath/udp_socket.ts";
import { SERVICE_PREFIX } from "#src/protocol/teredo_address.ts";

const LOOPBACK = 0x7f000001;
const libc = await openLibc();

/** A server's thread on loopback sockets of any port. */
function startThread(hooks: ThreadHooks) {
  const arena = new Arena(libc, 65_536);
  const wake = new Wake(libc, arena);
  const open = () => openUdpSocket(libc, arena, { address: LOOPBACK, port: 0, buffer: 65_536 }).fd;
  const shared = new SharedState();
  const options = {
    prefix: SERVICE_PREFIX,
    serverAddress: LOOPBACK,
    secondaryAddress: LOOPBACK,
    ownAddresses: [LOOPBACK],
    mtu: 1280,
    refuseReserved: false,
    requireAuthentication: false,
    secrets: [],
    solicitationRate: 0,
    solicitationBurst: 1,
    icmpMaxLength: 88,
  };
  // The thread never gets to send natively, so any descriptor stands in for the raw socket.
  const descriptors = { primary: open(), secondary: open(), ipv6: open(), wake: wake.fd };
  const data = {
    role: "server",
    shared: shared.buffer,
    descriptors,
    options,
    algorithm: "sha1",
  } as const;
  return superviseThread(data, shared, wake, {
    stopping: hooks.stopping,
    ended: () => {
      for (const fd of Object.values(descriptors)) libc.call.close(fd);
      arena.close();
      hooks.ended();
    },
  });
}

test("Datapath.stop() ends the thread, also when what comes before it fails", async () => {
  for (const failure of [undefined, new Error("no answer from the kernel")]) {
    const told: string[] = [];
    const datapath = await startThread({
      stopping: () => {
        told.push("stopping");
        if (failure !== undefined) throw failure;
      },
      ended: () => told.push("ended"),
    });
    const stopped = datapath.stop();
    if (failure === undefined) await stopped;
    else await assert.rejects(stopped, failure);
    assert.deepEqual(told, ["stopping", "ended"]);
    await datapath.ended;
    await datapath.stop(); // once more does no harm
    assert.deepEqual(told, ["stopping", "ended"]);
  }
});
