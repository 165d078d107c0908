import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { OneQueue } from "./one_queue.ts";

/**
 * A process of `tun_test.ts`: opens the interface named by its argument and holds it until it is
 * killed; or prints why it cannot.
 */
const libc = await openLibc();
const arena = new Arena(libc, 4096);
try {
  const tun = new OneQueue(libc, arena, process.argv[2]!);
  console.log(`holds ${tun.name}`);
  setInterval(() => tun.name, 60_000);
} catch (error) {
  console.log(String(error));
}
