import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { Kept } from "#src/datapath/keep/contract.ts";
import { type ClientProgram, startClient } from "./clients/program.ts";
import { metric, startRelay, startServer, until } from "./programs.ts";
import { assertPing } from "./traffic.ts";

/** What becomes of a client's addresses, routes and rules when somebody takes them away, as the daemon runs. */
const OPTIONS = { timeout: 600_000 };

interface Case {
  readonly name: string;
  /** Run in the client's namespace. @param address of the client */
  readonly deed: (address: string) => string;
  readonly restored: readonly Kept[];
}

const CASES: readonly Case[] = [
  {
    name: "the address",
    deed: (it) => `ip -6 address del ${it}/32 dev teredo`,
    restored: ["home"],
  },
  { name: "all addresses", deed: () => "ip -6 address flush dev teredo", restored: ["home"] },
  {
    name: "the default route",
    deed: () => "ip -6 route del default dev teredo",
    restored: ["default_route"],
  },
  { name: "the rule", deed: (it) => `ip -6 rule del from ${it}`, restored: ["source_rule"] },
  {
    name: "all routes of all tables",
    deed: () => "ip -6 route flush dev teredo table all",
    restored: ["address", "route", "home", "default_route", "source_rule"],
  },
  {
    name: "being up",
    deed: () => "ip link set teredo down",
    restored: ["up", "home", "route", "default_route", "source_rule"],
  },
];

const SETTINGS = [["as root", ""], ["with a helper", "user = nobody"]] as const;

const count = (lab: Lab, what: Kept) =>
  metric(lab, "cli0", 9546, `teredo_restored_total{what="${what}"}`);
const shown = (lab: Lab) =>
  lab.sh("cli0", "ip -6 addr show dev teredo scope global; ip -6 route; ip -6 rule");
const rules = async (lab: Lab) =>
  (await lab.sh("cli0", "ip -6 rule")).split("\n").filter((it) => it.startsWith("32765:"));

for (const [name, lines] of SETTINGS) {
  describe(`a client's interface, ${name}`, () => {
    let lab: Lab;
    let program: ClientProgram;
    let conf: string;

    before(async () => {
      lab = await Lab.create({ nats: ["port-restricted"] });
      await Promise.all([startServer(lab, "teredo"), startRelay(lab, "teredo")]);
      conf = `servers = ${SERVER_ADDRESS}\n${lines}`;
      program = await startClient(lab, "cli0", conf);
    });

    after(() => lab.close());

    for (const { name: what, deed, restored } of CASES) {
      test(`${what} taken away: all is back`, OPTIONS, async () => {
        const { address } = program;
        const before = await Promise.all(restored.map((it) => count(lab, it)));
        await lab.sh("cli0", deed(address));
        await until("all is counted", async () => {
          const after = await Promise.all(restored.map((it) => count(lab, it)));
          return after.every((it, i) => it > before[i]!);
        });
        // The kernel makes it a moment after the address.
        const taken = `ip -6 route show table local ${address} dev teredo`;
        await until("what comes to it is taken", async () => (await lab.sh("cli0", taken)) !== "");
        const all = await shown(lab);
        for (
          const line of [
            new RegExp(`inet6 ${address}/32 scope global`),
            /^default dev teredo proto 216 metric 1000000 /m,
            /^2001::\/32 dev teredo proto 216 metric 10 /m,
            new RegExp(`^32765:\\tfrom ${address} lookup 3544 proto 216$`, "m"),
          ]
        ) assert.match(all, line);
        await assertPing(lab, "cli0", HOST_IPV6);
      });
    }

    test(
      "one that is killed leaves a rule at the most, and the next one has one",
      OPTIONS,
      async () => {
        program.client.kill("SIGKILL");
        await program.client.result;
        program = await startClient(lab, "cli0", conf);
        await assertPing(lab, "cli0", HOST_IPV6);
        assert.equal((await rules(lab)).length, 1);
        program.client.kill("SIGTERM");
        const { status, stderr } = await program.client.result;
        assert.equal(status, 0, stderr);
        await until("all is gone", async () => !/2001:|216/.test(await everything(lab)));
      },
    );
  });
}

/** Also where there is no interface any more. */
const everything = (lab: Lab) => lab.sh("cli0", "ip -6 addr; ip -6 route; ip -6 rule");
