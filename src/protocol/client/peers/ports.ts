import { type ClientHost, RANDOM_PORTS, SERVICE_PATH } from "../contract.ts";
import type { Paths } from "./paths.ts";
import type { Peers } from "../../peers/table.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** Longer than any clock here runs: what has it taken off comes before all that has not. */
const BEFORE_ANY: Millis = 2 ** 45;
/** Most that are for those whom nobody here has sent to before they came. */
const STRANGERS_MAX = RANDOM_PORTS / 2;

/** Random ports, each for one peer. RFC 6081 §5.4.4.2, §5.5.4.1 */
export class RandomPorts {
  readonly #host: ClientHost;
  readonly #owner = new Uint32Array(RANDOM_PORTS + 1);
  readonly #port = new Uint16Array(RANDOM_PORTS + 1);
  #count = 0;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  get count(): number {
    return this.#count;
  }

  /** Whose port `path` is; {@link NO_PEER}: nobody's. */
  owner(path: number): PeerId {
    return path <= RANDOM_PORTS ? this.#owner[path]! : NO_PEER;
  }

  port(path: number): number {
    return this.#port[path]!;
  }

  /** @returns the path; {@link SERVICE_PATH}: there is no port to be had */
  open(p: PeerId): number {
    for (let path = 1; path <= RANDOM_PORTS; path++) {
      if (this.#owner[path] !== NO_PEER) continue;
      const port = this.#host.openPort(path);
      if (port === 0) return SERVICE_PATH;
      this.#owner[path] = p;
      this.#port[path] = port;
      this.#count++;
      return path;
    }
    return SERVICE_PATH;
  }

  /** Whether there is none left for a stranger, or for whom our host wants. */
  isFull(paths: Paths, isWanted: boolean): boolean {
    if (this.#count === RANDOM_PORTS) return true;
    return !isWanted && this.#strangers(paths) >= STRANGERS_MAX;
  }

  #strangers(paths: Paths): number {
    let count = 0;
    for (let path = 1; path <= RANDOM_PORTS; path++) {
      const p = this.#owner[path]!;
      if (p !== NO_PEER && !paths.isWanted(p)) count++;
    }
    return count;
  }

  /**
   * Of their owners one that is neither asked nor heard of: who never answered, and was asked longest ago,
   * before who has been silent for longest. Else for whom our host wants a stranger, though it is there.
   *
   * @returns {@link NO_PEER}: nobody gives way
   */
  giveWay(peers: Peers, paths: Paths, isWanted: boolean, now: Millis): PeerId {
    const isCrowded = !isWanted && this.#strangers(paths) >= STRANGERS_MAX;
    let found = NO_PEER;
    let least = Infinity;
    for (let path = 1; path <= RANDOM_PORTS; path++) {
      const p = this.#owner[path]!;
      if (p === NO_PEER || (isCrowded && paths.isWanted(p))) continue;
      const isIdle = !peers.isResolving(p) && !peers.isValid(p, now);
      if (!isIdle && (!isWanted || paths.isWanted(p))) continue;
      const rank = peers.isTrusted(p) ? peers.lastReceived(p) : peers.lastBubble(p) - BEFORE_ANY;
      if (rank >= least) continue;
      found = p;
      least = rank;
    }
    return found;
  }

  close(path: number): void {
    if (path === SERVICE_PATH || this.#owner[path] === NO_PEER) return;
    this.#owner[path] = NO_PEER;
    this.#host.closePort(path);
    this.#count--;
  }
}
