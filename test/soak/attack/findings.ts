import { table } from "../report.ts";
import { quantile } from "../run/slope.ts";
import type { Arm } from "./barrage.ts";
import { type Battle, FLOW_RATE, FLOWS } from "./battle.ts";

/** What is asked of us: shares of honest packets and of new clients, and MiB of the relay. */
const LEAST_CARRIED = 0.99;
const LEAST_JOINED = 0.95;
const MOST_MEMORY = 384;

const ARMS: Readonly<Record<Arm, string>> = {
  strangers: "junk, strangers' data and bubbles, forged sources, from 2^20 addresses",
  scan: "a scan of 2^22 clients, from one /32",
  solicitations: "router solicitations, from 2^20 addresses",
};

/** Of the packets sent while the attack went on; those in peace before it all arrive. */
export function carried({ flows, attacked, seconds }: Battle, way: "down" | "up"): number {
  const { received, expected } = way === "down" ? flows.clients : flows.host;
  return 1 - (expected - received) / (expected * attacked / seconds);
}

function joined({ newcomers: { inTime, started } }: Battle): number {
  return inTime / started;
}

export function failuresOf(ours: Battle): string[] {
  const [down, up] = [carried(ours, "down"), carried(ours, "up")];
  const checks: (readonly [boolean, string])[] = [
    [down >= LEAST_CARRIED, `${share(down)} of honest packets to clients`],
    [up >= LEAST_CARRIED, `${share(up)} of honest packets from clients`],
    [joined(ours) >= LEAST_JOINED, `${share(joined(ours))} of new clients`],
    [ours.memory.relay <= MOST_MEMORY, `${ours.memory.relay.toFixed(0)} MiB of memory`],
    [ours.pages?.failed === 0, `${ours.pages?.failed} pages that did not come`],
    [ours.ended.length === 0, `ended: ${ours.ended.join()}`],
  ];
  return checks.flatMap(([met, what]) => met ? [] : [what]);
}

export function reportOf(
  teredo: Battle,
  miredo: Battle,
  { seconds, seed }: { readonly seconds: number; readonly seed: number },
  machine: string,
): string {
  const row = (what: string, target: string, say: (battle: Battle) => string) =>
    [what, target, say(teredo), say(miredo)] as const;
  const rates = (Object.keys(ARMS) as Arm[]).map((arm) =>
    row(ARMS[arm], "", ({ attack }) => thousands(attack[arm].packets / attack[arm].seconds))
  );
  const times = (q: number) => ({ joinTimes }: Battle) =>
    joinTimes.length === 0 ? "-" : `${quantile(joinTimes, q).toFixed(0)} ms`;
  return [
    `${machine} ${seconds} seconds for each maker, seed ${seed}; ` +
    `${FLOWS.toLocaleString("en")} flows of ${FLOW_RATE / FLOWS} packets a second each way.\n`,
    table(["", "target", "teredo", "Miredo"], [
      ...rates,
      row(
        "the attacker's own clients, that come and go",
        "",
        ({ churn, attacked }) => `${(churn.started / attacked).toFixed(0)}/s`,
      ),
      row("honest packets to clients that arrive", "≥ 99 %", (it) => share(carried(it, "down"))),
      row("honest packets from clients that arrive", "≥ 99 %", (it) => share(carried(it, "up"))),
      row("new clients that have joined within 2 s", "≥ 95 %", (it) => share(joined(it))),
      row("... the median, of those that join at all", "", times(0.5)),
      row("... the 95th percentile", "", times(0.95)),
      row(
        "most resident memory of the relay",
        `≤ ${MOST_MEMORY} MiB`,
        ({ memory }) => `${memory.relay.toFixed(0)} MiB`,
      ),
      row(
        "most resident memory of the server",
        "",
        ({ memory }) => `${memory.server.toFixed(0)} MiB`,
      ),
      row(
        "pages asked for in good order that do not come",
        "0",
        ({ pages }) => pages === undefined ? "has none" : `${pages.failed} of ${pages.asked}`,
      ),
      row(
        "... the slowest that does",
        "",
        ({ pages }) => pages === undefined ? "" : `${pages.slowest.toFixed(0)} ms`,
      ),
      row(
        "thrown away at the relay's socket, for want of room",
        "",
        ({ overflows }) => overflows.socket.toLocaleString("en"),
      ),
      row("... at its TUN interface", "", ({ overflows }) => overflows.tun.toLocaleString("en")),
      row("daemons that ended", "0", ({ ended }) => `${ended.length}`),
    ]),
  ].join("\n");
}

function share(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}

function thousands(rate: number): string {
  return `${(rate / 1_000).toFixed(0)},000/s`;
}
