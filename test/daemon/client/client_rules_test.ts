import assert from "node:assert/strict";
import test from "node:test";
import { clientRules } from "#src/daemon/client/rules.ts";
import type { Standpoint } from "#src/daemon/client/standpoint.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { clientConfig } from "../checks/fake_host.ts";

const ip = (text: string) => parseIpv4(text)!;
const HERE: Standpoint = {
  ownAddresses: [ip("192.168.1.2"), ip("10.0.0.7")],
  subnets: [],
  localAddress: ip("192.168.1.2"),
  gateway: "eth0, 192.168.1.1",
  native: undefined,
};

test("clientRules: ours are the addresses that the socket has: all, or the one it is bound to (C-78)", () => {
  for (
    const [bindAddress, ownAddresses, localAddress] of [
      [0, HERE.ownAddresses, HERE.localAddress],
      [ip("10.0.0.7"), [ip("10.0.0.7")], ip("10.0.0.7")],
    ] as const
  ) {
    const rules = clientRules(
      clientConfig({ bindAddress }),
      HERE,
      [],
      undefined,
      undefined,
      undefined,
    );
    assert.deepEqual(rules.ownAddresses, ownAddresses);
    assert.equal(rules.localAddress, localAddress);
  }
});
