import assert from "node:assert/strict";
import test from "node:test";
import { CheckedHost } from "#src/daemon/client/servers/checked_host.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { FakeClock } from "./fake_clock.ts";

/** A resolver whose answers are given, and what comes of it. */
function house(name: string | undefined) {
  const clock = new FakeClock();
  const dns = new Map<string, readonly string[]>();
  const said: string[] = [];
  const host = new CheckedHost(
    {
      clock,
      lookUp: (asked) => {
        said.push(`? ${asked}`);
        const hosts = dns.get(asked);
        return Promise.resolve(hosts === undefined ? { problem: "EAI_AGAIN" } : { hosts });
      },
      changed: () => said.push(host.address === undefined ? "none" : formatIpv6(host.address)),
      failed: (name, problem) => said.push(`${name}: ${problem}`),
      answered: (name) => said.push(`${name} answered`),
    },
    name,
    SERVICE_PREFIX,
  );
  const take = () => said.splice(0);
  return { clock, dns, host, take };
}

test("CheckedHost: an address needs no question, no name none at all", async () => {
  for (const [name, want] of [["2001:db8::1", "2001:db8::1"], [undefined, undefined]] as const) {
    const { host, take } = house(name);
    await host.ask();
    assert.equal(host.address && formatIpv6(host.address), want);
    assert.deepEqual(take(), []);
  }
});

test("CheckedHost: a name is asked for until it has an answer, which stays while there is no other", async () => {
  const { clock, dns, host, take } = house("a.test");
  await host.ask();
  assert.deepEqual(take(), ["? a.test", "a.test: EAI_AGAIN"]);
  await clock.pass(5_000);
  assert.deepEqual(take(), ["? a.test"], "that it has none is told once");
  dns.set("a.test", ["2001:db8::2", "2001:db8::1"]);
  await clock.pass(10_000);
  assert.deepEqual(take(), ["? a.test", "a.test answered", "2001:db8::1"]);
  dns.set("a.test", ["2001:db8::1", "2001:db8::2"]);
  await host.ask();
  assert.deepEqual(take(), ["? a.test"], "in another order it is no other");
  dns.delete("a.test");
  await host.ask();
  assert.deepEqual(take(), ["? a.test", "a.test: EAI_AGAIN"]);
  assert.equal(formatIpv6(host.address!), "2001:db8::1");
  host.close();
  await clock.pass(600_000);
  assert.deepEqual(take(), []);
});

test("CheckedHost.set() goes to another host, or to none", async () => {
  const { clock, host, take } = house("2001:db8::1");
  host.set("2001:db8::2");
  await clock.pass(0);
  assert.deepEqual(take(), ["none", "2001:db8::2"]);
  host.set("2001:db8::2");
  assert.deepEqual(take(), []);
  host.set(undefined);
  assert.deepEqual(take(), ["none"]);
});

for (
  const address of [
    "2001:0:c000:201::1",
    "::1",
    "fe80::1",
    "ff02::1",
    "fd00::1",
    "::ffff:192.0.2.1",
    "x",
  ]
) {
  test(`CheckedHost takes ${address} for no native host, whoever says so`, async () => {
    const { dns, host, take } = house("a.test");
    dns.set("a.test", [address]);
    await host.ask();
    assert.deepEqual([host.address, take()[1]], [
      undefined,
      "a.test: it has no address of a native host",
    ]);
  });
}
