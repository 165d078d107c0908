import { writeFileSync } from "node:fs";
import type { Libc } from "#ffi/libc.ts";
import { NETLINK_NETFILTER, NETLINK_ROUTE } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { toHex } from "../engine/corpus.ts";
import { ANSWERS } from "./answers.ts";
import { QUESTIONS } from "./questions.ts";

/**
 * A program of its own: keeps what this kernel answers in this network namespace, for `answers.ts`.
 * In one with links, routes, rules and packet filters of many kinds:
 *
 *     unshare -n sh -c 'sh test/fuzz/netlink/world.sh; bun test/fuzz/netlink/record.ts'
 */
const lines: string[] = [];
let question = 0;
const [route, netfilter] = await Promise.all(
  [NETLINK_ROUTE, NETLINK_NETFILTER].map(async (protocol) =>
    new Netlink(listening(await openLibc()), protocol)
  ),
);
for (const ask of QUESTIONS) {
  ask(route!, netfilter!);
  question++;
}
writeFileSync(ANSWERS, `${lines.join("\n")}\n`);

/** A libc whose answers are kept. */
function listening(real: Libc): Libc {
  let memory: Uint8Array = new Uint8Array(0);
  let base = 0;
  return {
    layout: real.layout,
    has: (name) => real.has(name),
    errno: () => real.errno(),
    addressOf: (bytes) => {
      memory = bytes;
      return base = real.addressOf(bytes);
    },
    call: {
      ...real.call,
      recv: (fd, at, length, flags) => {
        const received = real.call.recv(fd, at, length, flags);
        const answer = memory.slice(at - base, at - base + Math.max(0, received));
        lines.push(`${question} ${toHex(answer)}`);
        return received;
      },
    },
  };
}
