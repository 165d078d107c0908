/**
 * Newcomers in a namespace of the lab: `newcomers_main.ts PLAN`, a `NewcomersPlan` as JSON. Prints a
 * `NewcomersTold` as JSON once a second, and at the end.
 */
import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import { Newcomers } from "./newcomers.ts";

const newcomers = new Newcomers(await openLibc(), JSON.parse(process.argv[2] ?? "{}"));
console.error("listening");
newcomers.run((told) => console.log(JSON.stringify(told)));
