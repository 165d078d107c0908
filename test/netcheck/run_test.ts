import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { whomToAsk } from "#src/cli/run/netcheck.ts";
import { StartError } from "#src/errors.ts";
import { netcheck, type NetcheckOptions } from "#src/netcheck/run.ts";
import { bind, closed } from "#src/probe/sockets.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { FakeServer, placeOnLoopback } from "./fake_server.ts";

/** Of the loopback interface, and not the one that the kernel would choose. */
const OTHER_ADDRESS = ip4("127.9.9.9");
const PLACE = placeOnLoopback(40);
const OPTIONS: Omit<NetcheckOptions, "bindAddress"> = {
  servers: [PLACE],
  guise: { prefix: SERVICE_PREFIX, refuseReserved: false },
  target: undefined,
  stun: undefined,
  lifetime: 0,
  port: 0,
};

test("netcheck() asks from the client's own address, by which it may pass another NAT", async () => {
  const server = await FakeServer.open(PLACE.primary);
  try {
    const libc = await openLibc();
    const { seen } = await netcheck(libc, { ...OPTIONS, bindAddress: OTHER_ADDRESS });
    assert.equal(seen.local?.address, OTHER_ADDRESS);
    assert.deepEqual(seen.servers.map(({ home }) => home !== undefined), [true]);
  } finally {
    await server.close();
  }
});

test("netcheck() says that the address is not here, and what to do", async () => {
  const libc = await openLibc();
  const missing = netcheck(libc, { ...OPTIONS, bindAddress: ip4("203.0.113.99") });
  await assert.rejects(missing, (error) => {
    assert.ok(error instanceof StartError);
    assert.match(error.message, /^203\.0\.113\.99 is not on this host, .*; .*bind_address/);
    return true;
  });
});

test("netcheck() says that the port is taken, and what to do", async () => {
  const { socket, local } = await bind(OTHER_ADDRESS, 0);
  try {
    const libc = await openLibc();
    const options = { ...OPTIONS, bindAddress: OTHER_ADDRESS, port: local.port };
    await assert.rejects(netcheck(libc, options), (error) => {
      assert.ok(error instanceof StartError);
      const want = `UDP port ${local.port} is in use, perhaps by \`teredo client\`; ` +
        "stop it, or leave out --port";
      assert.equal(error.message, want);
      return true;
    });
  } finally {
    await closed(socket);
  }
});

test("whomToAsk() takes for a client's what its configuration says", () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-netcheck-"));
  try {
    const config = join(folder, "client.ini");
    const text = "[client]\nservers = 192.0.2.1\nbind_address = 203.0.113.99\n" +
      "refuse_reserved = yes\nprefix = 3ffe:831f::/32\n";
    writeFileSync(config, text);
    const { guise, bindAddress } = whomToAsk({ config }, []);
    assert.deepEqual(guise, { prefix: 0x3ffe831f, refuseReserved: true });
    assert.equal(bindAddress, ip4("203.0.113.99"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("whomToAsk() reads no configuration where a server is named", () => {
  const named = [{ host: "192.0.2.1", secondary: undefined }];
  const { guise, bindAddress } = whomToAsk({}, named);
  assert.deepEqual([guise, bindAddress], [{ prefix: SERVICE_PREFIX, refuseReserved: false }, 0]);
});
