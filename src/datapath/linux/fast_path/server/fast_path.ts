import { Arena } from "#ffi/arena.ts";
import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import { EPERM } from "#ffi/linux/mod.ts";
import { Counter, type Counters, makeCounters } from "#src/protocol/counters.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import type { Millis } from "#src/protocol/time.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  type FastPathReport,
  noServerFastPath,
  type ServerFastPath,
  type ServerFastPathSetup,
} from "../../../fast_path.ts";
import { Opened } from "../../../opened.ts";
import { Changes, IPV4_CHANGES } from "../../netlink/changes.ts";
import { Netlink } from "../../netlink/socket.ts";
import { hostTtl } from "../host_ttl.ts";
import { ethernetWith } from "../interfaces.ts";
import { reasonOf } from "../relay_fast_path.ts";
import { type ServerAnswerOptions, ServerPrograms } from "./programs.ts";

/** What could not be attached is tried again: an interface may have gone at that moment. */
const TRY_AGAIN: Millis = 1_000;
/** For the structures of calls. */
const ARENA = 64 * 1024;

interface Counted {
  readonly counters: Counters;
  readonly leftAlone: FastPathReport["leftAlone"];
}

/** Opens a server's fast path; what comes of it says why there is none. */
export function openServerFastPath(libc: Libc, setup: ServerFastPathSetup): ServerFastPath {
  const opened = new Opened();
  try {
    return opened.run(() => new LinuxServerFastPath(libc, setup, opened));
  } catch (error) {
    return noServerFastPath(reasonOf(error));
  }
}

/**
 * The program of a server, attached to the interfaces that have both of its addresses, as long as it may
 * and can be. Needs no privilege once it is made, until what the program is made of changes.
 */
class LinuxServerFastPath implements ServerFastPath {
  readonly #opened: Opened;
  readonly #own: readonly [primary: number, secondary: number];
  readonly #netlink: Netlink;
  readonly #changes: Changes;
  readonly #programs: ServerPrograms;
  #options: ServerAnswerOptions;
  #rules: ServerOptions;
  #refusal: string | undefined = "this host's packet filters are not yet known";
  #note: string | undefined;
  /** Why there is none though there may be. */
  #problem: string | undefined;
  /** Why there can be none any more, until the rules change again. */
  #lost: string | undefined;
  #isPaused = false;
  #attached: readonly number[] = [];
  #tryAt: Millis = Infinity;
  /** What was counted when it was closed: who stops is asked for what he did. */
  #atTheEnd: Counted | undefined;

  /** @throws SyscallError */
  constructor(libc: Libc, setup: ServerFastPathSetup, opened: Opened) {
    this.#opened = opened;
    const { primary, secondary, broadcasts, rules } = setup;
    this.#own = [primary, secondary];
    this.#rules = rules;
    this.#options = { primary, secondary, broadcasts, ttl: hostTtl(), rules: bakedOf(rules) };
    const arena = opened.add(new Arena(libc, ARENA + Bpf.mappedLength(4)), (it) => it.close());
    this.#netlink = opened.add(new Netlink(libc), (it) => it.close());
    this.#changes = opened.add(new Changes(libc, IPV4_CHANGES), (it) => it.close());
    this.#programs = opened.add(
      new ServerPrograms(libc, arena, this.#options),
      (it) => it.close(),
    );
    this.#tryTcx();
    this.#programs.open = true;
  }

  /** What the kernel lacks is told now, while there is still a start to tell it of; nothing is answered. */
  #tryTcx(): void {
    this.#programs.attach(this.#find());
    this.#programs.detach();
  }

  report(): FastPathReport {
    const off = this.#offBecause();
    const { counters, leftAlone } = this.#counted();
    return {
      on: off === undefined && this.#attached.length > 0,
      note: off ?? this.#note,
      leasesLimit: 0,
      leftAlone,
      passed: {
        up: counters[Counter.solicitations_received]!,
        down: counters[Counter.advertisements_sent]!,
      },
    };
  }

  #counted(): Counted {
    if (this.#atTheEnd !== undefined) return this.#atTheEnd;
    const counters = makeCounters();
    this.#programs.addTo(counters);
    return { counters, leftAlone: this.#programs.leftAlone() };
  }

  #offBecause(): string | undefined {
    const required = this.#rules.requireAuthentication
      ? "`require_authentication = yes`"
      : undefined;
    const paused = this.#isPaused ? "somebody watches what becomes of packets" : undefined;
    return required ?? this.#lost ?? this.#refusal ?? this.#problem ?? paused;
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
    if (this.#changes.any() || performance.now() >= this.#tryAt) this.#follow();
  }

  addTo(counters: Counters): void {
    const { counters: more } = this.#counted();
    for (let i = 0; i < more.length; i++) counters[i]! += more[i]!;
  }

  pause(wanted: boolean): void {
    this.#isPaused = wanted;
    this.#programs.open = !wanted;
  }

  setRules(rules: ServerOptions): void {
    this.#rules = rules;
    this.#serve({ ...this.#options, rules: bakedOf(rules) }, "the rules have changed");
  }

  setBroadcasts(broadcasts: readonly number[]): void {
    this.#serve({ ...this.#options, broadcasts }, "this host's subnets have changed");
  }

  /** @param why completes "..., and this process may load no programs" */
  #serve(options: ServerAnswerOptions, why: string): void {
    if (this.#lost !== undefined || keyOf(options) !== keyOf(this.#options)) {
      this.#load(options, why);
    }
    this.#options = options;
    this.#follow();
  }

  #load(options: ServerAnswerOptions, why: string): void {
    try {
      this.#programs.serve(options);
      this.#lost = undefined;
    } catch (error) {
      this.#detach();
      const isForbidden = error instanceof SyscallError && error.errno === EPERM;
      this.#lost = isForbidden
        ? `${why}, and this process may load no programs any more; restart it`
        : reasonOf(error);
    }
  }

  /** Has the program where it is to be. */
  #follow(): void {
    this.#tryAt = Infinity;
    const { requireAuthentication } = this.#rules;
    if (requireAuthentication || this.#refusal !== undefined || this.#lost !== undefined) {
      return this.#detach();
    }
    try {
      this.#attached = this.#find();
      this.#programs.attach(this.#attached);
      this.#problem = this.#attached.length > 0 ? undefined : this.#noInterface();
    } catch (error) {
      this.#detach();
      this.#problem = reasonOf(error);
      this.#tryAt = performance.now() + TRY_AGAIN;
    }
  }

  #find(): readonly number[] {
    return ethernetWith(this.#netlink, this.#own);
  }

  #noInterface(): string {
    const both = this.#own.map(formatIpv4).join(" and ");
    return `no Ethernet interface that is up has both ${both}`;
  }

  #detach(): void {
    this.#programs.detach();
    this.#attached = [];
  }

  close(): void {
    this.#detach();
    this.#atTheEnd = this.#counted();
    this.#opened.close();
  }
}

/** Of the rules, what the program is made of. */
function bakedOf(rules: ServerOptions): ServerAnswerOptions["rules"] {
  return {
    prefix: rules.prefix,
    serverAddress: rules.serverAddress,
    ownAddresses: rules.ownAddresses,
    mtu: rules.mtu,
    refuseReserved: rules.refuseReserved,
    solicitationRate: rules.solicitationRate,
    solicitationBurst: rules.solicitationBurst,
  };
}

const keyOf = (options: ServerAnswerOptions): string => JSON.stringify(options);
