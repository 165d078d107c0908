import assert from "node:assert/strict";
import test from "node:test";
import { askNameServer, nameServersIn } from "#src/daemon/client/apart/resolver.ts";

/** resolv.conf(5): "If no nameserver entries are present, the default is to use the name server on the local machine." */
const LISTS: readonly (readonly [text: string, servers: readonly string[]])[] = [
  ["", ["127.0.0.1"]],
  ["# nameserver 192.0.2.1\nsearch test\n", ["127.0.0.1"]],
  ["nameserver 192.0.2.1\n nameserver\t192.0.2.2 # near\n", ["192.0.2.1", "192.0.2.2"]],
  ["nameserver 192.0.2.1\nnameserver 192.0.2.1\n", ["192.0.2.1"]],
  ["nameserver 2001:db8::1\nnameserver 192.0.2.1\n", ["192.0.2.1"]],
  ["nameserver 2001:db8::1\n", []],
  [
    [1, 2, 3, 4].map((i) => `nameserver 192.0.2.${i}`).join("\n"),
    ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
  ],
];

for (const [text, servers] of LISTS) {
  test(`nameServersIn: ${JSON.stringify(text)} names ${servers.join(", ") || "none of IPv4"}`, () => {
    assert.deepEqual(nameServersIn(text), servers);
  });
}

test("askNameServer: where the socket says that it cannot send the server is a silent one", async () => {
  // Of an empty label no name server has to be asked to know that it is nobody's. RFC 1035 §2.3.1
  assert.equal(await askNameServer("no..body", new Uint8Array(12)), undefined);
});
