import assert from "node:assert/strict";
import test from "node:test";
import { Device } from "../device.ts";
import { STATEMENTS } from "./statements.ts";

for (const { page, says, hosts, options, play, want } of STATEMENTS) {
  for (const host of hosts) {
    test(`${page} of ${host} on paper: ${says}`, () => {
      const wanted = want.map((it) => typeof it === "function" ? it(host) : it);
      assert.deepEqual(play(new Device(host, options)), wanted);
    });
  }
}
