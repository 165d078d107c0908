import { type ClientHost, RANDOM_PORTS, SERVICE_PATH } from "../contract.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";

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

  close(path: number): void {
    if (path === SERVICE_PATH || this.#owner[path] === NO_PEER) return;
    this.#owner[path] = NO_PEER;
    this.#host.closePort(path);
    this.#count--;
  }
}
