import { openLibc } from "#ffi/open.ts";
import { parseEndpoint } from "./endpoint.ts";
import { writeAuthentication, writeRouterAdvertisement } from "#src/protocol/wire/build.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { RawIpv4 } from "#test/netns/raw_ipv4.ts";
import { bubble, concat, origin, packet } from "#test/protocol/packets.ts";
import { Prng } from "#test/sim/prng.ts";
import { writeNonceTrailer } from "#src/protocol/wire/trailers.ts";

/**
 * A program of its own, run inside a namespace: sends a client what its server or a peer would.
 *
 *     advertise COUNT SERVER CLIENT ORIGIN      advertisements of another mapping, with nonces of chance
 *     origins COUNT SERVER CLIENT ORIGIN ADDR   bubbles that have the client send bubbles to ORIGIN
 *     natives COUNT FROM CLIENT ADDR            data of as many native hosts
 *     nonces COUNT FROM CLIENT ADDR PEER        bubbles of a peer from elsewhere, with nonces of chance
 *     discover COUNT FROM GROUP PEER            discovery bubbles of a client next door
 *
 * SERVER, CLIENT, FROM, ORIGIN and GROUP are ADDRESS:PORT, ADDR and PEER Teredo addresses.
 */
const [mode, count, from, to, a, b] = process.argv.slice(2);
const libc = await openLibc();
const raw = new RawIpv4(libc);
const random = new Prng(1);
const [source, target] = [parseEndpoint(from!), parseEndpoint(to!)];
const bytes = (n: number) => Uint8Array.from({ length: n }, () => random.below(256));
const ALL_NODES = "ff02::1";

function advertisement(): Uint8Array {
  const { address, port } = parseEndpoint(a!);
  const out = new Uint8Array(256);
  const nothing = new Uint8Array(0);
  const at = random.below(2) === 0
    ? 0
    : writeAuthentication(out, 0, nothing, nothing, bytes(8), 0, 0);
  const head = concat(out.slice(0, at), origin(address, port));
  const ra = { prefix: SERVICE_PREFIX, serverAddress: source.address, mtu: 1280 };
  const end = writeRouterAdvertisement(out, 0, ra, parseIpv6("fe80::ffff:ffff:ffff")!, 0);
  return concat(head, out.slice(0, end));
}

function native(): Uint8Array {
  const host = concat(Uint8Array.of(0x20, 0x01, 0x0d, 0xb8), bytes(12));
  return packet(17, host, parseIpv6(a!)!, bytes(32));
}

function withNonce(): Uint8Array {
  const out = new Uint8Array(16);
  const end = writeNonceTrailer(out, 0, bytes(4), 0);
  return concat(bubble(parseIpv6(b!)!, parseIpv6(a!)!), out.slice(0, end));
}

const MAKE: Record<string, () => Uint8Array> = {
  advertise: advertisement,
  origins: () => {
    const { address, port } = parseEndpoint(a!);
    return concat(origin(address, port), bubble("fe80::8000:f227:39cc:9bcd", parseIpv6(b!)!));
  },
  natives: native,
  nonces: withNonce,
  discover: () => bubble(parseIpv6(a!)!, ALL_NODES),
};

for (let i = 0; i < Number(count); i++) {
  raw.send(source, target, MAKE[mode!]!());
  // No more than a client takes: what is lost in its socket shows nothing.
  if (i % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(`sent ${count}`);
