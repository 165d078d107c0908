import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { POLLFD_EVENTS_AT, POLLFD_FD_AT, SIZEOF_POLLFD } from "#ffi/posix.ts";
import { kernelOf } from "#src/datapath/kernels.ts";
import type { Inherited, Kept, Kind } from "#src/datapath/kept.ts";
import { lookAtPassed, type Passed } from "#src/datapath/linux/passed.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Host } from "./host/contract.ts";
import type { Notifier } from "./notify.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The first that is passed. sd_listen_fds(3) */
const FIRST = 3;
/** More are none of ours. */
const MOST = 1_024;
const KINDS: readonly Kind[] = ["udp", "tun"];
const NAME = /^(udp|tun)-(\d{1,3})$/;
/** How long the service manager may take to have done what it was told. */
const BARRIER: Millis = 5_000;

interface Waiting extends Passed {
  readonly fd: number;
  readonly name: string;
  readonly kind: Kind;
  readonly place: number;
}

/**
 * The service manager's store of descriptors: what a relay has open waits there for the next one, so
 * that packets queue meanwhile, and interface, address and route stay. systemd.service(5),
 * FileDescriptorStoreMax=
 */
export class FdStore implements Inherited {
  readonly #libc: Libc;
  readonly #log: Logger;
  readonly #notifier: Notifier;
  readonly #waiting: readonly Waiting[];
  readonly #taken = new Set<Kind>();
  readonly #released = new Set<Kind>();

  constructor(libc: Libc, log: Logger, notifier: Notifier, env: Environment, pid: number) {
    this.#libc = libc;
    this.#log = log;
    this.#notifier = notifier;
    const canAdopt = kernelOf(libc).boundAsWanted !== undefined;
    this.#waiting = (canAdopt ? passed(env, pid) : []).flatMap(({ fd, name }) => {
      const [, kind, place] = NAME.exec(name) ?? [];
      if (kind === undefined) return [];
      return [{ fd, name, kind: kind as Kind, place: Number(place), ...lookAtPassed(libc, fd) }];
    }).sort((a, b) => a.place - b.place);
  }

  /** The host as it is for who goes on with what waits here: its port and interface are not taken. */
  seenFrom(host: Host): Host {
    if (this.#waiting.length === 0) return host;
    const has = (kind: Kind, what: string) => this.#waiting.some((it) => it[kind] === what);
    return {
      ...host,
      refusesUdp: (address, port) =>
        has("udp", `${formatIpv4(address)}:${port}`) ? undefined : host.refusesUdp(address, port),
      tun: (wanted) =>
        has("tun", wanted) ? { verdict: "ok", detail: `${wanted} has waited` } : host.tun(wanted),
    };
  }

  take(kind: Kind): readonly number[] {
    if (this.#taken.has(kind)) {
      // They were closed with what was opened around them, and still wait there.
      this.release(kind);
      return [];
    }
    this.#taken.add(kind);
    return this.#of(kind).map(({ fd }) => fd);
  }

  release(kind: Kind): void {
    if (this.#released.has(kind) || this.#of(kind).length === 0) return;
    this.#released.add(kind);
    const problem = "they are not as the configuration asks for";
    this.#log.warn("Descriptors not taken over", { what: kind, problem });
    this.#remove(this.#of(kind).map(({ name }) => name));
    this.#awaitManager();
  }

  /** All is open: what this process goes on with is its alone. */
  settle(): void {
    const kinds = KINDS.filter((kind) => this.#taken.has(kind) && !this.#released.has(kind));
    const names = this.#waiting.filter((it) => kinds.includes(it.kind)).map(({ name }) => name);
    if (names.length === 0) return;
    this.#remove(names);
    this.#log.info("Descriptors taken over", { count: names.length });
  }

  /** Leaves them to the next relay. @returns whether all were taken */
  keep(kept: Kept): boolean {
    if (kept.tun.length === 0) return false;
    const all = KINDS.flatMap((kind) => kept[kind].map((fd, i) => ({ fd, name: `${kind}-${i}` })));
    const isKept = all.every(({ fd, name }) =>
      this.#notifier.sendWith(`FDSTORE=1\nFDNAME=${name}`, fd)
    );
    if (!isKept) this.#remove(all.map(({ name }) => name));
    else this.#log.info("Descriptors handed over", { count: all.length });
    return isKept;
  }

  #of(kind: Kind): readonly Waiting[] {
    return this.#waiting.filter((it) => it.kind === kind);
  }

  #remove(names: readonly string[]): void {
    for (const name of names) this.#notifier.send(`FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  /** Until it has done what it was told before: it closes the other end of a pipe then. sd_notify(3) */
  #awaitManager(): void {
    const { call, layout } = this.#libc;
    const arena = Arena.plain(this.#libc, 4_096);
    const [ends, poll] = [arena.take(8), arena.take(SIZEOF_POLLFD)];
    try {
      if (call.pipe2(arena.address(ends), layout.O_CLOEXEC) !== 0) return;
      const [reader, writer] = [arena.i32[ends >> 2]!, arena.i32[(ends >> 2) + 1]!];
      const isTold = this.#notifier.sendWith("BARRIER=1", writer);
      call.close(writer);
      arena.i32[(poll + POLLFD_FD_AT) >> 2] = reader;
      arena.u16[(poll + POLLFD_EVENTS_AT) >> 1] = 0; // the end of the other one is told unasked
      if (isTold) call.poll(arena.address(poll), 1, BARRIER);
      call.close(reader);
    } finally {
      arena.close();
    }
  }
}

/** Descriptors that this very process was given, with their names. */
function passed(env: Environment, pid: number): { fd: number; name: string }[] {
  const count = Number(env["LISTEN_FDS"]);
  if (env["LISTEN_PID"] !== String(pid) || !(count > 0 && count <= MOST)) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  return Array.from({ length: count }, (_, i) => ({ fd: FIRST + i, name: names[i] ?? "" }));
}
