import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { openRawIpv6, RawIpv6Sender } from "#src/datapath/raw_ipv6.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { packet, teredo } from "#test/protocol/packets.ts";
import { wait } from "./programs.ts";

/**
 * A program of its own, run inside a namespace: sends the shortest packets there are from 8 networks
 * to clients of one server, in bursts of 5 ms.
 *
 *     SERVER MAPPED COUNT SECONDS addresses|guises
 *
 * `addresses`: each packet to the next mapped address; `guises`: all to one mapping, each with other
 * flags.
 */
const [server, mapped, count, seconds, kind] = process.argv.slice(2);
const libc = await openLibc();
const arena = new Arena(libc, RawIpv6Sender.arenaLength);
const sender = new RawIpv6Sender(libc, arena, openRawIpv6(libc), "packet");
const first = parseIpv4(mapped!)!;
const begun = performance.now();
for (let sent = 0; sent < Number(count);) {
  const due = Math.min(
    Number(count),
    Number(count) * (performance.now() - begun) / (1_000 * Number(seconds)),
  );
  for (; sent < due; sent++) {
    const client = teredo(kind === "guises" ? first : first + sent, 4_000, parseIpv4(server!)!);
    if (kind === "guises") client.set([sent >> 8, sent & 0xff], 8);
    const from = `2001:db8:2:${sent % 8}::1`;
    sender.send(packet(59, from, client, new Uint8Array(0), 64), 0, 40);
  }
  await wait(5);
}
