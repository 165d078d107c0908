import { openLibc } from "#ffi/open.ts";
import { RELAY_ADDRESS, SECONDARY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { RELAY_PORT } from "#test/netns/programs.ts";
import { type Ipv4Endpoint, RawIpv4 } from "#test/netns/raw_ipv4.ts";
import { addressBytes, ip4, teredo } from "#test/protocol/packets.ts";
import { fromHex, SERVER, VECTORS } from "#test/protocol/vectors.ts";
import { Prng } from "#test/sim/prng.ts";
import { Choices } from "../engine/choices.ts";
import { keptFile, readInputs } from "../engine/corpus.ts";
import { Mutator } from "../engine/mutate.ts";
import { target } from "../targets/datagram.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/**
 * A program of its own, run inside a namespace: sends datagrams to relay and server, of any source.
 *
 *     SEED DATAGRAMS DATAGRAMS-A-SECOND
 *
 * Half of them are kept inputs changed, half are made of parts and damaged. Prints how many were sent.
 */
const [seed, datagrams, rate] = process.argv.slice(2).map(Number) as [number, number, number];
/** Milliseconds of the rate that are sent at once. */
const AT_ONCE = 5;
const LONGEST = 1_400;

const RELAY = { address: ip4(RELAY_ADDRESS), port: RELAY_PORT };
const PRIMARY = { address: ip4(SERVER_ADDRESS), port: TEREDO_PORT };
const SECONDARY = { address: ip4(SECONDARY_ADDRESS), port: TEREDO_PORT };
const TO = [RELAY, RELAY, PRIMARY, SECONDARY];
const NOT_GLOBAL = ["10.1.2.3", "127.0.0.1", "192.168.1.2", "224.0.0.1", "255.255.255.255"].map(
  ip4,
);
const NATIVE = ["2001:db8:1::2", "fe80::1", "ff02::2", "ff0e::1", "::", "::1", "fc00::1"]
  .map(addressBytes);
const SERVER_LINK_LOCAL = addressBytes("fe80::8000:f227:39cc:9bfe");

const random = new Prng(seed);
const raw = new RawIpv4(await openLibc());
const mutator = new Mutator(target, random);
const made = new MadeDatagram();
const choices = new Choices();
const noise = new Uint8Array(16);
const hexOfOurs = PRIMARY.address.toString(16).padStart(8, "0");
/** As if our server were that of the vectors. */
const inputs = [
  ...VECTORS.map(({ hex }) => fromHex(hex.replaceAll(SERVER.toString(16), hexOfOurs))),
  ...readInputs(keptFile("datagram")),
];

function anyone(): Ipv4Endpoint {
  const kind = random.below(16);
  if (kind === 0) return { address: random.pick(NOT_GLOBAL), port: 4_000 };
  if (kind === 1) return random.pick(TO);
  // A few are so many times the same that rules with a memory meet them again.
  const address = kind < 8 ? 0x50000000 + random.below(64) : 0x46000000 + random.below(1 << 24);
  return { address, port: 1 + random.below(kind < 8 ? 4 : 65_535) };
}

function anyAddress(from: Ipv4Endpoint): Uint8Array {
  const kind = random.below(8);
  if (kind < 4) return teredo(from.address, from.port, PRIMARY.address);
  if (kind === 4) return SERVER_LINK_LOCAL;
  if (kind < 7) return random.pick(NATIVE);
  const { address, port } = anyone();
  return teredo(address, port, random.pick([PRIMARY.address, address, RELAY.address]));
}

function one(): boolean {
  const from = anyone();
  const to = random.pick(TO);
  if (random.below(2) === 0) {
    const datagram = mutator.next(random.pick(inputs), random.pick(inputs));
    return raw.send(from, to, datagram.subarray(0, LONGEST));
  }
  for (let i = 0; i < noise.length; i++) noise[i] = random.below(256);
  made.make(choices.take(noise), anyAddress(from), anyAddress(from));
  const length = Math.min(made.length, LONGEST);
  return raw.send(from, to, made.bytes.subarray(HEADROOM, HEADROOM + length));
}

let sent = 0;
let last = performance.now();
for (let left = datagrams; left > 0;) {
  const now = performance.now();
  const due = Math.min(left, Math.floor(Math.min(now - last, AT_ONCE) * rate / 1_000));
  if (due > 0) last = now;
  for (let i = 0; i < due; i++) if (one()) sent++;
  left -= due;
  await new Promise((resolve) => setTimeout(resolve, 1));
}
console.log(JSON.stringify({ sent }));
