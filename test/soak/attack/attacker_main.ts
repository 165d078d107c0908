/**
 * One arm of the attack: `attacker_main.ts PLAN`, an `AttackPlan` as JSON. Sends as fast as it can, as
 * if a bridge had just forwarded it, and prints an `Attacked` as JSON.
 */
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { LinkSocket } from "#test/bench/link_socket.ts";
import { Prng } from "#test/sim/prng.ts";
import { type AttackPlan, Barrage } from "./barrage.ts";

export interface Attacked {
  readonly packets: number;
  readonly seconds: number;
}

const plan: AttackPlan = JSON.parse(process.argv[2] ?? "{}");
const libc = await openLibc();
const arena = new Arena(libc, Barrage.arenaLength);
const link = new LinkSocket(libc, arena, plan.link);
const barrage = new Barrage(arena, plan, new Prng(plan.seed));
const start = performance.now();
let packets = 0;
let now = start;
for (; now < start + 1_000 * plan.seconds; now = performance.now()) packets += barrage.send(link);
console.log(JSON.stringify({ packets, seconds: (now - start) / 1_000 }));
