import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { NatKind } from "#src/demo/nat.ts";
import { HOST_IPV6, IPV4_LINK, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { Capture } from "./capture.ts";
import {
  metric,
  script,
  startMiredoClient,
  startRelay,
  startServer,
  teredo,
  until,
  writeFile,
} from "./programs.ts";
import { asked, assertPing, probe } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };

async function withLab(nats: readonly NatKind[], run: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await Lab.create({ nats, checksums: true });
  try {
    await run(lab);
  } finally {
    await lab.close();
  }
}

/** As in a cloud: the server has private addresses, and the provider translates two public ones. */
const CLOUD = `
ip netns add cloud
ip netns add inside
ip -n core link add cloud-ipv4 type veth peer name outer netns cloud
ip -n core link set cloud-ipv4 master ipv4 up
ip -n cloud link set outer up
ip -n cloud address add 198.51.100.3/24 dev outer
ip -n cloud address add 198.51.100.4/24 dev outer
ip -n cloud link add inner type veth peer name ipv4 netns inside
ip -n cloud link set inner up
ip -n cloud address add 10.0.0.1/24 dev inner
ip -n inside link set lo up
ip -n inside link set ipv4 up
ip -n inside address add 10.0.0.3/24 dev ipv4
ip -n inside address add 10.0.0.4/24 dev ipv4
ip -n inside route add default via 10.0.0.1
ip -n core link add inside-ipv6 type veth peer name ipv6 netns inside
ip -n core link set inside-ipv6 master ipv6 up
ip -n inside link set ipv6 up
ip -n inside -6 address add 2001:db8:1::4/64 dev ipv6 nodad
ip -n inside -6 route add default via 2001:db8:1::1
nsenter --net=/run/netns/cloud sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
nsenter --net=/run/netns/cloud nft -f - <<'RULES'
table ip nat {
  chain arrive {
    type nat hook prerouting priority dstnat
    iifname "outer" dnat to ip daddr map { 198.51.100.3 : 10.0.0.3, 198.51.100.4 : 10.0.0.4 }
  }
  chain leave {
    type nat hook postrouting priority srcnat
    oifname "outer" snat to ip saddr map { 10.0.0.3 : 198.51.100.3, 10.0.0.4 : 198.51.100.4 }
  }
}
RULES
`;

const CLOUD_SERVER = `[server]
bind_address = 10.0.0.3
advertised_address = 198.51.100.3
advertised_address2 = 198.51.100.4
`;

test(
  "a server behind 1:1 NAT serves clients under the addresses it advertises",
  OPTIONS,
  () =>
    withLab(["port-restricted", "symmetric"], async (lab) => {
      await lab.sh("core", CLOUD);
      await Promise.all([
        startServer(lab, "teredo", CLOUD_SERVER, "inside"),
        startRelay(lab, "teredo"),
      ]);
      const outcome = await asked(
        () => probe(lab, "cli0", { server: "198.51.100.3" }),
        ({ nat }) => nat === "restricted",
      );
      assert.equal(outcome.failure, undefined);
      assert.equal(outcome.nat, "restricted"); // so that the secondary address answers as well
      const { address } = await startMiredoClient(lab, "cli1", "198.51.100.3");
      assert.match(address, /^2001:0:c633:6403:/);
      await assertPing(lab, "cli1", HOST_IPV6);
      await assertPing(lab, "host6", address);
    }),
);

test(
  "a private bind address without an advertised one is refused, with what to do",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      await lab.sh("core", CLOUD);
      const file = await writeFile(lab, "private.ini", "[server]\nbind_address = 10.0.0.3\n");
      const { status, stderr } = await lab.run("inside", teredo("server", "-c", file));
      assert.notEqual(status, 0);
      assert.match(stderr, /advertised_address|AdvertisedAddress/, stderr);
    }),
);

test(
  "an address that this host lacks is refused, with the line that adds it",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      const conf = "[server]\nbind_address = 198.51.100.2\n"; // 198.51.100.3 would be the secondary
      const file = await writeFile(lab, "missing.ini", conf);
      const { status, stderr } = await lab.run("srv", teredo("server", "-c", file));
      assert.notEqual(status, 0);
      assert.match(stderr, /ip addr(ess)? add 198\.51\.100\.3/, stderr);
    }),
);

test(
  "a secondary address that is not the next one serves a client that is told so",
  OPTIONS,
  () =>
    withLab(["port-restricted"], async (lab) => {
      await lab.sh("srv", "ip address add 198.51.100.9/24 dev ipv4");
      const conf = `[server]
bind_address = ${SERVER_ADDRESS}
bind_address2 = 198.51.100.9
allow_non_consecutive = yes
`;
      await Promise.all([startServer(lab, "teredo", conf), startRelay(lab, "teredo")]);
      const argv = teredo("probe", SERVER_ADDRESS, "--secondary", "198.51.100.9", "--json");
      const ask = async () => JSON.parse((await lab.run("cli0", argv)).stdout).nat;
      assert.equal(await asked(ask, (nat) => nat === "restricted"), "restricted");
    }),
);

test(
  "what is no Teredo, or from a stranger to a stranger, is dropped without a word (S-02, S-08)",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      await startServer(lab, "teredo");
      const capture = await Capture.start(lab, IPV4_LINK);
      const from = lab.sites[0]!.publicAddress;
      const bubble = "6000000000003b00" + "20010db8000000000000000000000001".repeat(2);
      const datagrams = ["00", "0001ffff", bubble];
      const argv = script("udp_peer.ts", from, "40000", SERVER_ADDRESS, "3544", ...datagrams);
      const { stdout } = await lab.run("cli0", argv);
      await capture.stop();
      assert.equal(stdout, "");
      assert.equal(await capture.count(`ip.src == ${SERVER_ADDRESS} && udp`), 0);
      const dropped = `teredo_drops_total{reason="truncated"}`;
      await until("both are counted", async () => await metric(lab, "srv", 9544, dropped) === 2);
    }),
);
