import { existsSync } from "node:fs";
import type { Selector } from "../../traffic.ts";
import { NftRule } from "./expressions.ts";
import type { NftTable } from "./nftables.ts";
import type { Hook } from "./hook.ts";
import type { Place } from "./outcome.ts";
import { seesConnections } from "./passage.ts";
import type { LegacyTable } from "./xtables/legacy.ts";

/** Where root's programs are; what a shell would find first is no business of a check. */
const FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"];
/** Tables and chains that iptables-nft makes in nf_tables. */
const IPTABLES_TABLES = new Set(["raw", "mangle", "nat", "filter", "security"]);
const IPTABLES_CHAINS = new Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);
/** Others, which nobody has, are not put into a command. */
const PLAIN_NAME = /^[\w.:/-]+$/;

/** Which command of a system changes a chain. */
type Owner = { readonly kind: "nft"; readonly table: NftTable } | {
  readonly kind: "iptables";
  readonly program: string;
  readonly table: string;
};

/** Completes "dropped by ...". */
export function placeText(place: Place): string {
  const { base, chain, index, diverted } = place;
  const owner = ownerOf(place);
  const table = owner.kind === "nft" ? base.table.title : `table ${owner.table} (${owner.program})`;
  const where = `chain ${chain.name} of ${table}`;
  if (index < 0) return `the policy of ${where}`;
  const rule = chain.rules[index];
  const number = owner.kind === "nft" && rule instanceof NftRule
    ? `the rule with handle ${rule.handle}`
    : `rule ${index + 1}`;
  return `${number} in ${where}${diverted ? ", which sends them elsewhere" : ""}`;
}

/** A command that accepts what `selector` describes just before it is stopped; it takes nothing away. */
export function mendOf(place: Place, selector: Selector): string {
  const { base, chain, before } = place;
  const owner = ownerOf(place);
  const words = owner.kind === "nft"
    ? nftWords(selector, base.hook)
    : iptablesWords(selector, base.hook);
  const isKnown = !selector.answers || seesConnections(base.hook, base.priority);
  const names = [chain.name, ...words, owner.kind === "nft" ? owner.table.name : owner.table];
  if (!isKnown || !names.every((name) => PLAIN_NAME.test(name))) {
    return "accept them before they come there";
  }
  if (owner.kind === "iptables") {
    const table = owner.table === "filter" ? [] : ["-t", owner.table];
    const at = before === undefined ? ["-A", chain.name] : ["-I", chain.name, `${before + 1}`];
    return [owner.program, ...table, ...at, ...words, "-j", "ACCEPT"].join(" ");
  }
  const rule = before === undefined ? undefined : chain.rules[before];
  const at = rule instanceof NftRule ? ["handle", `${rule.handle}`] : [];
  const verb = rule instanceof NftRule ? "insert" : "add";
  const { family, name } = owner.table;
  return ["nft", verb, "rule", family, name, chain.name, ...at, ...words, "accept"].join(" ");
}

function ownerOf({ base }: Place): Owner {
  const table = base.table as NftTable | LegacyTable;
  if ("version" in table) {
    const program = `ip${table.version === 4 ? "" : "6"}tables`;
    const isBeside = exists(`${program}-legacy`);
    return {
      kind: "iptables",
      program: isBeside ? `${program}-legacy` : program,
      table: table.name,
    };
  }
  const program = { ip: "iptables-nft", ip6: "ip6tables-nft" }[table.family];
  const isTheirs = IPTABLES_TABLES.has(table.name) && IPTABLES_CHAINS.has(base.name);
  if (program === undefined || !isTheirs || !exists(program)) return { kind: "nft", table };
  return { kind: "iptables", program, table: table.name };
}

function exists(program: string): boolean {
  return FOLDERS.some((folder) => existsSync(`${folder}/${program}`));
}

const KNOW_IN: readonly Hook[] = ["ingress", "prerouting", "input", "forward"];
const KNOW_OUT: readonly Hook[] = ["output", "forward", "postrouting", "egress"];

function nftWords(selector: Selector, hook: Hook): string[] {
  const { fromPort, toPort, udp, answers, icmpv6 } = selector;
  const words: string[] = [];
  if (knows(selector.in, KNOW_IN, hook)) words.push("iifname", selector.in!);
  else if (selector.from !== undefined) words.push("ip6", "saddr", selector.from);
  if (knows(selector.out, KNOW_OUT, hook)) words.push("oifname", selector.out!);
  else if (selector.to !== undefined) words.push("ip6", "daddr", selector.to);
  if (fromPort !== undefined) words.push("udp", "sport", `${fromPort}`);
  if (toPort !== undefined) words.push("udp", "dport", `${toPort}`);
  if (answers) words.push("ct", "state", "established");
  if (udp) words.push("meta", "l4proto", "udp");
  if (icmpv6) words.push("meta", "l4proto", "ipv6-icmp");
  return words;
}

function iptablesWords(selector: Selector, hook: Hook): string[] {
  const { fromPort, toPort, udp, answers, icmpv6 } = selector;
  const words: string[] = [];
  if (knows(selector.in, KNOW_IN, hook)) words.push("-i", selector.in!);
  else if (selector.from !== undefined) words.push("-s", selector.from);
  if (knows(selector.out, KNOW_OUT, hook)) words.push("-o", selector.out!);
  else if (selector.to !== undefined) words.push("-d", selector.to);
  if (fromPort !== undefined) words.push("-p", "udp", "--sport", `${fromPort}`);
  if (toPort !== undefined) words.push("-p", "udp", "--dport", `${toPort}`);
  if (udp) words.push("-p", "udp");
  if (answers) words.push("-m", "conntrack", "--ctstate", "ESTABLISHED");
  if (icmpv6) words.push("-p", "ipv6-icmp");
  return words;
}

function knows(name: string | undefined, hooks: readonly Hook[], hook: Hook): boolean {
  return name !== undefined && hooks.includes(hook);
}
