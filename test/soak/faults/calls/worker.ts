import assert from "node:assert/strict";
import { START_PATIENCE } from "#test/netns/programs.ts";
import type { Fault, Found } from "../contract.ts";
import { lostOf, type Passage, passage } from "../passage.ts";
import { fieldOf, Scene } from "../scene.ts";
import { type Fate, inject } from "./inject.ts";

const SECONDS = 3;
/** What is asked for; a kernel answers some calls with none of these. */
const ERRORS = ["ENOBUFS", "EAGAIN", "EPERM", "EMSGSIZE", "ENETUNREACH", "EINTR"] as const;

interface Call {
  readonly names: string;
  readonly does: string;
  /** Where a result may be shorter than what was asked for: one such. */
  readonly short?: number;
  /** Errors after which it cannot go on, which no kernel has been seen to give. */
  readonly fatal?: readonly string[];
}

const CALLS: readonly Call[] = [
  { names: "recvmmsg", does: "receives from clients" },
  { names: "sendmmsg", does: "sends to clients", short: 1 },
  {
    names: "read",
    does: "reads from the interface",
    short: 20,
    fatal: ERRORS.filter((it) => !/^(EAGAIN|EINTR)$/.test(it)),
  },
  { names: "write,writev", does: "writes to the interface", short: 30 },
  { names: "poll", does: "waits", short: 0 },
];

const GOES_ON = "it goes on; what the call was for is lost and counted, or done again";
const ENDS = "it goes on, or ends with status 1 and says which call failed";

/** A worker of a relay whose packets all go by it. */
const OPTIONS = { relay: "workers = 1\nfast_path = off" };

/** Traffic in bursts, so that a call has several messages to be short of. */
const BURSTS = ["ping", "-6", "-q", "-i", "0.02", "-l", "16", "-s", "600"];

function run({ names }: Call, fate: Fate): Promise<Found> {
  return Scene.with(OPTIONS, async (scene) => {
    const [worker] = await scene.workers();
    let count = 0;
    let ended: string | undefined;
    const passed: Passage = await passage(scene, async () => {
      const bursts = scene.lab.spawn("host6", [...BURSTS, scene.client]);
      count = await inject(scene, worker!, names, fate, SECONDS);
      bursts.kill("SIGINT");
      await bursts.result;
      if (!scene.relay.ended) return;
      const line = await scene.relay.waitForLine(/msg="Datapath failed"/, START_PATIENCE);
      ended = fieldOf(line, "error");
      const { status } = await scene.relay.result;
      assert.equal(status, 1);
      await scene.restart();
    });
    assert.ok(count > 0, "no call failed");
    return {
      measured: ended === undefined ? `${count} times; it goes on` : `ends: \`${ended}\``,
      recovered: ended === undefined ? passed.recovered : undefined,
      lost: lostOf(passed),
    };
  });
}

function faultOf(call: Call, fate: Fate, what: string, isFatal: boolean): Fault {
  return {
    name: `a worker's \`${call.names.replace(",", "`, `")}\`, which ${call.does}: ${what}`,
    promised: isFatal ? ENDS : GOES_ON,
    run: async () => {
      const found = await run(call, fate);
      assert.ok(isFatal || !found.measured.startsWith("ends"), found.measured);
      return found;
    },
  };
}

export const WORKERS_CALLS: readonly Fault[] = CALLS.flatMap((call) => [
  ...ERRORS.map((error) =>
    faultOf(call, `error=${error}`, error, call.fatal?.includes(error) ?? false)
  ),
  ...(call.short === undefined
    ? []
    : [faultOf(call, `retval=${call.short}`, `short, ${call.short}`, false)]),
]);
