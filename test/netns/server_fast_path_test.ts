import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { StatusDocument } from "#src/status/document.ts";
import {
  get,
  metric,
  startMiredoClient,
  startRelay,
  startServer,
  teredo,
  until,
  writeFile,
} from "./programs.ts";
import { asked, assertPing, probe } from "./traffic.ts";

const OPTIONS = { timeout: 600_000 };
const PORT = 9544;

const confOf = (...lines: readonly string[]) =>
  ["[server]", `bind_address = ${SERVER_ADDRESS}`, ...lines, ""].join("\n");
const FORCED = confOf("fast_path = on");

/** What a client sends to server ports and gets from them, counted where nothing of ours is. */
const WITNESS = `nft -f - <<'RULES'
table ip witness {
  chain sent { type filter hook output priority 0; udp dport 3544 counter; }
  chain got { type filter hook input priority 0; udp sport 3544 counter; }
}
RULES`;

async function withLab(
  nats: Parameters<typeof Lab.create>[0]["nats"],
  run: (lab: Lab) => Promise<void>,
  checksums = true,
): Promise<void> {
  const lab = await Lab.create({ nats, checksums });
  try {
    await run(lab);
  } finally {
    await lab.close();
  }
}

async function witnessed(lab: Lab, client: string): Promise<{ sent: number; got: number }> {
  const count = async (chain: string) => {
    const text = await lab.sh(client, `nft list chain ip witness ${chain}`);
    return Number(/counter packets (\d+)/.exec(text)![1]);
  };
  return { sent: await count("sent"), got: await count("got") };
}

const counted = (lab: Lab, name: string) => metric(lab, "srv", PORT, `teredo_${name}`);

async function statusOf(lab: Lab): Promise<StatusDocument> {
  return JSON.parse((await get(lab, "srv", `http://127.0.0.1:${PORT}/status`))!);
}

/** As log, status and metrics are to have it; polled, for the daemon looks once a second. */
async function untilFastPath(lab: Lab, want: "on" | "off", reason?: RegExp): Promise<void> {
  await until(`the fast path is ${want}`, async () => {
    const { state, reason: why } = (await statusOf(lab)).fast_path!;
    if (state !== want || !(reason === undefined || reason.test(why ?? ""))) return false;
    return await counted(lab, "fast_path_active") === Number(want === "on");
  });
}

/** Qualification alone. @returns what the probe tells */
async function qualify(lab: Lab, client: string) {
  const { stdout } = await lab.run(client, teredo("probe", SERVER_ADDRESS, "--json"));
  return JSON.parse(stdout);
}

test(
  "Server with fast_path = on: clients qualify by the kernel, and each datagram is counted once",
  OPTIONS,
  () =>
    withLab(["none", "port-restricted", "symmetric", "full-cone"], async (lab) => {
      await lab.sh("cli0", WITNESS);
      await Promise.all([startServer(lab, "teredo", FORCED), startRelay(lab, "teredo")]);
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      // Who asks twice within a moment is told the same; an answer may come after the probe's end.
      await until("each datagram is counted once", async () => {
        const { sent, got } = await witnessed(lab, "cli0");
        return got >= 2 && // of both addresses
          await counted(lab, "udp_received_datagrams_total") === sent &&
          await counted(lab, "udp_sent_datagrams_total") === got;
      });
      const answered = await counted(lab, "advertisements_sent_total");
      assert.equal(
        await counted(lab, 'fast_path_packets_total{direction="down"}'),
        answered,
        "not one by the threads",
      );
      assert.equal(await counted(lab, "solicitations_received_total"), answered);
      // The way of the rest is as ever: kinds of NAT, bubbles, the first ping by way of the server.
      const wanted = ["restricted", "symmetric"];
      const kinds = await Promise.all(
        ["cli1", "cli2"].map((client, i) =>
          asked(async () => (await probe(lab, client)).nat, (nat) => nat === wanted[i])
        ),
      );
      assert.deepEqual(kinds, wanted);
      const { address } = await startMiredoClient(lab, "cli3");
      assert.match(address, /^2001:0:c633:6401:/);
      await assertPing(lab, "cli3", HOST_IPV6);
      await assertPing(lab, "host6", address);
      const { fast_path, counters } = await statusOf(lab);
      assert.equal(fast_path!.packets.down, counters.advertisements_sent);
      assert.ok(fast_path!.packets.down > answered);
      assert.ok(fast_path!.left_alone["other"]! > 0, "bubbles and echo requests");
    }),
);

test(
  "Server with fast_path = on leaves what a guest's interface was to finish to its threads",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      await startServer(lab, "teredo", FORCED);
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      const { fast_path, counters } = await statusOf(lab);
      assert.ok(counters.advertisements_sent >= 2);
      assert.equal(fast_path!.packets.up, 0);
      assert.equal(fast_path!.left_alone["unfinished_checksum"], counters.advertisements_sent);
    }, false),
);

test(
  "Server killed at once leaves nothing in the kernel that answers",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      const server = await startServer(lab, "teredo", FORCED);
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      server.kill("SIGKILL");
      await server.result;
      assert.notEqual((await qualify(lab, "cli0")).failure, undefined);
      await startServer(lab, "teredo", FORCED);
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
    }),
);

test(
  "Server with fast_path = auto keeps out of the kernel while a chain has rules",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      const rules = (text: string) => lab.sh("srv", `nft -f - <<'RULES'\n${text}\nRULES`);
      await startServer(lab, "teredo", confOf());
      await untilFastPath(lab, "on");
      await rules(
        "table inet t { chain c { type filter hook input priority 0; ip saddr 203.0.113.7 drop; }\n}",
      );
      await untilFastPath(lab, "off", /chain c of table inet t/);
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      assert.equal((await statusOf(lab)).fast_path!.packets.up, 0);
      await rules("flush ruleset");
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      assert.ok((await statusOf(lab)).fast_path!.packets.up > 0);
    }),
);

test(
  "Server follows its addresses, its rules and who watches",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      const file = "/run/srv-server.conf";
      const reload = async (...lines: readonly string[]) => {
        assert.equal(
          await writeFile(lab, "srv-server.conf", confOf("fast_path = on", ...lines)),
          file,
        );
        const { status, stdout, stderr } = await lab.run(
          "srv",
          teredo("reload", "server", "-c", file),
        );
        assert.equal(status, 0, stdout + stderr);
      };
      await startServer(lab, "teredo", FORCED);
      await untilFastPath(lab, "on");

      await lab.sh("srv", "ip address del 198.51.100.2/24 dev ipv4");
      await untilFastPath(lab, "off", /no Ethernet interface that is up has both/);
      await lab.sh("srv", "ip address add 198.51.100.2/24 dev ipv4");
      await untilFastPath(lab, "on");

      await reload("interface_mtu = 1400");
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).mtu_bytes, 1400);

      await lab.sh(
        "srv",
        "printf 'alice text:0123456789abcdef\\n' > /run/secrets; chmod 600 /run/secrets",
      );
      await reload("secrets_file = /run/secrets", "require_authentication = yes");
      await untilFastPath(lab, "off", /require_authentication/);
      assert.notEqual((await qualify(lab, "cli0")).failure, undefined);
      await reload("solicitation_rate = 1", "solicitation_burst = 1");
      await untilFastPath(lab, "on");
      await Promise.all([1, 2, 3].map(() => qualify(lab, "cli0")));
      const { drops, counters, fast_path } = await statusOf(lab);
      assert.ok(drops["rate_limited"]! > 0);
      assert.equal(
        fast_path!.packets.up - fast_path!.packets.down,
        drops["rate_limited"],
        "by the kernel alone",
      );
      assert.equal(
        counters.solicitations_received,
        counters.advertisements_sent + drops["rate_limited"]! + drops["authentication_missing"]!,
      );

      await reload("[log]", "level = debug", "debug_peer = 192.0.2.1");
      await untilFastPath(lab, "off", /somebody watches/);
      const { packets } = (await statusOf(lab)).fast_path!;
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      assert.deepEqual((await statusOf(lab)).fast_path!.packets, packets);
      await reload();
      await untilFastPath(lab, "on");
    }),
);

test(
  "Server that gave up its rights goes on, until what its program is made of changes",
  OPTIONS,
  () =>
    withLab(["none"], async (lab) => {
      await startServer(lab, "teredo", confOf("fast_path = on", "user = nobody"));
      await untilFastPath(lab, "on");
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
      assert.ok((await statusOf(lab)).fast_path!.packets.up > 0);
      await lab.sh("srv", "ip link set ipv4 down; ip link set ipv4 up");
      await untilFastPath(lab, "on");
      await lab.sh(
        "srv",
        "ip link add more type veth peer name less; ip address add 9.9.9.9/24 dev more",
      );
      await lab.sh("srv", "ip link set more up; ip link set less up");
      await untilFastPath(
        lab,
        "off",
        /subnets have changed, and this process may load no programs/,
      );
      assert.equal((await qualify(lab, "cli0")).failure, undefined);
    }),
);
