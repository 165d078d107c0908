import type { Libc } from "#ffi/libc.ts";
import { bringLoopbackUp } from "#src/datapath/linux/netlink/loopback.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { ipv4Bytes } from "../../host/samples.ts";
import { serveNames } from "./resolver.ts";

/** Networks bring name servers along; the first so many are served, see docs/limits.md. */
const SERVED_MAX = 32;

type Ask = (server: string, message: Uint8Array) => Promise<Uint8Array | undefined>;

/** Has name servers inside wherever there are some outside: programs read the same resolv.conf. */
export class NamesInside {
  readonly #ask: Ask;
  readonly #served = new Set<string>();
  readonly #closers: (() => void)[] = [];
  #libc: Libc | undefined;
  /** Told of before there is a loopback to serve them by. */
  #early: readonly string[] = [];

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Brings loopback up as well. @throws SyscallError, what a socket throws */
  async serve(libc: Libc, servers: readonly string[]): Promise<void> {
    this.#libc = libc;
    await this.#add(libc, servers);
    await this.serveToo(this.#early);
  }

  /** Those of another network. What has their port inside keeps it. */
  async serveToo(servers: readonly string[]): Promise<void> {
    if (this.#libc === undefined) this.#early = servers;
    else await this.#add(this.#libc, servers).catch(() => {});
  }

  async #add(libc: Libc, servers: readonly string[]): Promise<void> {
    const fresh = servers.filter((it) => !this.#served.has(it))
      .slice(0, SERVED_MAX - this.#served.size);
    bringLoopbackUp(libc, fresh.map((it) => ipv4Bytes(parseIpv4(it)!)));
    this.#closers.push(await serveNames(fresh, this.#ask));
    for (const server of fresh) this.#served.add(server);
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }
}
