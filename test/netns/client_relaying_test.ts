import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { PeersDocument, WhyDocument } from "#src/status/peers_document.ts";
import { apart, startClient, statusOf, untilStatus } from "./clients/program.ts";
import { START_PATIENCE, startMiredoClient, startServer, until, writeFile } from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/**
 * A client beside native IPv6 with `when_native = relay`: it relays for its own host (RFC 4380 §5.5), behind
 * a NAT as before, so that clients of either maker and the host reach each other without any other relay.
 */

const NATIVE = "2001:db8:1::7";
const OTHER = "2001:db8:1::8";
const LINES = `servers = ${SERVER_ADDRESS}\nuser = nobody\nwhen_native =`;
const NATS = ["port-restricted", "port-restricted", "restricted", "full-cone"] as const;
const OPTIONS = { timeout: 600_000 };

let lab: Lab;
/** Teredo addresses of those that the host is to reach: ours, then Miredo's. */
const peers: string[] = [];

before(async () => {
  lab = await Lab.create({ nats: NATS });
  await startServer(lab, "teredo");
  const host = startClient(lab, "cli0", `${LINES} relay`);
  const stranger = startClient(lab, "cli3");
  peers.push((await startClient(lab, "cli1")).address);
  peers.push((await startMiredoClient(lab, "cli2")).address);
  await stranger;
  const { client } = await host;
  assert.equal((await statusOf(lab, "cli0")).state, "qualified");
  // Native IPv6 of the host alone, by a link that knows of no relay.
  await lab.sh(
    "core",
    `ip -n core link add cli0-ipv6 type veth peer name native netns cli0
ip -n core link set cli0-ipv6 master ipv6 up
ip -n cli0 link set native up
ip -n cli0 -6 addr add ${NATIVE}/64 dev native nodad
ip -n cli0 -6 route add default via ${HOST_IPV6} dev native`,
  );
  await client.waitForLine(/msg="Native IPv6" .*state=relaying/, START_PATIENCE);
  await client.waitForLine(/msg=Client state=relay /, START_PATIENCE);
}, OPTIONS);

after(() => lab.close(), OPTIONS);

const check = (name: string, run: () => Promise<void>) => test(name, OPTIONS, run);

check(
  "H-01, H-02: a client that relays for its host has no Teredo address, and a route to clients alone",
  async () => {
    // The log may tell of it a moment before the kernel does.
    await until("it has no address, and a route to clients alone", async () => {
      const address = await lab.sh("cli0", "ip -6 addr show dev teredo");
      const routes = await lab.sh("cli0", "ip -6 route show dev teredo; ip -6 route show default");
      return !/2001:/.test(address) && /^2001::\/32 /m.test(routes) &&
        !/default .*teredo/.test(routes);
    });
    await assertPing(lab, "cli0", HOST_IPV6);
  },
);

check(
  "H-03: a client of whom nobody here has heard finds the way to a host that is relayed for, by its own server",
  async () => {
    await assertPing(lab, "cli3", NATIVE);
  },
);

for (const [i, maker] of ["ours", "Miredo's"].entries()) {
  check(
    `H-03, H-04, H-07: a host that is relayed for reaches ${maker} behind a NAT, by its native address`,
    async () => {
      const said = await ping(lab, "cli0", peers[i]!, { count: 10 });
      assert.match(said, /icmp_seq=10 /, said);
      await assertPing(lab, "cli0", peers[i]!, { more: ["-I", NATIVE] });
    },
  );

  check(`H-03: ${maker} behind a NAT reaches a host that is relayed for`, async () => {
    await assertPing(lab, `cli${i + 1}`, NATIVE);
  });
}

check(
  "H-03: a client that relays for its host does so for an address that it is given meanwhile",
  async () => {
    await lab.sh("cli0", `ip -6 addr add ${OTHER}/64 dev native nodad`);
    await until(`${OTHER} answers`, async () => {
      return / 0% packet loss/.test(await ping(lab, "cli3", OTHER, { count: 1 }));
    });
  },
);

check("C-15: clients tell what NAT they are behind by what it lets in", async () => {
  const kinds = { cli1: ["restricted", "dependent"], cli3: ["cone", "endpoint_independent"] };
  for (const [namespace, want] of Object.entries(kinds)) {
    const isKnown = ({ filtering }: { filtering: string }) => filtering !== "unknown";
    const { nat, filtering } = await untilStatus(lab, namespace, "knows its NAT", isKnown);
    assert.deepEqual([nat, filtering], want);
  }
});

check("a client that relays for its host tells of its peers, and why packets pass", async () => {
  const hasAll = ({ peers }: { peers: readonly { path: string; count: number }[] }) =>
    peers.some(({ path, count }) => path === "direct" && count === 3);
  const { state, address } = await untilStatus(lab, "cli0", "has three peers", hasAll);
  assert.deepEqual({ state, address }, { state: "relay", address: undefined });
  const ask = async (...args: string[]) => {
    const { stdout, stderr } = await lab.run("cli0", apart("cli0", ...args, "--json"));
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout);
  };
  const listed = await ask("peers", "client") as PeersDocument;
  const ways = listed.peers.map(({ kind, path }) => `${kind} ${path}`);
  assert.deepEqual(ways, ["client direct", "client direct", "client direct"]);
  const why = await ask("why", "client", peers[0]!) as WhyDocument;
  assert.equal(why.conclusion, "Packets pass both ways.");
  const past = await ask("why", "client", HOST_IPV6) as WhyDocument;
  assert.doesNotMatch(past.conclusion, /do not pass/);
});

check(
  "a reload has a client that relays for its host sleep, and relay again, at once",
  async () => {
    for (const [plan, state] of [["stand_back", "dormant"], ["relay", "relay"]] as const) {
      const conf = `[client]\nstate_file = /run/cli0/state.json\n${LINES} ${plan}\n`;
      await writeFile(lab, "cli0-client.ini", conf);
      const { status, stderr } = await lab.run("cli0", apart("cli0", "reload", "client"));
      assert.equal(status, 0, stderr);
      await untilStatus(lab, "cli0", `is ${state}`, (it) => it.state === state);
      await until(`it has a route, or none, as ${state}`, async () => {
        const routes = await lab.sh("cli0", "ip -6 route show dev teredo");
        return /^2001::\/32 /m.test(routes) === (state === "relay");
      });
    }
    await assertPing(lab, "cli3", NATIVE);
  },
);

check("a client that relayed for its host is a client again when native IPv6 is gone", async () => {
  await lab.sh("cli0", "ip link set native down");
  await untilStatus(lab, "cli0", "is qualified", ({ state }) => state === "qualified");
  // Its helper gives the interface what it has been told of.
  await until("it has its route", async () => {
    const routes = await lab.sh("cli0", "ip -6 route show dev teredo");
    return /^default /m.test(routes);
  });
  await assertPing(lab, "cli0", peers[0]!);
});
