import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { Anycast, Arrivals, other, type Place, PLACES } from "./anycast.ts";
import { script, START_PATIENCE, until } from "./programs.ts";
import { RunningPing } from "./running_ping.ts";

/**
 * Two relays behind one router: one is announced by BIRD and one by FRR, with the configurations that
 * `teredo announce` prints. What ends the announcement of the preferred one takes the traffic to the other,
 * and its return takes it back, while a host pings a Teredo client and keeps a TCP connection to it.
 */
const OPTIONS = { timeout: 600_000 };
const PING_SECONDS = 0.02;
const TCP_PORT = "5001";

/** What came of a change of ways. */
interface Shift {
  /** Pings that never came to the client. */
  readonly missing: readonly number[];
}

/** One TCP connection from the host to the client, whatever happens meanwhile. */
class Flow {
  readonly #talk: LabProcess;

  private constructor(talk: LabProcess) {
    this.#talk = talk;
  }

  static async start({ lab, client }: Anycast): Promise<Flow> {
    const echo = lab.spawn("cli0", script("tcp_peer.ts", "echo", client, TCP_PORT));
    await echo.waitForLine(/listening/, START_PATIENCE);
    const flow = new Flow(lab.spawn("host6", script("tcp_peer.ts", "talk", client, TCP_PORT)));
    await flow.goesOn();
    return flow;
  }

  get #heard(): number {
    return this.#talk.output().match(/^heard /gm)?.length ?? 0;
  }

  /** Nothing is missing, and more comes. */
  async goesOn(): Promise<void> {
    const wanted = this.#heard + 5;
    await until("the TCP flow goes on", () => {
      if (this.#talk.ended) {
        throw new Error(`the TCP flow broke: ${this.#talk.output().slice(-200)}`);
      }
      return Promise.resolve(this.#heard >= wanted);
    }, 3 * START_PATIENCE);
    const lines = this.#talk.output().trimEnd().split("\n");
    assert.deepEqual(lines, lines.map((_, i) => `heard ${i}`));
  }
}

for (const preferred of Object.values(PLACES)) {
  const { daemon, namespace } = preferred;
  const second = other(preferred);

  describe(`announced by ${daemon}`, () => {
    let anycast: Anycast;
    let flow: Flow;
    const both = Object.values(PLACES).map((it) => it.daemon);

    before(async () => {
      anycast = await Anycast.create(daemon);
      flow = await Flow.start(anycast);
    });

    after(() => anycast?.close());

    /**
     * Every packet was handed to the client, but for what the router itself lost: BIRD deletes an IPv6 route of
     * the kernel before it adds another. What the client makes of a packet from a relay that is new to it is
     * its own affair: Miredo's tests the way first, and may lose what comes meanwhile.
     */
    const assertNoneLost = ({ missing }: Shift) => assert.deepEqual(missing, []);

    /** Sees the traffic go from one relay to the other by what is done, and the flow go on. */
    async function shift(what: string, deed: () => Promise<void>, from: Place): Promise<Shift> {
      const to = other(from);
      const arrivals = await Arrivals.start(anycast.lab);
      const ping = await RunningPing.start(anycast.lab, "host6", anycast.client, PING_SECONDS);
      const before = await anycast.carried(to);
      await deed();
      await anycast.untilAnnounced(from === preferred ? [to.daemon] : both);
      await until("packets take the other way", async () => {
        return await anycast.carried(to) > before;
      });
      const { lost, sent, unanswered, unrouted, last } = await ping.stop();
      const arrived = await arrivals.stop(last);
      const missing = unanswered.filter((it) => !arrived.has(it) && !unrouted.includes(it));
      console.log(
        `  ${what}, ${from.daemon} to ${to.daemon}: of ${sent} pings ${lost} not answered ` +
          `(${
            Math.round(lost * PING_SECONDS * 1000)
          } ms), ${missing.length} lost before the client`,
      );
      await flow.goesOn();
      return { missing };
    }

    const sh = (script: string) => anycast.lab.sh(namespace, script).then(() => {});
    const signal = (name: NodeJS.Signals) => {
      anycast.relay(preferred).kill(name);
      return Promise.resolve();
    };

    test("the router learns the prefix, and nothing else", OPTIONS, async () => {
      await anycast.untilAnnounced(both);
      assert.deepEqual([...new Set(await anycast.learned())], ["2001::/32"]);
    });

    test("a drain that is taken back: no packet is lost, there and back", OPTIONS, async () => {
      const there = await shift("SIGUSR1", () => signal("SIGUSR1"), preferred);
      const back = await shift("SIGUSR1 again", () => signal("SIGUSR1"), second);
      assertNoneLost(there);
      assertNoneLost(back);
    });

    test("forwarding off, and on again", OPTIONS, async () => {
      await shift(
        "forwarding off",
        () => sh("sysctl -qw net.ipv6.conf.all.forwarding=0"),
        preferred,
      );
      const back = await shift(
        "forwarding on",
        () => sh("sysctl -qw net.ipv6.conf.all.forwarding=1"),
        second,
      );
      assertNoneLost(back);
    });

    test("a worker that hangs, and goes on", OPTIONS, async () => {
      let holder: LabProcess;
      const hang = async () => void (holder = await anycast.holdWorker(preferred));
      await shift("worker hung", hang, preferred);
      const goOn = async () => void (await holder.stop());
      const back = await shift("worker goes on", goOn, second);
      assertNoneLost(back);
    });

    test("an interface that is deleted comes back, announced as before", OPTIONS, async () => {
      const ping = await RunningPing.start(anycast.lab, "host6", anycast.client, PING_SECONDS);
      const relay = anycast.relay(preferred);
      await sh("ip link delete teredo");
      await relay.waitForLine(/Restored what=interface/, START_PATIENCE);
      await anycast.untilAnnounced(both);
      const { lost, sent } = await ping.stop();
      console.log(`  interface deleted, ${daemon}: ${lost} of ${sent} pings lost`);
      await flow.goesOn();
    });

    test("kill -9, and a new start", OPTIONS, async () => {
      await shift("kill -9", () => signal("SIGKILL"), preferred);
      const restart = async () => void (await anycast.startRelay(preferred));
      const back = await shift("started again", restart, second);
      assertNoneLost(back);
    });

    test("an ordinary end: no packet is lost", OPTIONS, async () => {
      const relay = anycast.relay(preferred);
      assertNoneLost(await shift("SIGTERM", () => signal("SIGTERM"), preferred));
      assert.equal((await relay.result).status, 0);
      const restart = async () => void (await anycast.startRelay(preferred));
      const back = await shift("started again", restart, second);
      assertNoneLost(back);
    });

    test("a host that is gone: BFD sees it", OPTIONS, async () => {
      await anycast.watchLinks(preferred);
      await shift("cable cut", () => anycast.cut(preferred), preferred);
      assert.match(await anycast.lastError(preferred), /BFD session down/);
    });
  });
}
