/**
 * What the kernel says of the daemons in a lab, in a namespace of it: `vitals_main.ts`. Prints `Vitals`
 * as JSON once a second, until it is ended.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Vitals } from "./vitals.ts";

const EVERY = 1_000;
const ROLES = ["relay", "server"] as const;

function processes(): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      const [program = "", role = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (program.endsWith("/teredo") && !found.has(role)) found.set(role, pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

function vitalsOf(role: string, pid: number): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  return {
    at: Date.now(),
    role,
    pid,
    resident: field("VmRSS") / 1_024,
    heap: field("RssAnon") / 1_024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field("Threads"),
  };
}

for (;;) {
  for (const [role, pid] of processes()) {
    if (!ROLES.includes(role as never)) continue;
    try {
      console.log(JSON.stringify(vitalsOf(role, pid)));
    } catch {
      // Likewise.
    }
  }
  await new Promise((resolve) => setTimeout(resolve, EVERY));
}
