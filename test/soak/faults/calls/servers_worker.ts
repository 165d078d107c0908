import assert from "node:assert/strict";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import { asked, probe } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { pidOf, Scene, workersOf } from "../scene.ts";
import { type Call, ERRORS, inject, titleOf } from "./inject.ts";

const SECONDS = 2;
/** Who comes anew while calls fail, one after the other. */
const NEWCOMERS = 3;

const CALLS: readonly Call[] = [
  { names: "recvmmsg", does: "receives from clients", fates: ERRORS },
  { names: "sendmmsg", does: "answers, and passes packets on", fates: [...ERRORS, "retval=1"] },
  { names: "poll", does: "waits", fates: [...ERRORS, "retval=0"] },
];

/** A server whose packets all go by its one worker. */
const CONF = `[server]\nbind_address = ${SERVER_ADDRESS}\nworkers = 1\nfast_path = off\n`;

function faultOf(call: Call): Fault {
  const { names, fates } = call;
  return {
    name: titleOf("a server's worker's", call),
    promised:
      "it goes on; what the call was for is lost: who asks, asks again, and who is new after it is qualified",
    run: () =>
      Scene.with({ server: CONF }, async (scene) => {
        const { lab, server } = scene;
        const pid = pidOf(server!);
        const [thread = 0] = await workersOf(lab, pid);
        const worker = { lab, namespace: "srv", pid, thread };
        const counts: number[] = [];
        const passed = await passage(scene, async () => {
          for (const fate of fates) {
            // Whether they reach a host by way of the server is not asked yet.
            const provoke = async () => {
              for (let i = 0; i < NEWCOMERS; i++) await probe(lab, "cli0");
            };
            const count = await inject(worker, names, fate, SECONDS, provoke);
            assert.ok(count > 0, `no call failed by ${fate}`);
            counts.push(count);
            assert.ok(!server!.ended, server!.output());
          }
        });
        const said = await asked(() => probe(lab, "cli0"), ({ reachable }) => reachable === true);
        assert.equal(said.reachable, true, JSON.stringify(said));
        return {
          measured: `${counts.join(", ")} times; who is new is qualified`,
          recovered: passed.recovered,
          lost: `${lostOf(passed)}: flows that are there need no server`,
        };
      }),
  };
}

export const SERVERS_WORKERS_CALLS: readonly Fault[] = CALLS.map(faultOf);
