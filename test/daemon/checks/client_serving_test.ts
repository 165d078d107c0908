import assert from "node:assert/strict";
import test from "node:test";
import { checkErrands, checkHome, checkTold } from "#src/daemon/checks/client/serving.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import type { Journey, Way } from "#src/daemon/host/contract.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { CLIENT_STATES, type ClientView } from "#src/status/snapshot.ts";
import { sampleClient } from "#test/status/sample.ts";
import { clientConfig, fakeHost, REFUSED, sentBy } from "./fake_host.ts";

const NAME = "teredo";

const told = (view: Partial<ClientView> | undefined) =>
  checkTold(view && sampleClient(view)).map(({ name, verdict }) => `${name} ${verdict}`);

const CARRYING = ["qualified", "failing"];
const BESIDE = ["dormant", "relay"];

for (const state of CLIENT_STATES) {
  test(`checkTold() of a client that is ${state}`, () => {
    const want = CARRYING.includes(state)
      ? ["qualified ok", "native ok"]
      : BESIDE.includes(state)
      ? ["qualified ok"]
      : ["qualified fail"];
    assert.deepEqual(told({ state }), want);
    const failed = checkTold(sampleClient({ state })).filter(({ verdict }) => verdict === "fail");
    assert.ok(failed.every(({ mend }) => mend !== undefined && mend !== ""));
  });
}

test("checkTold() of a client without a way out says why, and what mends that", () => {
  const check = (lastChange: ClientView["lastChange"]) =>
    checkTold(sampleClient({ state: "no_ipv4", ...(lastChange && { lastChange }) })).map(
      formatCheck,
    );
  const reason = "bind_address 192.0.2.7 is not on this host";
  assert.deepEqual(check({ reason, mend: "write another", at: new Date(0) }), [
    `FAIL qualified: Without IPv4: ${reason}; mend: write another`,
  ]);
  const [general] = check({ reason: "there is no way out by IPv4", at: new Date(0) });
  assert.match(
    general!,
    /^FAIL qualified: Without IPv4: there is no way out by IPv4; mend: `ip -4/,
  );
});

test("checkTold() notes that native hosts do not answer, which leaves the client ready", () => {
  assert.deepEqual(told({ native: "unreachable" }), ["qualified ok", "native note"]);
  assert.deepEqual(told({ native: "unknown" }), ["qualified ok", "native ok"]);
});

test("checkTold() of a client that starts fails", () => {
  assert.deepEqual(told(undefined), ["qualified fail"]);
});

test("checkErrands() fails where nobody does them any more, with the mend", () => {
  const gone = "names are not looked up any more: the process for it is gone";
  const results = [undefined, { gone: undefined }, { gone }].map((errands) =>
    checkErrands(errands).map(formatCheck)
  );
  assert.deepEqual(results, [
    [],
    ["ok   errands: what is to be looked up or run, is"],
    [`FAIL errands: ${gone}; mend: restart the daemon`],
  ]);
});

interface Case {
  readonly name: string;
  readonly view?: Partial<ClientView>;
  readonly config?: Parameters<typeof clientConfig>[0];
  /** Of packets to our address; to the Internet; the same from our address. */
  readonly ways: readonly [own: Way, any: Way, ours: Way];
  readonly want: readonly string[];
}

const TAKEN: Way = { kind: "taken" };
const HERE = sentBy(NAME);
const ALL_WELL = ["address ok", "route ok", "source_rule ok"];

const cases: readonly Case[] = [
  { name: "that has all", ways: [TAKEN, HERE, HERE], want: ALL_WELL },
  { name: "beside native IPv6", ways: [TAKEN, sentBy("eth0"), HERE], want: ALL_WELL },
  {
    name: "whose address somebody took away",
    ways: [HERE, HERE, HERE],
    want: ["address fail", "route ok", "source_rule ok"],
  },
  {
    name: "whose default route is gone",
    ways: [TAKEN, REFUSED, HERE],
    want: ["address ok", "route fail", "source_rule ok"],
  },
  {
    name: "whose packets leave by another interface",
    ways: [TAKEN, sentBy("eth0"), sentBy("eth0")],
    want: ["address ok", "route ok", "source_rule fail"],
  },
  {
    name: "that is to set up neither route nor rule",
    config: { defaultRoute: false, sourceRouting: false },
    ways: [TAKEN, REFUSED, REFUSED],
    want: ["address ok"],
  },
  {
    name: "that is offline",
    view: { state: "offline" },
    ways: [REFUSED, REFUSED, REFUSED],
    want: [],
  },
  {
    name: "that relays for its host, to which clients' packets come",
    view: { state: "relay" },
    ways: [REFUSED, sentBy(NAME), REFUSED],
    want: ["route ok"],
  },
  {
    name: "that relays for its host, past which another route leads",
    view: { state: "relay" },
    ways: [REFUSED, sentBy("eth0"), REFUSED],
    want: ["route fail"],
  },
  {
    name: "that is dormant",
    view: { state: "dormant" },
    ways: [REFUSED, REFUSED, REFUSED],
    want: [],
  },
];

for (const { name, view, config, ways: [own, any, ours], want } of cases) {
  test(`checkHome() of a client ${name}`, () => {
    const client = sampleClient(view);
    const address = parseIpv6(client.address!)!;
    const way6 = ({ destination, source }: Journey) =>
      Buffer.compare(destination, address) === 0 ? own : source === undefined ? any : ours;
    const host = fakeHost({ way6, hasMetrics: true });
    const results = checkHome(host, clientConfig(config), NAME, client);
    assert.deepEqual(results.map((it) => `${it.name} ${it.verdict}`), want);
  });
}

test("checkHome() of a client that relays for its host wants forwarding where a system takes in nothing without (OpenBSD)", () => {
  const way6 = () => sentBy(NAME);
  for (const forwards of [true, false]) {
    const host = fakeHost({ way6, localNeedsForwarding: true, forwards6: () => forwards });
    const results = checkHome(host, clientConfig(), NAME, sampleClient({ state: "relay" }));
    const verdict = forwards ? "ok" : "fail";
    assert.deepEqual(results.map((it) => `${it.name} ${it.verdict}`), [
      "route ok",
      `forwarding ${verdict}`,
    ]);
  }
});

test("checkHome() before there is an address asks nothing of the kernel", () => {
  const way6 = () => assert.fail("asked");
  assert.deepEqual(checkHome(fakeHost({ way6 }), clientConfig(), NAME, undefined), []);
});
