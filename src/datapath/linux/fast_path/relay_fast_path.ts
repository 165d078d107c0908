import { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { Bpf, ProgramRefused } from "#ffi/linux/bpf_calls.ts";
import { EINVAL, EPERM } from "#ffi/linux/mod.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv6Prefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  type FastPath,
  type FastPathMaps,
  type FastPathReport,
  type FastPathSetup,
  noFastPath,
} from "../../fast_path.ts";
import { Opened } from "../../opened.ts";
import { Changes, IPV4_CHANGES } from "../netlink/changes.ts";
import { Netlink } from "../netlink/socket.ts";
import { interfaceOf } from "../tun/open.ts";
import { hostTtl } from "./host_ttl.ts";
import { type FastPathInterfaces, findInterfaces } from "./interfaces.ts";
import { CONTROL, CONTROL_TUN_AT, CONTROL_TUN_MTU_AT } from "./leases.ts";
import { FastPathImpossible, FastPathPrograms } from "./programs.ts";

/** What could not be attached is tried again: an interface may have gone at that moment. */
const TRY_AGAIN: Millis = 1_000;
/**
 * Between two looks at what has changed. A router learns routes all the time, and none of them is to
 * cost all leases; one change alone takes effect at once.
 */
const PAUSE: Millis = 1_000;
/** For the structures of calls, and the programs while they are loaded. */
const ARENA = 256 * 1024;

/** Opens a fast path; what comes of it says why there is none. */
export function openFastPath(
  libc: Libc,
  setup: FastPathSetup,
  clock: () => Millis = () => performance.now(),
): FastPath {
  const opened = new Opened();
  try {
    return opened.run(() => new RelayFastPath(libc, setup, opened, clock));
  } catch (error) {
    return noFastPath(reasonOf(error), setup.peers);
  }
}

/** Completes `off:`. */
export function reasonOf(error: unknown): string {
  if (error instanceof FastPathImpossible) return error.message;
  if (!(error instanceof SyscallError)) {
    // A file of /proc or /sys, as a container may lack it.
    if (error instanceof Error && "syscall" in error) return error.message;
    throw error;
  }
  if (error.errno === EPERM) return "loading programs takes CAP_BPF and CAP_NET_ADMIN";
  if (error instanceof ProgramRefused) {
    return "the kernel refuses the programs; Linux 6.6 takes them";
  }
  if (error.errno === EINVAL && error.message.includes("BPF_LINK_CREATE")) {
    return "the kernel has no TCX; Linux 6.6 has";
  }
  return error.message.split("\n", 1)[0]!;
}

/**
 * The programs of a relay, attached where its peers' packets come by, as long as they may and can be.
 * Needs no privilege once it is made: whoever has a program's descriptor may attach it.
 */
class RelayFastPath implements FastPath {
  readonly #setup: FastPathSetup;
  readonly #arena: Arena;
  readonly #libc: Libc;
  readonly #clock: () => Millis;
  readonly #opened: Opened;
  readonly #netlink: Netlink;
  readonly #changes: Changes;
  readonly #programs: FastPathPrograms;
  readonly maps: FastPathMaps;
  readonly #controlAt: number;
  #refusal: string | undefined = "this host's packet filters are not yet known";
  #note: string | undefined;
  /** Why there is none though there may be. */
  #problem: string | undefined;
  /** Why there can be none any more, until the next start. */
  #lost: string | undefined;
  #attached: FastPathInterfaces | undefined;
  #tryAt: Millis = Infinity;
  /** Something has changed, and was not yet looked at. */
  #hasChanged = false;
  #lookedAt: Millis = -Infinity;
  #served: string;

  /** @throws SyscallError, FastPathImpossible */
  constructor(libc: Libc, setup: FastPathSetup, opened: Opened, clock: () => Millis) {
    this.#libc = libc;
    this.#clock = clock;
    this.#setup = setup;
    this.#opened = opened;
    const length = ARENA + Bpf.mappedLength(CONTROL);
    this.#arena = opened.add(new Arena(libc, length), (it) => it.close());
    this.#netlink = opened.add(new Netlink(libc), (it) => it.close());
    this.#changes = opened.add(new Changes(libc, IPV4_CHANGES), (it) => it.close());
    this.#programs = opened.add(
      new FastPathPrograms(libc, this.#arena, {
        ...setup,
        servicePort: setup.port,
        ttl: hostTtl(),
      }),
      (it) => it.close(),
    );
    this.maps = this.#programs.maps;
    this.#served = textOfServed(setup.served);
    this.#controlAt = new Bpf(libc, this.#arena).mapOver(this.#programs.maps.control, CONTROL);
    this.#tryTcx();
  }

  /** What the kernel lacks is told now, while there is still a start to tell it of. */
  #tryTcx(): void {
    const found = this.#find();
    if (found === undefined) return;
    this.#programs.attach([], found.tun);
    this.#programs.detach();
  }

  report(): FastPathReport {
    const off = this.#lost ?? this.#refusal ?? this.#problem;
    return {
      on: off === undefined && this.#attached !== undefined,
      note: off ?? this.#note,
      leasesLimit: this.#setup.peers,
      leftAlone: this.#programs.leftAlone(),
    };
  }

  permit(refusal: string | undefined, note?: string): void {
    this.#note = note;
    const turns = (refusal === undefined) !== (this.#refusal === undefined);
    this.#refusal = refusal;
    if (turns) this.#follow();
  }

  signal(wanted: boolean): void {
    this.#changes.signal(wanted);
  }

  look(): void {
    const now = this.#clock();
    if (this.#changes.any()) this.#hasChanged = true;
    if (this.#hasChanged && now - this.#lookedAt >= PAUSE) {
      this.#hasChanged = false;
      this.#lookedAt = now;
      // Leases rest on routes and addresses, whatever becomes of the interfaces.
      this.#setup.announceWays();
      this.#follow();
    } else if (now >= this.#tryAt) this.#follow();
  }

  serve(served: readonly Ipv6Prefix[] | undefined): void {
    const text = textOfServed(served);
    if (text === this.#served) return;
    this.#served = text;
    this.#detach();
    try {
      this.#programs.serve(served);
      this.#lost = undefined;
    } catch (error) {
      const isForbidden = error instanceof SyscallError && error.errno === EPERM;
      this.#lost = isForbidden
        ? "`served` has changed, and this process may load no programs any more; restart it"
        : reasonOf(error);
    }
    this.#follow();
  }

  /** Has the programs where they are to be. */
  #follow(): void {
    this.#tryAt = Infinity;
    if (this.#refusal !== undefined || this.#lost !== undefined) return this.#detach();
    try {
      this.#attach(this.#find());
    } catch (error) {
      this.#detach();
      this.#problem = reasonOf(error);
      this.#tryAt = this.#clock() + TRY_AGAIN;
    }
  }

  #find(): FastPathInterfaces | undefined {
    const arena = Arena.plain(this.#libc, 4096);
    try {
      const name = interfaceOf(this.#libc, arena, this.#setup.tun)?.name;
      return name === undefined ? undefined : findInterfaces(this.#netlink, name);
    } finally {
      arena.close();
    }
  }

  #attach(found: FastPathInterfaces | undefined): void {
    if (found === undefined || found.ethernet.length === 0) {
      this.#detach();
      this.#problem = found === undefined
        ? "there is no TUN interface"
        : "no Ethernet interface that is up has an IPv4 address";
      return;
    }
    this.#problem = undefined;
    if (this.#attached !== undefined && keyOf(found) === keyOf(this.#attached)) return;
    this.#detach();
    const { u32 } = this.#arena;
    u32[(this.#controlAt + CONTROL_TUN_AT) >> 2] = found.tun;
    u32[(this.#controlAt + CONTROL_TUN_MTU_AT) >> 2] = found.mtu;
    this.#programs.attach(found.ethernet, found.tun);
    this.#attached = found;
    this.#setup.setLending(true);
  }

  #detach(): void {
    if (this.#attached === undefined) return;
    this.#setup.setLending(false);
    this.#programs.detach();
    this.#attached = undefined;
  }

  close(): void {
    this.#detach();
    this.#opened.close();
  }
}

const textOfServed = (served: readonly Ipv6Prefix[] | undefined) =>
  served === undefined ? "any" : served.map(formatIpv6Prefix).join();

const keyOf = (it: FastPathInterfaces) => JSON.stringify(it);
