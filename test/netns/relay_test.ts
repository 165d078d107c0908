import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Lab } from "#src/demo/lab.ts";
import {
  HOST_IPV6,
  IPV4_LINK,
  RELAY_ADDRESS,
  RELAY_IPV6,
  SERVER_ADDRESS,
} from "#src/demo/topology.ts";
import { writeEchoRequest } from "#src/protocol/client/messages/echo.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { Capture } from "./capture.ts";
import {
  metric,
  RELAY_PORT,
  script,
  startMiredoClient,
  startRelay,
  startServer,
  until,
  wait,
} from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };
const SECOND_ADDRESS = "198.51.100.51";
const LATER_IPV6 = "2001:db8:1::22";

let lab: Lab;
/** Teredo address of Miredo's client in cli0, behind a port-restricted NAT. */
let client: string;

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted", "none"], checksums: true });
  await lab.sh("rly", `ip address add ${SECOND_ADDRESS}/24 dev ipv4`);
  await Promise.all([startServer(lab, "teredo"), startRelay(lab, "teredo")]);
  client = (await startMiredoClient(lab, "cli0")).address;
});

after(() => lab.close());

test(
  "the relay opens the way to a client that has never spoken to it, first packet included",
  OPTIONS,
  async () => {
    await assertPing(lab, "host6", client);
  },
);

test(
  "a packet larger than the tunnel is answered by Packet Too Big with MTU 1280 (R-31)",
  OPTIONS,
  async () => {
    const said = await ping(lab, "host6", client, { count: 3, more: ["-s", "1400", "-M", "do"] });
    assert.match(said, /mtu[:=] ?1280/i, said);
    // Having learnt it, the host cuts the packet up, and the client puts it together again; on a busy
    // machine its Miredo may miss a piece.
    const cut = await ping(lab, "host6", client, { count: 3, more: ["-s", "1400"] });
    assert.match(cut, / [1-3] received/, cut);
    await assertPing(lab, "host6", client, { count: 3, more: ["-s", "1232", "-M", "do"] });
  },
);

test(
  "a hop limit that runs out is answered by Time Exceeded, from either side (R-32)",
  OPTIONS,
  async () => {
    // An error ends it as an answer does.
    const more = ["-t", "1", "-W", "60"];
    const down = await ping(lab, "host6", client, { count: 1, more });
    assert.match(down, new RegExp(`From ${RELAY_IPV6} .*Hop limit`), down);
    const up = await ping(lab, "cli0", HOST_IPV6, { count: 1, more });
    assert.match(up, new RegExp(`From ${RELAY_IPV6} .*Hop limit`), up);
    await assertPing(lab, "cli0", HOST_IPV6, { count: 1, more: ["-t", "2"] });
  },
);

test("the kernel counts what passes the interface, and /metrics agrees", OPTIONS, async () => {
  // The fast path's programs stand before the interface, which counts what they leave alone.
  const theirs = async () => {
    const json = await lab.sh("rly", "ip -s -j link show dev teredo");
    const { rx, tx } = JSON.parse(json)[0].stats64;
    const fast = (direction: string) =>
      metric(lab, "rly", 9545, `teredo_fast_path_packets_total{direction="${direction}"}`);
    return { received: rx.packets + await fast("up"), sent: tx.packets + await fast("down") };
  };
  const ours = async () => ({
    received: await metric(lab, "rly", 9545, "teredo_ipv6_sent_packets_total"),
    sent: await metric(lab, "rly", 9545, "teredo_ipv6_received_packets_total"),
  });
  const before = await ours();
  await assertPing(lab, "cli0", HOST_IPV6, { count: 10 });
  await until("all ten are counted", async () => {
    const { received, sent } = await ours();
    return received >= before.received + 10 && sent >= before.sent + 10;
  });
  // What passed in the kernel is taken in once a second, maybe between one reading and the next.
  let [one, other] = [await ours(), await theirs()];
  for (let i = 0; i < 10 && !isDeepStrictEqual(one, other); i++) {
    await wait(1_000);
    [one, other] = [await ours(), await theirs()];
  }
  assert.deepEqual(one, other);
});

test(
  "the outer header has DF clear and ECN 0 whatever the inner one says (R-30, RFC 9601)",
  OPTIONS,
  async () => {
    const capture = await Capture.start(lab, IPV4_LINK);
    for (const trafficClass of ["1", "2", "3"]) {
      const options = { count: 1, more: ["-Q", trafficClass] };
      for (let i = 0; i < 2; i++) await assertPing(lab, "host6", client, options);
    }
    await capture.stop();
    const ours = `ip.src == ${RELAY_ADDRESS} && teredo`;
    const fields = ["ip.flags.df", "ip.dsfield", "ipv6.tclass.ecn"];
    const seen = (await capture.read(`${ours} && icmpv6.type == 128`, fields)).map((line) =>
      line.split("\t")
    );
    assert.equal(seen.length, 6);
    for (const [df, outer] of seen) {
      assert.ok(df === "0" || df === "False", `DF ${df}`);
      assert.equal(Number(outer), 0);
    }
    // The inner one is nobody's business: it passes as it is.
    assert.deepEqual(seen.map(([, , inner]) => Number(inner)), [1, 1, 2, 2, 3, 3]);
  },
);

/** An echo request from the public client's own mapping. */
function publicEcho(port: number): string {
  const source = toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: parseIpv4(SERVER_ADDRESS)!,
    flags: 0,
    mappedAddress: parseIpv4(lab.sites[1]!.publicAddress)!,
    mappedPort: port,
  });
  const bytes = new Uint8Array(56);
  const target = parseIpv6(HOST_IPV6)!;
  writeEchoRequest(bytes, 0, {
    source,
    target,
    identifier: 1,
    sequence: 1,
    data: new Uint8Array(8),
  });
  return Buffer.from(bytes).toString("hex");
}

test("replies leave from the address that the peer wrote to, one of several", OPTIONS, async () => {
  const port = 40_001;
  const echo = publicEcho(port);
  const from = lab.sites[1]!.publicAddress;
  const argv = script(
    "udp_peer.ts",
    from,
    `${port}`,
    SECOND_ADDRESS,
    `${RELAY_PORT}`,
    ...Array<string>(30).fill(echo),
    "until",
    " .{80}8100", // an echo reply
  );
  const { stdout } = await lab.run("cli1", argv);
  // The first bubble comes by way of the server, from the server's own address.
  const lines = stdout.trim().split("\n").map((line) => line.split(" "))
    .filter(([sender]) => sender !== `${SERVER_ADDRESS}:3544`);
  const senders = new Set(lines.map(([sender]) => sender));
  assert.deepEqual([...senders], [`${SECOND_ADDRESS}:${RELAY_PORT}`], stdout);
  // A bubble that asks who it is, then answers to the requests that came after it had said so.
  assert.ok(lines.some(([, hex]) => hex!.length === 80), stdout);
  assert.ok(lines.some(([, hex]) => hex!.slice(80, 84) === "8100"), stdout);
});

test(
  "RelayType restricted sends a direct bubble beside each indirect one (R-13)",
  OPTIONS,
  async () => {
    const other = await Lab.create({ nats: ["port-restricted"], checksums: true });
    try {
      const conf = `RelayType restricted\nInterfaceName teredo\nBindPort ${RELAY_PORT}\n`;
      await Promise.all([startServer(other, "teredo"), startRelay(other, "teredo", conf)]);
      const { address } = await startMiredoClient(other, "cli0");
      const capture = await Capture.start(other, IPV4_LINK);
      await assertPing(other, "host6", address);
      await capture.stop();
      const bubbles = await capture.read(
        `ip.src == ${RELAY_ADDRESS} && teredo && ipv6.nxt == 59`,
        ["ip.dst"],
      );
      assert.deepEqual(bubbles.sort(), ["198.51.100.1", "198.51.100.20"]);
      assert.deepEqual(await capture.complaints(`ip.src == ${RELAY_ADDRESS}`), []);
    } finally {
      await other.close();
    }
  },
);

test("a relay on the very host serves that host alone (H-01, H-02, H-03)", OPTIONS, async () => {
  const other = await Lab.create({ nats: ["port-restricted", "symmetric"] });
  try {
    await other.sh(
      "core",
      [
        "ip -n core link add host6-ipv4 type veth peer name ipv4 netns host6",
        "ip -n core link set host6-ipv4 master ipv4 up",
      ].join("\n"),
    );
    await other.sh(
      "host6",
      [
        "ip link set ipv4 up && ip address add 198.51.100.60/24 dev ipv4",
        "ip -6 route del 2001::/32",
        `ip -6 route add default via ${RELAY_IPV6}`,
      ].join("\n"),
    );
    const conf = "[relay]\ninterface_name = teredo\nserved = self\n";
    await Promise.all([startServer(other, "teredo"), startRelay(other, "teredo", conf, "host6")]);
    for (const { client } of other.sites) {
      const { address } = await startMiredoClient(other, client);
      await assertPing(other, client, HOST_IPV6);
      await assertPing(other, "host6", address);
    }
    // Nor has it to be started again for an address that the host gets later. RFC 4380 §5.5
    await other.sh("host6", `ip -6 address add ${LATER_IPV6}/128 dev ipv6 nodad`);
    await until("the later address is served", async () => {
      const said = await ping(other, "cli0", LATER_IPV6, { count: 1 });
      return / 0% packet loss/.test(said);
    }, 60_000);
    // Another host's packets are not its business, even where something hands them over.
    await other.sh("host6", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    const refused = await ping(other, "cli0", RELAY_IPV6, { count: 2 });
    assert.match(refused, /100% packet loss/);
  } finally {
    await other.close();
  }
});
