import { SyscallError } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  EACCES,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  NETLINK_NETFILTER,
} from "#ffi/linux/mod.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import type { FilterReport, Handled, Traffic } from "../../traffic.ts";
import { asked, handled, judge } from "./judge.ts";
import { nftGeneration, readNftables } from "./nftables.ts";
import type { BaseChain } from "./outcome.ts";
import type { Surroundings } from "./passage.ts";
import { Policies } from "./policies.ts";
import { legacyTables, readLegacyTable } from "./xtables/legacy.ts";

/** Interfaces and routes change without a sign that is heeded here: in milliseconds. */
const LOOK_AGAIN = 60_000;
/** Who asks again within this time is told the same: readiness and the fast path ask each second. */
const MOMENT = 500;
/** So do the rules of iptables-legacy, once there are any. */
const LOOK_AGAIN_LEGACY = 3_000;
const LEGACY = "iptables-legacy";
/** Of one core at most, in the long run. */
const SHARE = 0.01;
/** Of a kernel without nfnetlink, or without its part for nf_tables. */
const ABSENT: readonly number[] = [EPROTONOSUPPORT, EINVAL, EOPNOTSUPP];
/** Rules that change while they are read are read again. */
const ATTEMPTS = 3;

type Found = Pick<FilterReport, "filtered" | "handled" | "asked">;

/**
 * The packet filters of this network namespace, read from the kernel: nf_tables, in which
 * iptables-nft's rules are too, and the tables of iptables-legacy. Nothing is changed, no program is
 * run and no packet is sent.
 */
export class Firewall {
  readonly #libc: Libc;
  readonly #around: Surroundings;
  readonly #policies: Policies;
  #netlink: Netlink | undefined;
  #askedAt = -Infinity;
  #last: { report: FilterReport; generation: string; at: number; cost: number } | undefined;

  constructor(libc: Libc, around: Surroundings) {
    this.#libc = libc;
    this.#around = around;
    this.#policies = new Policies(libc);
  }

  /** What happens to the traffic at this moment. */
  look(traffic: () => readonly Traffic[]): FilterReport {
    return this.#look(traffic());
  }

  /** The same, asked again and again: it answers from memory while the rules are the same. */
  watch(traffic: () => readonly Traffic[]): FilterReport {
    const now = performance.now();
    const last = this.#last;
    if (last !== undefined && now - last.at < last.cost / SHARE) return last.report;
    if (last !== undefined && now - this.#askedAt < MOMENT) return last.report;
    this.#askedAt = now;
    const generation = this.#generation();
    if (
      last !== undefined && last.generation === generation && now - last.at < lasts(last.report)
    ) {
      return last.report;
    }
    const report = this.#look(traffic());
    const at = performance.now();
    this.#last = { report, generation, at, cost: at - now };
    return report;
  }

  #look(traffic: readonly Traffic[]): FilterReport {
    const seen: string[] = [];
    const unseen: string[] = [];
    const found = [
      ...this.#with("nftables", () => this.#steadily(traffic), seen, unseen),
      ...this.#with(LEGACY, () => this.#throughLegacy(traffic), seen, unseen),
    ];
    const filtered = found.flatMap((it) => it.filtered);
    const all = [...found.flatMap((it) => it.handled), ...this.#encrypted(traffic, unseen)];
    const withRules = new Set(found.flatMap((it) => it.asked));
    return { filtered, handled: all, asked: [...withRules], seen, unseen };
  }

  /** Whether a policy may have datagrams encrypted: of which, none but the kernel knows. */
  #encrypted(traffic: readonly Traffic[], unseen: string[]): Handled[] {
    try {
      if (this.#policies.count() === 0) return [];
      return traffic.filter(({ version }) => version === 4)
        .map((it) => ({
          traffic: it,
          what: "ipsec",
          by: "the policies that `ip xfrm policy` shows",
        }));
    } catch (error) {
      // Who lacks the right for both is told once.
      if (!isAbsent(error) && unseen.length === 0) {
        unseen.push(`IPsec policies: ${reasonOf(error)}`);
      }
      return [];
    }
  }

  #with(
    name: string,
    look: () => Found[] | undefined,
    seen: string[],
    unseen: string[],
  ): Found[] {
    try {
      const found = look();
      if (found !== undefined) seen.push(name);
      return found ?? [];
    } catch (error) {
      unseen.push(`${name}: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Rules, and the sets they ask for, of one generation. undefined: this kernel has no nf_tables. */
  #steadily(traffic: readonly Traffic[]): Found[] | undefined {
    for (let attempt = 1;; attempt++) {
      const before = this.#askGeneration();
      if (before === undefined) return undefined;
      const bases = readNftables(this.#open());
      const found = this.#through(bases, traffic);
      if (this.#askGeneration() === before || attempt === ATTEMPTS) return found;
    }
  }

  /** undefined: no table is in use. */
  #throughLegacy(traffic: readonly Traffic[]): Found[] | undefined {
    const bases = ([4, 6] as const).flatMap((version) =>
      legacyTables(version).flatMap((name) => readLegacyTable(this.#libc, version, name))
    );
    if (bases.length === 0) return undefined;
    return this.#through(bases, traffic);
  }

  #through(bases: readonly BaseChain[], traffic: readonly Traffic[]): Found[] {
    return traffic.map((it) => ({
      filtered: judge(bases, it, this.#around),
      handled: it.version === 4 ? handled(bases, it, this.#around) : [],
      asked: it.version === 4 ? asked(bases, it) : [],
    }));
  }

  /** Of nf_tables, and which tables of iptables-legacy are in use; what cannot be asked is left out. */
  #generation(): string {
    return [
      () => this.#askGeneration(),
      () => legacyTables(4).join(),
      () => legacyTables(6).join(),
      () => this.#policies.count(),
    ].map(valueOf).join(" ");
  }

  /** undefined: this kernel has no nf_tables. */
  #askGeneration(): number | undefined {
    try {
      return nftGeneration(this.#open());
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  #open(): Netlink {
    return this.#netlink ??= new Netlink(this.#libc, NETLINK_NETFILTER);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof SyscallError && ABSENT.includes(error.errno);
}

function lasts({ seen }: FilterReport): number {
  return seen.includes(LEGACY) ? LOOK_AGAIN_LEGACY : LOOK_AGAIN;
}

function valueOf(ask: () => unknown): unknown {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const errno = error instanceof SyscallError
    ? error.errno
    : { EACCES, EPERM }[(error as NodeJS.ErrnoException).code ?? ""];
  if (errno === EPERM) return "that takes CAP_NET_ADMIN";
  if (errno === EACCES) return "that takes root";
  return error instanceof Error ? error.message : String(error);
}
