import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, type Place, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { type Maker, startRelay, startServer, teredo, until, writeFile } from "./programs.ts";

/**
 * `teredo netcheck` behind every kind of NAT, with a STUN server of somebody else's (Debian's
 * `stun-server`) as the second opinion: what the NAT is must come out of the packets alone.
 */
interface Case {
  readonly name: string;
  readonly place: Place;
  /** Fields of the document. */
  readonly says: Readonly<Record<string, unknown>>;
}

const EIM = { mapping: "endpoint_independent", pooling: "paired" };
const BY_PORT = { filtering: "address_and_port_dependent" };
const APDM = { mapping: "address_and_port_dependent", ...BY_PORT };

const CASES: readonly Case[] = [
  {
    name: "none",
    place: "none",
    says: {
      nat: "none",
      mapping: "none",
      filtering: "endpoint_independent",
      hairpin: "not_needed",
      nested: "no",
    },
  },
  { name: "firewall", place: "firewall", says: { nat: "firewall", mapping: "none", ...BY_PORT } },
  {
    name: "full cone",
    place: "full-cone",
    says: { nat: "cone", ...EIM, filtering: "endpoint_independent", hairpin: "no", nested: "no" },
  },
  {
    name: "full cone with hairpin support",
    place: { nat: "full-cone", hairpin: true },
    says: { nat: "cone", ...EIM, hairpin: "external" },
  },
  {
    name: "address-restricted",
    place: "restricted",
    says: {
      nat: "address_restricted",
      ...EIM,
      filtering: "address_dependent",
      hairpin: "no",
      port_preservation: "yes",
    },
  },
  {
    name: "port-restricted",
    place: "port-restricted",
    says: { nat: "port_restricted", ...EIM, ...BY_PORT, hairpin: "no", port_preservation: "yes" },
  },
  {
    name: "port-restricted with hairpin support",
    place: { nat: "port-restricted", hairpin: true },
    says: { nat: "port_restricted", ...EIM, ...BY_PORT, hairpin: "external" },
  },
  {
    name: "symmetric",
    place: "symmetric",
    says: { nat: "port_symmetric", ...APDM, pooling: "paired", port_preservation: "no" },
  },
  {
    name: "port-preserving symmetric",
    place: "port-preserving",
    says: { nat: "port_preserving_symmetric", ...APDM, port_preservation: "yes" },
  },
  {
    name: "sequential symmetric",
    place: "sequential",
    says: { nat: "sequential_symmetric", ...APDM, port_assignment: "sequential" },
  },
  {
    name: "address-symmetric",
    place: "address-symmetric",
    says: { nat: "address_symmetric", ...BY_PORT, pooling: "arbitrary" },
  },
  {
    name: "a NAT behind a NAT",
    place: { nat: "port-restricted", nested: [{ nat: "port-restricted" }] },
    says: {
      nat: "port_restricted",
      ...EIM,
      nested: "nested",
      hops: ["192.168.2.1", "192.168.1.1"],
    },
  },
];

/** The first client of each place; of the nested one the second, as its outer NAT has one as well. */
const clients = CASES.map((_, i) => `cli${i === CASES.length - 1 ? i + 1 : i}`);

/** Clients at a time: each wants a runtime. */
const AT_ONCE = 4;
const STUN_ADDRESS = "198.51.100.3";
const OTHER_STUN_ADDRESS = "198.51.100.4";

type Document = Readonly<Record<string, unknown>> & {
  readonly servers: readonly Readonly<Record<string, unknown>>[];
};

const outcome = run();
outcome.catch(() => {});

async function run(): Promise<Map<string, Document>> {
  const lab = await Lab.create({ nats: CASES.map(({ place }) => place) });
  try {
    await startServer(lab, "teredo");
    await startRelay(lab, "teredo");
    await startStun(lab);
    const found = new Map<string, Document>();
    const waiting = [...CASES.entries()];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [i, { name }] = next;
        found.set(name, await netcheck(lab, clients[i]!, "2s", "--stun", STUN_ADDRESS));
      }
    }));
    return found;
  } finally {
    await lab.close();
  }
}

/** Two addresses and two ports, as CHANGE-REQUEST wants them. */
async function startStun(lab: Lab): Promise<void> {
  await lab.sh(
    "srv",
    `ip address add ${STUN_ADDRESS}/24 dev ipv4\nip address add ${OTHER_STUN_ADDRESS}/24 dev ipv4`,
  );
  lab.spawn("srv", ["stund", "-h", STUN_ADDRESS, "-a", OTHER_STUN_ADDRESS]);
  await until("stund listens", async () => (await lab.sh("srv", "ss -Hlun sport = :3478")) !== "");
}

async function netcheck(
  lab: Lab,
  client: string,
  time: string,
  ...flags: string[]
): Promise<Document> {
  const argv = teredo("netcheck", SERVER_ADDRESS, "--ping", HOST_IPV6, "--time", time, ...flags);
  const { stdout, stderr } = await lab.run(client, [...argv, "--json"], { timeout: 600_000 });
  assert.notEqual(stdout, "", stderr);
  const document = JSON.parse(stdout) as Document;
  assert.deepEqual(problemsOf(document, "netcheck"), [], stdout);
  return document;
}

for (const { name, says } of CASES) {
  test(`teredo netcheck tells the NAT: ${name}`, { timeout: 600_000 }, async () => {
    const document = (await outcome).get(name)!;
    const told = Object.fromEntries(Object.keys(says).map((key) => [key, document[key]]));
    assert.deepEqual(told, says, JSON.stringify(document));
    assert.equal(document["udp"], "passes");
    assert.equal(document["reachable"], true);
  });
}

/** Seconds that the NAT remembers a mapping that only a server and we used. */
const REMEMBERED = 6;

const aged = age("teredo");
const agedByMiredo = age("miredo");
for (const it of [aged, agedByMiredo]) it.catch(() => {});

async function age(server: Maker): Promise<Document> {
  await outcome.catch(() => {});
  const lab = await Lab.create({ nats: ["port-restricted"] });
  try {
    await startServer(lab, server);
    const timeout = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout";
    await lab.sh("nat0", `echo ${REMEMBERED} > ${timeout}; echo ${REMEMBERED} > ${timeout}_stream`);
    return await netcheck(lab, "cli0", "40s");
  } finally {
    await lab.close();
  }
}

for (const [maker, found] of [["teredo", aged], ["miredo", agedByMiredo]] as const) {
  test(`teredo netcheck measures a mapping's lifetime by ${maker}'s server`, {
    timeout: 600_000,
  }, async () => {
    const { lifetime } = await found as unknown as {
      lifetime: { at_least_seconds: number; below_seconds: number };
    };
    // Conntrack's clock is coarse, and a busy machine answers late: the truth lies between.
    assert.ok(lifetime.at_least_seconds >= 2 && lifetime.at_least_seconds <= REMEMBERED + 1);
    assert.ok(lifetime.below_seconds >= REMEMBERED - 1 && lifetime.below_seconds <= 15);
  });
}

test("teredo netcheck shows the key of the client's configuration", {
  timeout: 600_000,
}, async () => {
  await Promise.allSettled([outcome, aged, agedByMiredo]);
  const lab = await Lab.create({ nats: ["port-restricted"] });
  try {
    const secret = await writeFile(lab, "secret", "alice text:0123456789abcdef\n");
    await lab.sh("core", `chmod 600 ${secret}`);
    const server = `[server]\nbind_address = ${SERVER_ADDRESS}\nsecrets_file = ${secret}\n` +
      "require_authentication = yes\nauthentication_algorithm = sha256\n";
    await startServer(lab, "teredo", server);
    const client = `[client]\nservers = ${SERVER_ADDRESS}\nsecret_file = ${secret}\n` +
      "authentication_algorithm = sha256\n";
    const config = await writeFile(lab, "client.ini", client);
    const ask = async (...args: string[]) => {
      const argv = teredo("netcheck", ...args, "--time=1s", "--json");
      const { stdout, stderr } = await lab.run("cli0", argv, { timeout: 600_000 });
      assert.notEqual(stdout, "", stderr);
      return JSON.parse(stdout) as Document;
    };
    const [known, unknown] = await Promise.all([ask("-c", config), ask(SERVER_ADDRESS)]);
    assert.deepEqual([known["reachable"], unknown["reachable"]], [true, false]);
    const { nat, port_preservation, hairpin, lifetime } = known;
    assert.deepEqual([nat, port_preservation, hairpin, lifetime], [
      "restricted",
      "yes",
      "no",
      { at_least_seconds: 1 },
    ]);
  } finally {
    await lab.close();
  }
});

test("teredo netcheck says that UDP is blocked, that nobody listens, and that there is no way", {
  timeout: 600_000,
}, async () => {
  await Promise.allSettled([outcome, aged, agedByMiredo]);
  const lab = await Lab.create({ nats: ["port-restricted", "none", "none"] });
  try {
    const drop =
      "nft 'add table ip b; add chain ip b f { type filter hook forward priority 0; }; " +
      "add rule ip b f meta l4proto udp drop'";
    await lab.sh("nat0", drop);
    await lab.sh("cli2", "ip link set ipv4 down");
    const ask = async (client: string) => {
      const argv = teredo("netcheck", SERVER_ADDRESS, "--time=0", "--json");
      const { stdout, status } = await lab.run(client, argv, { timeout: 600_000 });
      assert.equal(status, 1);
      return JSON.parse(stdout) as Document;
    };
    const [blocked, refused, cutOff] = await Promise.all(["cli0", "cli1", "cli2"].map(ask));
    assert.equal(blocked!["udp"], "blocked");
    assert.equal(refused!["udp"], "refused");
    assert.equal(cutOff!["udp"], "no_route");
  } finally {
    await lab.close();
  }
});
