import type { Libc } from "#ffi/libc.ts";
import type { Endpoint, Guise, ProbeEvent, ProbeOptions } from "#src/probe/contract.ts";
import { drive } from "#src/probe/drive.ts";
import { bind, type Bound, closed, ownIpv4 } from "#src/probe/sockets.ts";
import type { ChosenServer } from "#src/protocol/client/servers/choose.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { NativeSeen, ServerSeen, Stray, View } from "../contract.ts";
import { measureRefusal } from "./icmp.ts";

/** Shorter than a client's (RFC 4380 §5.2.1): people wait for it. Late answers count all the same. */
const ANSWER_TIMEOUT: Millis = 1_500;
/** Of so many kinds of strays each is told; whoever floods us fills no page. */
const MAX_STRAYS = 16;

export interface ServersSeen {
  readonly servers: readonly ServerSeen[];
  readonly strays: readonly Stray[];
}

/**
 * Asks all servers at once by one socket, so that their answers show whether all see the same mapping.
 * Each has a socket of its own for the question whether a stranger's packet comes in.
 *
 * @param target of a native host to ping by way of each; undefined: none
 */
export async function measureServers(
  servers: readonly ChosenServer[],
  own: Bound,
  target: Uint8Array | undefined,
  guise: Guise,
  libc: Libc,
): Promise<ServersSeen> {
  const strays = new Strays(servers);
  own.socket.setMaxListeners(servers.length + 2);
  const seen = await Promise.all(
    servers.map((server) => measure(server, own, target, guise, strays, libc)),
  );
  return { servers: seen, strays: strays.all };
}

async function measure(
  server: ChosenServer,
  own: Bound,
  target: Uint8Array | undefined,
  guise: Guise,
  strays: Strays,
  libc: Libc,
): Promise<ServerSeen> {
  const cone = await bind(own.local.address, 0);
  const options: ProbeOptions = {
    serverAddress: server.primary,
    secondaryAddress: server.secondary,
    local: own.local,
    coneLocal: cone.local,
    ownAddresses: ownIpv4(),
    ...guise,
    target,
    pings: 1,
    pingInterval: 0,
    answerTimeout: ANSWER_TIMEOUT,
  };
  const story: ProbeEvent[] = [];
  await drive({ own: own.socket, cone: cone.socket }, options, (event) => {
    if (event.kind === "ignored") strays.add(event.from, event.reason, server);
    else story.push(event);
  });
  await closed(cone.socket);
  const seen = tell(server, target, story);
  if (seen.failure !== "server-silent") return seen;
  return { ...seen, refusal: await measureRefusal(libc, server.primary, own.local.address) };
}

/** What a probe's story comes to. */
export function tell(
  server: ChosenServer,
  target: Uint8Array | undefined,
  story: readonly ProbeEvent[],
): ServerSeen {
  const view = (step: string): View | undefined => {
    const event = story.find((it) => it.kind === "advertised" && it.step === step);
    return event?.kind === "advertised" ? { mapped: event.mapped, rtt: event.rtt } : undefined;
  };
  const qualified = story.find((event) => event.kind === "qualified");
  const failed = story.find((event) => event.kind === "failed");
  return {
    name: server.name,
    primary: server.primary,
    secondary: server.secondary,
    primaryView: view("primary"),
    secondaryView: view("secondary"),
    strangerCameIn: view("cone") !== undefined,
    home: qualified && { address: qualified.address, mtu: qualified.mtu },
    failure: failed?.failure,
    refusal: undefined,
    native: qualified === undefined || target === undefined ? undefined : nativeOf(target, story),
  };
}

function nativeOf(target: Uint8Array, story: readonly ProbeEvent[]): NativeSeen {
  const reply = story.find((event) => event.kind === "reply");
  return { target, answer: reply && { relay: reply.relay, rtt: reply.rtt } };
}

/** Datagrams that nobody took, counted; one socket's datagrams are told to all that listen to it. */
class Strays {
  readonly #servers: ReadonlyMap<number, ChosenServer>;
  readonly #all = new Map<string, { from: Endpoint; reason: string; times: number }>();

  constructor(servers: readonly ChosenServer[]) {
    this.#servers = new Map(
      servers.flatMap((it) => [[it.secondary, it] as const, [it.primary, it] as const]),
    );
  }

  /** @param by whose probe saw it */
  add(from: Endpoint, reason: string, by: ChosenServer): void {
    const owner = this.#servers.get(from.address) ?? [...this.#servers.values()].at(-1);
    if (owner !== by) return; // that one's to tell
    const key = `${from.address}:${from.port} ${reason}`;
    const known = this.#all.get(key);
    if (known !== undefined) known.times++;
    else if (this.#all.size < MAX_STRAYS) this.#all.set(key, { from, reason, times: 1 });
  }

  get all(): readonly Stray[] {
    return [...this.#all.values()];
  }
}
