import { openLibc } from "#ffi/open.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { Prng } from "#test/sim/prng.ts";
import { RawIpv4 } from "./raw_ipv4.ts";
import { Ipv4Storm } from "./storm_ipv4.ts";
import { Ipv6Storm } from "./storm_ipv6.ts";
import { rage } from "./storm_kinds.ts";

/**
 * A program of its own, run inside a namespace: somebody who means harm.
 *
 *     ipv4|ipv6 SEED PACKETS-A-SECOND SECONDS [OWN-ADDRESS]
 *
 * Prints what it sent, as JSON.
 */
const [side, seed, rate, seconds, own] = process.argv.slice(2);
const random = new Prng(Number(seed));
const libc = await openLibc();
if (side === "ipv4") {
  const storm = new Ipv4Storm(random, new RawIpv4(libc), parseIpv4(own!)!);
  await storm.open();
  console.log(JSON.stringify(await rage(storm, random, Number(rate), Number(seconds))));
  storm.close();
} else {
  const storm = new Ipv6Storm(random, libc);
  console.log(JSON.stringify(await rage(storm, random, Number(rate), Number(seconds))));
}
