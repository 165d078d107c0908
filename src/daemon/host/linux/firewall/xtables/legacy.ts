import { readFileSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  IP6T_ENTRY_NEXT_OFFSET_AT,
  IP6T_ENTRY_TARGET_OFFSET_AT,
  IP6T_IP6_PROTO_AT,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPT_ENTRY_NEXT_OFFSET_AT,
  IPT_ENTRY_TARGET_OFFSET_AT,
  IPT_GET_ENTRIES_SIZE_AT,
  IPT_GETINFO_HOOK_ENTRY_AT,
  IPT_GETINFO_SIZE_AT,
  IPT_GETINFO_UNDERFLOW_AT,
  IPT_GETINFO_VALID_HOOKS_AT,
  IPT_IP_PROTO_AT,
  IPT_SO_GET_ENTRIES,
  IPT_SO_GET_INFO,
  NF_ACCEPT,
  NF_DROP,
  NF_REPEAT,
  SIZEOF_IP6T_ENTRY,
  SIZEOF_IPT_ENTRY,
  SIZEOF_IPT_GET_ENTRIES,
  SIZEOF_IPT_GETINFO,
  SIZEOF_XT_ENTRY_MATCH,
  SOCK_DGRAM,
  XT_ENTRY_MATCH_NAME_AT,
  XT_ENTRY_MATCH_REVISION_AT,
} from "#ffi/linux/mod.ts";
import { readString, viewOf } from "#src/datapath/linux/netlink/message.ts";
import type { Hook } from "../hook.ts";
import type { BaseChain, Chain, Table, Verdict } from "../outcome.ts";
import { type LegacyMatch, LegacyRule } from "./rule.ts";

/** One of iptables-legacy or ip6tables-legacy. */
export interface LegacyTable extends Table {
  readonly version: 4 | 6;
  readonly name: string;
}

/** Bytes of one table that are read; 10,000 rules have about two million. */
const MAX_LENGTH = 16 << 20;

const HOOKS: readonly Hook[] = ["prerouting", "input", "forward", "output", "postrouting"];
const BUILT_IN = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** Where the kernel calls a table among the others. enum nf_ip_hook_priorities */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  nat: -100,
  filter: 0,
  security: 50,
};

/**
 * Names of the tables that are in use. Only these may be asked for: the kernel would load another.
 *
 * @throws Error when the list cannot be read; the list is empty where the kernel has no such tables
 */
export function legacyTables(version: 4 | 6): string[] {
  const path = `/proc/net/ip${version === 4 ? "" : "6"}_tables_names`;
  try {
    return readFileSync(path, "utf8").split("\n").filter((name) => name in PRIORITIES);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The base chains of a table. @throws SyscallError */
export function readLegacyTable(libc: Libc, version: 4 | 6, name: string): BaseChain[] {
  const family = version === 4 ? AF_INET : libc.layout.AF_INET6;
  const type = SOCK_DGRAM | libc.layout.SOCK_CLOEXEC;
  const fd = check(libc, libc.call.socket(family, type, 0), "socket", `IPv${version}`);
  try {
    const info = getOption(libc, fd, version, IPT_SO_GET_INFO, name, SIZEOF_IPT_GETINFO, 0);
    const size = viewOf(info).getUint32(IPT_GETINFO_SIZE_AT, true);
    if (size > MAX_LENGTH) throw new RangeError(`${name} has ${size} bytes of rules`);
    const length = SIZEOF_IPT_GET_ENTRIES + size;
    const entries = getOption(libc, fd, version, IPT_SO_GET_ENTRIES, name, length, size);
    return new Blob(version, name, info, entries.subarray(SIZEOF_IPT_GET_ENTRIES)).baseChains();
  } finally {
    libc.call.close(fd);
  }
}

/** Both structures begin with the table's name, and one goes on with the size of its entries. */
function getOption(
  libc: Libc,
  fd: number,
  version: 4 | 6,
  option: number,
  name: string,
  length: number,
  size: number,
): Uint8Array {
  const arena = Arena.plain(libc, length + 128);
  try {
    const lengthAt = arena.take(4);
    const at = arena.take(length);
    arena.u32[lengthAt >> 2] = length;
    arena.u8.set(new TextEncoder().encode(name), at);
    if (size > 0) arena.u32[(at + IPT_GET_ENTRIES_SIZE_AT) >> 2] = size;
    const level = version === 4 ? IPPROTO_IP : IPPROTO_IPV6;
    const { getsockopt } = libc.call;
    const status = getsockopt(fd, level, option, arena.address(at), arena.address(lengthAt));
    check(libc, status, "getsockopt", `iptables-legacy, table ${name}`);
    return arena.u8.slice(at, at + length);
  } finally {
    arena.close();
  }
}

/** Entries one behind the other, with offsets where jumps lead. */
class Blob {
  readonly #version: 4 | 6;
  readonly #name: string;
  readonly #info: DataView;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #chains = new Map<string, Chain>();
  /** By the offset of its first rule. */
  readonly #nameAt = new Map<number, string>();

  constructor(version: 4 | 6, name: string, info: Uint8Array, bytes: Uint8Array) {
    this.#version = version;
    this.#name = name;
    this.#info = viewOf(info);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  baseChains(): BaseChain[] {
    const version = this.#version;
    const title = `table ${this.#name} of ip${version === 4 ? "" : "6"}tables-legacy`;
    const table: LegacyTable = { title, chains: this.#chains, version, name: this.#name };
    this.#findUserChains();
    for (const [at, name] of this.#nameAt) {
      this.#chains.set(name, { name, rules: this.#rules(at, this.#bytes.length) });
    }
    const valid = this.#info.getUint32(IPT_GETINFO_VALID_HOOKS_AT, true);
    const numbers = [0, 1, 2, 3, 4].filter((number) => (valid & (1 << number)) !== 0);
    return numbers.map((number) => this.#baseChain(number, table));
  }

  #baseChain(number: number, table: LegacyTable): BaseChain {
    const from = this.#info.getUint32(IPT_GETINFO_HOOK_ENTRY_AT + 4 * number, true);
    const policy = this.#info.getUint32(IPT_GETINFO_UNDERFLOW_AT + 4 * number, true);
    const isNat = this.#name === "nat";
    const hook = HOOKS[number]!;
    return {
      name: BUILT_IN[number]!,
      rules: this.#rules(from, policy),
      hook,
      priority: isNat && (hook === "postrouting" || hook === "input")
        ? 100
        : PRIORITIES[this.#name]!,
      isNat,
      drops: this.#verdict(policy).kind === "drop",
      devices: [],
      versions: [table.version],
      table,
    };
  }

  /** Each begins behind an entry whose target, ERROR, has its name. The last of them ends the table. */
  #findUserChains(): void {
    for (let at = 0; at < this.#bytes.length; at = this.#next(at)) {
      const target = this.#target(at);
      if (this.#targetName(target) !== "ERROR") continue;
      const name = readString(this.#bytes.subarray(target + SIZEOF_XT_ENTRY_MATCH)) ?? "";
      if (name !== "ERROR") this.#nameAt.set(this.#next(at), name);
    }
  }

  /** Up to `end`, or the end of the chain. */
  #rules(from: number, end: number): LegacyRule[] {
    const rules: LegacyRule[] = [];
    for (let at = from; at < end; at = this.#next(at)) {
      const target = this.#target(at);
      const name = this.#targetName(target);
      if (name === "ERROR") break;
      rules.push(
        new LegacyRule(this.#version, this.#bytes.subarray(at, this.#next(at)), {
          matches: this.#matches(at, target),
          protocolAt: this.#version === 4 ? IPT_IP_PROTO_AT : IP6T_IP6_PROTO_AT,
          target: name,
          targetInfo: this.#bytes.subarray(target + SIZEOF_XT_ENTRY_MATCH, this.#next(at)),
          verdict: name === "" ? this.#verdict(at) : undefined,
        }),
      );
    }
    return rules;
  }

  #matches(entry: number, target: number): LegacyMatch[] {
    const matches: LegacyMatch[] = [];
    let at = entry + (this.#version === 4 ? SIZEOF_IPT_ENTRY : SIZEOF_IP6T_ENTRY);
    while (at < target) {
      const size = this.#view.getUint16(at, true);
      if (size < SIZEOF_XT_ENTRY_MATCH) break;
      matches.push({
        name: readString(this.#bytes.subarray(at + XT_ENTRY_MATCH_NAME_AT, at + 31)) ?? "",
        revision: this.#bytes[at + XT_ENTRY_MATCH_REVISION_AT]!,
        info: this.#bytes.subarray(at + SIZEOF_XT_ENTRY_MATCH, at + size),
      });
      at += size;
    }
    return matches;
  }

  #targetName(target: number): string {
    return readString(this.#bytes.subarray(target + XT_ENTRY_MATCH_NAME_AT, target + 31)) ?? "";
  }

  /** Of the standard target: below 0 a verdict, else where to jump. */
  #verdict(entry: number): Verdict {
    const value = this.#view.getInt32(this.#target(entry) + SIZEOF_XT_ENTRY_MATCH, true);
    if (value >= 0) {
      const chain = this.#nameAt.get(value);
      // One that leads to the next rule is a jump to nowhere, as iptables makes of a rule without target.
      return chain === undefined ? { kind: "continue" } : { kind: "jump", chain };
    }
    const verdict = -value - 1;
    if (verdict === NF_ACCEPT) return { kind: "accept" };
    if (verdict === NF_DROP) return { kind: "drop" };
    return { kind: verdict === NF_REPEAT ? "return" : "unknown" }; // XT_RETURN; NF_QUEUE
  }

  #target(entry: number): number {
    const at = this.#version === 4 ? IPT_ENTRY_TARGET_OFFSET_AT : IP6T_ENTRY_TARGET_OFFSET_AT;
    return entry + this.#view.getUint16(entry + at, true);
  }

  #next(entry: number): number {
    const at = this.#version === 4 ? IPT_ENTRY_NEXT_OFFSET_AT : IP6T_ENTRY_NEXT_OFFSET_AT;
    const length = this.#view.getUint16(entry + at, true);
    if (length === 0) throw new RangeError("an entry of iptables-legacy has no length");
    return entry + length;
  }
}
