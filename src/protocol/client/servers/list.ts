import { type ClientOptions, type ServerOrder, SERVERS_MAX } from "../contract.ts";
import type { Millis } from "../../time.ts";
import { Server } from "./server.ts";

/** The servers we may be a client of, in the order in which they were given. */
export class ServerList {
  #all: readonly Server[] = [];
  #identity: ClientOptions["identity"];

  get all(): readonly Server[] {
    return this.#all;
  }

  /**
   * Other servers; what is known of those that stay is kept, unless we show another identity.
   *
   * @returns those that are new
   * @throws RangeError for more than {@link SERVERS_MAX}
   */
  set(
    servers: ClientOptions["servers"],
    identity: ClientOptions["identity"],
  ): readonly Server[] {
    if (servers.length > SERVERS_MAX) {
      throw new RangeError(`At most ${SERVERS_MAX} servers, not ${servers.length}`);
    }
    const before = this.#all;
    this.#all = servers.map(({ primary, secondary }) => {
      const known = before.find((it) => it.primary === primary && it.secondary === secondary);
      const isKept = known !== undefined && this.#identity === identity;
      return isKept ? known : new Server({ primary, secondary }, identity);
    });
    this.#identity = identity;
    return this.#all.filter((it) => !before.includes(it));
  }

  /** Whose primary or secondary address it is. */
  find(address: number): Server | undefined {
    for (const server of this.#all) {
      if (server.primary === address || server.secondary === address) return server;
    }
    return undefined;
  }

  /** Of those that answer, and `current`, the one by which native hosts are likeliest reached. */
  mostUseful(current: Server): Server {
    let best = current;
    for (const it of this.#all) if (it.isLive && it.isMoreUsefulThan(best)) best = it;
    return best;
  }

  /** Of the others that have answered since then the best one; undefined: none has. */
  bestSince(then: Millis, current: Server, order: ServerOrder): Server | undefined {
    let best: Server | undefined;
    for (const it of this.#all) {
      if (it === current || !it.isLive || it.heardAt <= then) continue;
      best = best === undefined ? it : betterOf(best, it, order);
    }
    return best;
  }

  isBefore(a: Server, b: Server): boolean {
    return this.#all.indexOf(a) < this.#all.indexOf(b);
  }

  /**
   * Since when one has been silent that is asked anew, as in another network: others that were heard of
   * meanwhile show that it was not the network.
   */
  silenceOf(server: Server, now: Millis): Millis {
    const { isOpen, silentSince } = server.inquiry;
    if (!isOpen) return now;
    return this.#all.some((it) => it !== server && it.heardAt > silentSince) ? silentSince : now;
  }

  /** None is waited for. */
  get isQuiet(): boolean {
    for (const server of this.#all) if (server.inquiry.isOpen) return false;
    return true;
  }
}

/** Of two that answer; `a` stands before `b` in the list. */
export function betterOf(a: Server, b: Server, order: ServerOrder): Server {
  if (a.isMoreUsefulThan(b)) return a;
  if (b.isMoreUsefulThan(a)) return b;
  // 0 is not measured: more than one solicitation was on its way, as to a server that is slow.
  return order === "strict" || (a.rtt || Infinity) <= (b.rtt || Infinity) ? a : b;
}
