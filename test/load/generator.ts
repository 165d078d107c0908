/**
 * One process of the load generator; runs in a namespace of the lab and prints a `LoadResult`:
 *
 *     generator.ts clients|host PLAN      PLAN is a `LoadPlan` as JSON
 *     generator.ts solicitor PLAN         PLAN is a `SolicitationPlan` as JSON
 *
 * It ends by itself: after its schedule (twice its time and a little at most), once all has come
 * or nothing does any more.
 */
import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import { Clients } from "./clients.ts";
import { Host } from "./host.ts";
import { Solicitor } from "./solicitor.ts";

const [role, json] = process.argv.slice(2);
const plan = JSON.parse(json ?? "{}");
const libc = await openLibc();
const started = role === "clients"
  ? new Clients(libc, plan)
  : role === "host"
  ? new Host(libc, plan)
  : new Solicitor(libc, plan);
console.error("listening");
console.log(JSON.stringify(started.run()));
