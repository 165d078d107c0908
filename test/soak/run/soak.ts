import process from "node:process";
import { fileURLToPath } from "node:url";
import { CLIENTS } from "#test/bench/lab_scripts.ts";
import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { type Exchange, LoadLab } from "#test/load/load_lab.ts";
import type { LoadResult } from "#test/load/role.ts";
import { introduce } from "#test/netns/hostile.ts";
import { startRelay, startServer, wait } from "#test/netns/programs.ts";
import { Prng } from "#test/sim/prng.ts";
import { nodeCommand } from "../parties/command.ts";
import type { NewcomersPlan, NewcomersTold } from "../parties/newcomers.ts";
import { type Accounts, accountsOf, problemsOf } from "./accounts.ts";
import { Deck, ENDS, type EventName, happen, RELAY_CONFIGURATION } from "./events.ts";
import { takeSingly } from "./runs.ts";
import type { Vitals } from "./vitals.ts";

const FLOWS = 1_000;
/** All of them come once in a leg. */
const PEERS = 100_000;
const PEERS_FIRST = 100_000;
const PULSE_MS = 50;
/** Between two quiet moments, in which the books are compared. */
const LEG_SECONDS = 60;
const EVENTS_A_LEG = 3;
/** Before the flows are greeted, and after they have ended. */
const LEAD_SECONDS = 3;
/** Legs from one end of the relay to the next one of the same kind. */
const ENDS_EVERY = 10;
const SHARE = 0.6;
const FIRST_RATE = 40_000;
const FASTER = 1.4;
const TRIAL_SECONDS = 3;
const TRIALS = 8;
/** When not even the first rate is carried, from here on: a machine that does much else. */
const LEAST_RATE = 10_000;
/** Greetings are said once, and one that is lost is missed. */
const GREETINGS = 3;
/** While a relay starts. */
const PREFER_EVERY = 100;
/** What may be missing where it is not yet saturated, and how late its generator may be. */
const LOST = 0.001;
const LATE = 1.05;

/** What one leg came to. */
export interface Leg {
  /** Seconds since the start. */
  readonly from: number;
  readonly to: number;
  readonly flows: Exchange & { readonly ungreeted: number };
  readonly peers: readonly NewcomersTold[];
  readonly events: readonly (readonly [at: number, name: EventName])[];
  /** Whether the relay took datagrams one by one, so that those without room are counted exactly. */
  readonly singly: boolean;
  /** Datagrams of strangers among what was sent to the relay. */
  readonly junk: number;
  /** What does not balance. */
  readonly problems: readonly string[];
  readonly accounts: Accounts;
}

export interface Soaked {
  /** Packets a second, each way, at which nothing was lost yet; and those that were sent. */
  readonly saturation: number;
  readonly rate: number;
  readonly seconds: number;
  /** Seconds at the start to which no line is fitted. */
  readonly warmUp: number;
  readonly startedAt: number;
  readonly legs: readonly Leg[];
  readonly vitals: readonly Vitals[];
}

export interface SoakPlan {
  /** Before those that count. */
  readonly warmUp: number;
  readonly minutes: number;
  readonly seed: number;
  /** Packets a second each way at most, however many the machine carries. */
  readonly rate: number;
  /** Whether the relay is not ended meanwhile. */
  readonly oneLife: boolean;
}

/** Runs legs of load with events until the minutes are over. */
export async function soak(
  { warmUp, minutes, seed, rate: most, oneLife }: SoakPlan,
): Promise<Soaked> {
  const load = await LoadLab.create(true);
  try {
    const { lab } = load;
    await introduce(lab, ["srv", "rly", "host6", CLIENTS]);
    await load.makeWireLike();
    await startServer(lab, "teredo");
    await startRelay(lab, "teredo", RELAY_CONFIGURATION);
    for (const name of ["rly", "srv"]) await load.prefer(name);
    const saturation = await saturate(load);
    const rate = Math.min(Math.round(SHARE * saturation), most);
    console.error(`saturated at ${saturation} packets a second each way; sending ${rate}`);
    const vitals: Vitals[] = [];
    const watcher = watchVitals(lab, vitals);
    const [start, startedAt] = [performance.now(), Date.now()];
    const now = () => (performance.now() - start) / 1_000;
    const deck = new Deck(new Prng(seed));
    const random = new Prng(seed + 1);
    const legs: Leg[] = [];
    let before = await accountsOf(lab);
    const whole = 60 * (warmUp + minutes);
    while (now() + LEG_SECONDS / 2 < whole) {
      const seconds = Math.round(Math.min(LEG_SECONDS, whole - now()));
      const names = eventsOf(deck, oneLife ? undefined : ENDS[legs.length % ENDS_EVERY]);
      const singly = legs.length % 2 === 1;
      const leg = await runLeg(load, { seconds, rate, names, singly, random, now, before });
      before = leg.accounts;
      legs.push(leg);
      tell(leg, legs.length);
    }
    await watcher.stop();
    return {
      saturation,
      rate,
      seconds: now(),
      warmUp: 60 * warmUp,
      startedAt,
      legs,
      vitals,
    };
  } finally {
    await load.close();
  }
}

/** The highest rate each way of which all arrives, by ever faster trials. */
async function saturate(load: LoadLab): Promise<number> {
  for (const from of [FIRST_RATE, LEAST_RATE]) {
    let carried = 0;
    for (let i = 0, rate = from; i < TRIALS; i++, rate = Math.round(rate * FASTER)) {
      if (!await isCarried(load, rate)) break;
      carried = rate;
    }
    if (carried > 0) return carried;
  }
  throw new Error(`the machine does not carry ${LEAST_RATE} packets a second each way`);
}

async function isCarried(load: LoadLab, rate: number): Promise<boolean> {
  const plan = { clients: FLOWS, up: rate, down: rate, seconds: TRIAL_SECONDS };
  const { clients, host } = await exchange(load, plan);
  const isWhole = (it: LoadResult) =>
    it.received >= (1 - LOST) * it.expected && it.sendSeconds <= LATE * TRIAL_SECONDS;
  console.error(
    `trial of ${rate}: ${clients.received}/${clients.expected} down, ${host.received}/${host.expected} up`,
  );
  return isWhole(clients) && isWhole(host);
}

/** @returns what came of the first that was greeted in full, and how many were not before it */
async function exchange(
  load: LoadLab,
  plan: Parameters<LoadLab["exchange"]>[0],
): Promise<Exchange & { readonly ungreeted: number }> {
  for (let ungreeted = 0;; ungreeted++) {
    try {
      return { ...await load.exchange(plan), ungreeted };
    } catch (error) {
      if (ungreeted + 1 === GREETINGS || !/were reached|answered/.test(`${error}`)) throw error;
      console.error(`${(error as Error).message.slice(0, 200)}; again`);
    }
  }
}

function eventsOf(deck: Deck, end: EventName | undefined): EventName[] {
  const others = Array.from(
    { length: EVENTS_A_LEG - Number(end !== undefined) },
    () => deck.draw(),
  );
  return end === undefined ? others : [...others, end];
}

interface LegPlan {
  readonly seconds: number;
  readonly rate: number;
  readonly names: readonly EventName[];
  readonly singly: boolean;
  readonly random: Prng;
  readonly now: () => number;
  readonly before: Accounts;
}

async function runLeg(load: LoadLab, plan: LegPlan): Promise<Leg> {
  const { seconds, rate, names, singly, random, now, before } = plan;
  const { lab } = load;
  const from = now();
  await takeSingly(lab, singly);
  const flows = exchange(load, {
    clients: FLOWS,
    up: rate,
    down: rate,
    seconds: seconds - LEAD_SECONDS,
  });
  flows.catch(() => {});
  const peers = startPeers(load, seconds);
  const events: (readonly [number, EventName])[] = [];
  const room = (seconds - 4 * LEAD_SECONDS) / Math.max(1, names.length);
  let junk = 0;
  for (const [i, name] of names.entries()) {
    const at = from + 2 * LEAD_SECONDS + i * room + random.between(0, room / 3);
    await wait(Math.max(0, 1_000 * (at - now())));
    events.push([now(), name]);
    const happening = happen(lab, name);
    junk += ENDS.includes(name) ? await preferring(load, happening) : await happening;
  }
  const leg = { from, events, singly, junk, flows: await flows, peers: await toldBy(peers) };
  const accounts = await accountsOf(lab);
  // Nobody says what those sent that did not reach all of their clients.
  const isWhole = leg.flows.ungreeted === 0 && names.every((name) => !ENDS.includes(name));
  const problems = problemsOf(leg, accounts, isWhole ? before : undefined);
  return { ...leg, to: now(), accounts, problems };
}

/** A relay that is started meanwhile is preferred from its start, as the one before it was. */
async function preferring<T>(load: LoadLab, starting: Promise<T>): Promise<T> {
  let isOver = false;
  const over = starting.finally(() => isOver = true);
  over.catch(() => {}); // thrown below, once prefer() is through
  while (!isOver) {
    await load.prefer("rly");
    await Promise.race([over, wait(PREFER_EVERY)]);
  }
  await load.prefer("rly");
  return await over;
}

function startPeers({ lab }: LoadLab, seconds: number): LabProcess {
  const plan: NewcomersPlan = {
    port: 5_001,
    first: PEERS_FIRST,
    addresses: PEERS,
    rate: PEERS / (seconds - LEAD_SECONDS),
    seconds: seconds - LEAD_SECONDS,
    qualifies: true,
    pulse: PULSE_MS,
    server: SERVER_ADDRESS,
    host: HOST_IPV6,
  };
  const file = fileURLToPath(new URL("../parties/newcomers_main.ts", import.meta.url));
  return lab.spawn(CLIENTS, nodeCommand(file, plan));
}

async function toldBy(peers: LabProcess): Promise<NewcomersTold[]> {
  const { status, stdout, stderr } = await peers.result;
  if (status !== 0) throw new Error(`peers: ${stderr}`);
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** More lines than are kept of a process in a lab. */
function watchVitals(lab: Lab, into: Vitals[]): LabProcess {
  const file = fileURLToPath(new URL("vitals_main.ts", import.meta.url));
  const watcher = lab.spawn("core", [process.execPath, file]);
  watcher.onLine((line) => line.startsWith("{") && into.push(JSON.parse(line)));
  return watcher;
}

function tell(
  { to, flows: { clients, host }, peers, events, problems }: Leg,
  number: number,
): void {
  const last = peers.at(-1)!;
  console.error(
    `leg ${number}, ${Math.round(to)} s: down ${clients.received}/${clients.expected}, ` +
      `up ${host.received}/${host.expected}, peers in time ${last.inTime}/${last.started}; ` +
      events.map(([, name]) => name).join(", ") + problems.map((it) => `\n  ${it}`).join(""),
  );
}
