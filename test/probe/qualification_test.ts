import assert from "node:assert/strict";
import test from "node:test";
import { ProbeClient } from "#src/probe/client.ts";
import type { ProbeOptions } from "#src/probe/contract.ts";
import { narrate } from "#src/probe/narrate.ts";
import { flagsOf, RANDOM_FLAGS } from "#src/protocol/wire/teredo_address.ts";
import { concat, fixChecksum, origin } from "#test/protocol/packets.ts";
import {
  CLIENT,
  CLIENT_PORT,
  fromHex,
  SECONDARY_SERVER,
  SERVER,
  toHex,
  vector,
} from "#test/protocol/vectors.ts";
import { OPTIONS, ProbeBench, withNonce } from "./bench.ts";

test("ProbeClient.start() solicits with cone bit 0 and a nonce from its own address (C-10, C-11, C-13, R3)", () => {
  const bench = new ProbeBench();
  assert.deepEqual(bench.sent, [{
    hex: toHex(vector("R3")),
    to: SERVER,
    port: 3544,
    at: 1_000,
    socket: "own",
  }]);
});

test("ProbeClient.tick() solicits three times, 4 s apart, then says the server is silent (C-11)", () => {
  const bench = new ProbeBench();
  for (let i = 0; i < 3; i++) bench.expire();
  assert.deepEqual(bench.sent.map((sent) => sent.at), [1_000, 5_000, 9_000]);
  assert.deepEqual(bench.all("failed"), [{ kind: "failed", failure: "server-silent" }]);
  assert.equal(bench.client.deadline, Infinity);
});

test("ProbeClient.receive() takes a valid advertisement and goes on to the cone test (C-12, C-14, M3)", () => {
  const bench = new ProbeBench();
  bench.now += 20;
  bench.advertise(vector("M3"));
  const mapped = { address: CLIENT, port: CLIENT_PORT };
  assert.deepEqual(bench.all("advertised"), [
    { kind: "advertised", step: "primary", from: SERVER, mapped, mtu: 1280, rtt: 20 },
  ]);
  assert.equal(bench.last.hex, toHex(withNonce(vector("R1"))));
  assert.equal(bench.last.to, SERVER);
});

test("ProbeClient.receive() accepts an advertisement without an MTU option (P7, M4)", () => {
  const bench = new ProbeBench();
  bench.advertise(withNonce(vector("M4")));
  assert.equal(bench.all("advertised")[0]?.mtu, 1280);
});

/** M3 with its ICMPv6 part changed and its checksum made right again. */
function changed(change: (icmp: Uint8Array, ipv6: Uint8Array) => void): Uint8Array {
  const b = vector("M3");
  const ipv6 = b.subarray(21);
  change(ipv6.subarray(40), ipv6);
  fixChecksum(b, 21);
  return b;
}

/** M3 with more options at its end. */
function appended(options: Uint8Array): Uint8Array {
  const b = concat(vector("M3"), options);
  b[21 + 5] = 56 + options.length;
  return fixChecksum(b, 21);
}

const prefixOption = vector("M3").slice(21 + 40 + 16, 21 + 40 + 48);

const refused: { name: string; b: Uint8Array; from?: number; reason: RegExp }[] = [
  { name: "without nonce (C-13, M2)", b: vector("M2"), reason: /repeat our nonce/ },
  {
    name: "with one nonce octet changed (C-13, N11)",
    b: vector("M3").with(11, 9),
    reason: /nonce is not ours/,
  },
  {
    name: "without origin indication (C-12, N10)",
    b: withNonce(vector("M2").slice(8)),
    reason: /no origin/,
  },
  {
    name: "with two prefix options (C-12, N10)",
    b: appended(prefixOption),
    reason: /number of prefix/,
  },
  {
    name: "without prefix option (C-12)",
    b: changed((icmp) => void (icmp[16] = 200)),
    reason: /number of prefix/,
  },
  {
    name: "with another server's prefix (C-12, N10)",
    b: changed((icmp) => void (icmp[16 + 23]! ^= 1)),
    reason: /not this server's/,
  },
  {
    name: "to another link-local address (C-12, N10)",
    b: changed((_, ipv6) => void (ipv6[39]! ^= 1)),
    reason: /not our link-local/,
  },
  {
    name: "for the cone step in the first one (C-12, M1)",
    b: withNonce(vector("M1")),
    reason: /not our link-local/,
  },
  {
    name: "from a source that is not link-local (C-12)",
    b: changed((_, ipv6) => void (ipv6[8] = 0x20)),
    reason: /not link-local/,
  },
  {
    name: "with hop limit 254 (C-12)",
    b: changed((_, ipv6) => void (ipv6[7] = 254)),
    reason: /hop limit/,
  },
  { name: "with code 1 (C-12)", b: changed((icmp) => void (icmp[1] = 1)), reason: /code/ },
  { name: "with a wrong checksum (C-12)", b: vector("M3").with(63, 0), reason: /checksum/ },
  {
    name: "with an option of length 0 (C-12)",
    b: changed((icmp) => void (icmp[17] = 0)),
    reason: /option's length/,
  },
  {
    name: "with an option past the end (C-12)",
    b: changed((icmp) => void (icmp[49] = 2)),
    reason: /option's length/,
  },
  {
    name: "with an MTU below IPv6's least (C-12)",
    b: changed((icmp) => icmp.set([0, 0, 4, 0xff], 52)),
    reason: /MTU is wrong/,
  },
  {
    name: "from another address than was asked (C-12)",
    b: vector("M3"),
    from: SECONDARY_SERVER,
    reason: /not from the address/,
  },
];

for (const { name, b, from, reason } of refused) {
  test(`ProbeClient.receive() ignores an advertisement ${name}`, () => {
    const bench = new ProbeBench();
    bench.advertise(b, from);
    assert.equal(bench.sent.length, 1);
    assert.match(bench.all("ignored")[0]?.reason ?? "", reason);
  });
}

test("ProbeClient.receive() ignores an advertisement from another port", () => {
  const bench = new ProbeBench();
  bench.receive(vector("M3"), SERVER, 3545);
  assert.equal(bench.sent.length, 1);
});

test("ProbeClient.receive() survives every cut of an advertisement (C-20, N8)", () => {
  const whole = vector("M3");
  const bench = new ProbeBench();
  for (let length = 0; length < whole.length; length++) bench.advertise(whole.slice(0, length));
  assert.equal(bench.sent.length, 1);
  assert.equal(bench.all("ignored").length, whole.length);
});

test("ProbeClient.receive() fails on a confirmation that asks for a new key (C-13, H2)", () => {
  const bench = new ProbeBench();
  bench.advertise(concat(vector("H2"), vector("M2")));
  assert.deepEqual(bench.all("failed"), [{ kind: "failed", failure: "key-refused" }]);
});

test("ProbeClient.receive() fails on a mapped address that is not global (C-14)", () => {
  const bench = new ProbeBench();
  const rest = vector("M2").slice(8);
  bench.advertise(withNonce(concat(origin(0xc0a80102, 40_000), rest)));
  assert.deepEqual(bench.all("failed"), [{ kind: "failed", failure: "mapping-not-global" }]);
});

test("ProbeClient asks the secondary address last, and that three times (C-15)", () => {
  const bench = new ProbeBench();
  bench.advertise(vector("M3"));
  for (let i = 0; i < 2 + 3; i++) bench.expire();
  const steps = bench.all("solicited").map(({ to, cone }) => [to, cone]);
  assert.deepEqual(steps, [
    [SERVER, false],
    [SERVER, true],
    [SERVER, true],
    [SECONDARY_SERVER, false],
    [SECONDARY_SERVER, false],
    [SECONDARY_SERVER, false],
  ]);
  assert.equal(bench.all("qualified")[0]?.nat, "unknown");
});

const otherPort = concat(vector("H1"), origin(CLIENT, CLIENT_PORT + 1), vector("M2").slice(8));
const mappedAsLocal: Partial<ProbeOptions> = {
  local: { address: CLIENT, port: CLIENT_PORT },
  coneLocal: { address: CLIENT, port: CLIENT_PORT },
  ownAddresses: [CLIENT],
};

const nats: {
  nat: string;
  options?: Partial<ProbeOptions>;
  cone: boolean;
  secondary: Uint8Array;
}[] = [
  { nat: "cone", cone: true, secondary: vector("M3") },
  { nat: "restricted", cone: false, secondary: vector("M3") },
  { nat: "symmetric", cone: false, secondary: otherPort },
];

for (const { nat, options, cone, secondary } of nats) {
  test(`ProbeClient tells a NAT that is ${nat} (C-15)`, () => {
    const bench = new ProbeBench(options);
    bench.advertise(vector("M3"));
    if (cone) bench.admit(withNonce(vector("M1")));
    else for (let i = 0; i < 2; i++) bench.expire();
    bench.advertise(secondary, SECONDARY_SERVER);
    assert.equal(bench.all("qualified")[0]?.nat, nat);
  });
}

/** An advertisement to the link-local address of a client whose local address is its mapped one. */
function toPublicClient(id: "M1" | "M2"): Uint8Array {
  const b = vector(id);
  b.set(vector(id === "M1" ? "A1" : "A2").slice(8), 8 + 24 + 8);
  return withNonce(fixChecksum(b, 8));
}

for (const [nat, answered] of [["none", true], ["firewall", false]] as const) {
  test(`ProbeClient tells that there is no NAT: ${nat} (C-15)`, () => {
    const bench = new ProbeBench(mappedAsLocal);
    bench.advertise(toPublicClient("M2"));
    if (answered) bench.admit(toPublicClient("M1"));
    else for (let i = 0; i < 2; i++) bench.expire();
    bench.advertise(toPublicClient("M2"), SECONDARY_SERVER);
    assert.equal(bench.all("qualified")[0]?.nat, nat);
  });
}

const deaf: { name: string; options?: Partial<ProbeOptions>; cone: boolean; nat: string }[] = [
  { name: "behind a NAT", cone: false, nat: "unknown" },
  { name: "behind a NAT that lets strangers in", cone: true, nat: "cone" },
  { name: "without NAT", options: mappedAsLocal, cone: false, nat: "none-or-firewall" },
  { name: "without NAT, and strangers come in", options: mappedAsLocal, cone: true, nat: "none" },
];

for (const { name, options, cone, nat } of deaf) {
  test(`ProbeClient concludes nothing from a silent secondary address: ${name} (C-15)`, () => {
    const bench = new ProbeBench(options);
    const isPublic = options !== undefined;
    bench.advertise(isPublic ? toPublicClient("M2") : vector("M3"));
    if (cone) bench.admit(isPublic ? toPublicClient("M1") : withNonce(vector("M1")));
    else for (let i = 0; i < 2; i++) bench.expire();
    for (let i = 0; i < 3; i++) bench.expire();
    const [qualified] = bench.all("qualified");
    assert.equal(qualified?.nat, nat);
    const text = bench.events.map(narrate).join("\n");
    assert.doesNotMatch(text, isPublic ? /kind|but a firewall/ : /none/, text);
  });
}

test("ProbeClient asks for a stranger's packet by a socket, so a mapping, of its own (C-15)", () => {
  const bench = new ProbeBench();
  bench.advertise(vector("M3"));
  for (let i = 0; i < 2; i++) bench.expire();
  assert.deepEqual(bench.sent.map(({ socket }) => socket), ["own", "cone", "cone", "own"]);
});

test("ProbeClient takes an advertisement for none that comes by the other socket (C-12)", () => {
  const bench = new ProbeBench();
  bench.receive(vector("M3"), SERVER, 3544, "cone");
  assert.equal(bench.all("advertised").length, 0);
  bench.advertise(vector("M3"));
  bench.advertise(withNonce(vector("M1")), SECONDARY_SERVER);
  assert.equal(bench.all("advertised").length, 1);
});

test("ProbeClient builds its address from the mapping, with cone bit 0 (C-16, A2)", () => {
  const bench = new ProbeBench();
  bench.qualify();
  assert.equal(toHex(bench.all("qualified")[0]!.address), toHex(vector("A2")));
});

test("ProbeClient lets only the 12 random flag bits of RFC 5991 vary (C-16)", () => {
  const bench = new ProbeBench();
  const sink = { sendDatagram() {}, report: bench.events.push.bind(bench.events) };
  const ones = (b: Uint8Array) => void b.fill(0xff);
  const client = new ProbeClient({ ...OPTIONS, target: undefined }, sink, ones);
  client.start(0);
  const answer = vector("M3");
  answer.set(fromHex("ffffffffffffffff"), 4);
  client.receive(answer, 0, answer.length, SERVER, 3544, 1);
  while (!client.finished) client.tick(client.deadline);
  assert.equal(flagsOf(bench.all("qualified")[0]!.address, 0), RANDOM_FLAGS);
});

test("ProbeClient finishes once qualified when there is nothing to ping", () => {
  const bench = new ProbeBench({ target: undefined });
  bench.qualify();
  assert.equal(bench.client.finished, true);
  assert.equal(bench.all("finished").length, 1);
});
