import {
  NF_DROP,
  NF_INET_FORWARD,
  NF_INET_INGRESS,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_NETDEV_EGRESS,
  NF_NETDEV_INGRESS,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFPROTO_NETDEV,
  NFT_CHAIN_BINDING,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETGEN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETTABLE,
  NFT_TABLE_F_DORMANT,
  NFTA_CHAIN_FLAGS,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_GEN_ID,
  NFTA_HOOK_DEV,
  NFTA_HOOK_DEVS,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_NAME,
  SIZEOF_NFGENMSG,
} from "#ffi/linux/mod.ts";
import { attributesOf, readString } from "#src/datapath/linux/netlink/message.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { Attributes } from "./attributes.ts";
import { type Expression, NftRule } from "./expressions.ts";
import type { Hook } from "./hook.ts";
import type { BaseChain, Chain, Table } from "./outcome.ts";
import { nfgenmsg, nft, Sets } from "./sets.ts";

/** A table of nf_tables, as `nft` names it. */
export interface NftTable extends Table {
  readonly family: string;
  readonly name: string;
}

export interface NftChain extends Chain {
  readonly rules: readonly NftRule[];
}

/** Families whose packets are IP's and come from or go to the outside. */
const FAMILIES: Readonly<Record<number, string>> = {
  [NFPROTO_INET]: "inet",
  [NFPROTO_IPV4]: "ip",
  [NFPROTO_IPV6]: "ip6",
  [NFPROTO_NETDEV]: "netdev",
};

const HOOKS: Readonly<Record<number, Hook>> = {
  [NF_INET_PRE_ROUTING]: "prerouting",
  [NF_INET_LOCAL_IN]: "input",
  [NF_INET_FORWARD]: "forward",
  [NF_INET_LOCAL_OUT]: "output",
  [NF_INET_POST_ROUTING]: "postrouting",
  [NF_INET_INGRESS]: "ingress",
};
const DEVICE_HOOKS: Readonly<Record<number, Hook>> = {
  [NF_NETDEV_INGRESS]: "ingress",
  [NF_NETDEV_EGRESS]: "egress",
};

/** Rules that are read. */
const MAX_RULES = 100_000;

/** A number that every change of the rules changes. @throws SyscallError */
export function nftGeneration(netlink: Netlink): number {
  const generation = netlink.ask(
    nft(NFT_MSG_GETGEN),
    nfgenmsg(0),
    "nftables",
    (payload) => new Attributes(payload, SIZEOF_NFGENMSG).number(NFTA_GEN_ID),
  );
  return generation ?? 0;
}

/** All base chains, each with its table. @throws SyscallError, RangeError */
export function readNftables(netlink: Netlink): BaseChain[] {
  const tables = readTables(netlink);
  const rules = readRules(netlink, tables);
  const bases: BaseChain[] = [];
  for (const { family, attributes } of dump(netlink, NFT_MSG_GETCHAIN)) {
    const table = tables.get(`${family} ${attributes.text(NFTA_CHAIN_TABLE)}`);
    if (table === undefined) continue;
    const name = attributes.text(NFTA_CHAIN_NAME);
    const own = rules.get(`${family} ${table.name} ${name}`) ?? [];
    const isBound = (attributes.number(NFTA_CHAIN_FLAGS) & NFT_CHAIN_BINDING) !== 0;
    const base = baseChain(family, attributes, { name, rules: own }, table);
    table.chains.set(name, base ?? { name, rules: own, isBound });
    if (base !== undefined && !table.isDormant) bases.push(base);
  }
  return bases;
}

interface ReadTable extends NftTable {
  readonly chains: Map<string, Chain>;
  readonly isDormant: boolean;
  readonly sets: Sets;
}

function readTables(netlink: Netlink): Map<string, ReadTable> {
  const tables = new Map<string, ReadTable>();
  for (const { family, attributes } of dump(netlink, NFT_MSG_GETTABLE)) {
    const title = FAMILIES[family];
    if (title === undefined) continue;
    const name = attributes.text(NFTA_TABLE_NAME);
    tables.set(`${family} ${name}`, {
      title: `table ${title} ${name}`,
      family: title,
      name,
      chains: new Map(),
      isDormant: (attributes.number(NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT) !== 0,
      sets: new Sets(netlink, family, name),
    });
  }
  return tables;
}

/** By family, table and chain. */
function readRules(netlink: Netlink, tables: Map<string, ReadTable>): Map<string, NftRule[]> {
  const rules = new Map<string, NftRule[]>();
  const all = dump(netlink, NFT_MSG_GETRULE);
  if (all.length > MAX_RULES) throw new RangeError(`there are ${all.length} rules`);
  for (const { family, attributes } of all) {
    const table = attributes.text(NFTA_RULE_TABLE);
    const sets = tables.get(`${family} ${table}`)?.sets;
    if (sets === undefined) continue;
    const key = `${family} ${table} ${attributes.text(NFTA_RULE_CHAIN)}`;
    const own = rules.get(key) ?? [];
    rules.set(key, own);
    const handle = attributes.long(NFTA_RULE_HANDLE);
    own.push(new NftRule(handle, expressionsOf(attributes), sets));
  }
  return rules;
}

function expressionsOf(rule: Attributes): Expression[] {
  return [...attributesOf(rule.bytes(NFTA_RULE_EXPRESSIONS), 0)].map(([, bytes]) => {
    const expression = new Attributes(bytes);
    return { name: expression.text(NFTA_EXPR_NAME), data: expression.nested(NFTA_EXPR_DATA) };
  });
}

/** undefined: it is only called by other chains. */
function baseChain(
  family: number,
  attributes: Attributes,
  chain: Chain,
  table: ReadTable,
): BaseChain | undefined {
  if (!attributes.has(NFTA_CHAIN_HOOK)) return undefined;
  const nested = attributes.nested(NFTA_CHAIN_HOOK);
  const hooks = family === NFPROTO_NETDEV ? DEVICE_HOOKS : HOOKS;
  const hook = hooks[nested.number(NFTA_HOOK_HOOKNUM)];
  if (hook === undefined) return undefined;
  return {
    ...chain,
    hook,
    priority: nested.number(NFTA_HOOK_PRIORITY),
    isNat: attributes.text(NFTA_CHAIN_TYPE) === "nat",
    drops: attributes.has(NFTA_CHAIN_POLICY) && attributes.number(NFTA_CHAIN_POLICY) === NF_DROP,
    devices: devicesOf(nested),
    versions: family === NFPROTO_IPV4 ? [4] : family === NFPROTO_IPV6 ? [6] : [4, 6],
    table,
  };
}

function devicesOf(hook: Attributes): string[] {
  const one = hook.text(NFTA_HOOK_DEV);
  const several = [...attributesOf(hook.bytes(NFTA_HOOK_DEVS), 0)]
    .map(([, bytes]) => readString(bytes) ?? "");
  return [...one === "" ? [] : [one], ...several];
}

function dump(netlink: Netlink, type: number): { family: number; attributes: Attributes }[] {
  return netlink.dump(nft(type), nfgenmsg(0), "nftables", (payload) => ({
    family: payload[0]!,
    attributes: new Attributes(payload.slice(), SIZEOF_NFGENMSG),
  }));
}
