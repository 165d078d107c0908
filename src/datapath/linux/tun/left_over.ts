import { unless } from "#ffi/errors.ts";
import { EADDRNOTAVAIL, EAFNOSUPPORT, ENOENT, EOPNOTSUPP, ESRCH } from "#ffi/linux/mod.ts";
import { StartError } from "#src/errors.ts";
import { inPrefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { CLIENT_PROTOCOL } from "../../homes.ts";
import { isOurs } from "../keep/homes.ts";
import { deleteAddress } from "../netlink/link.ts";
import { addresses, deleteRoute } from "../netlink/routing.ts";
import { deleteRule, rulesOf } from "../netlink/rules.ts";
import type { Netlink } from "../netlink/socket.ts";
import { routesBy, tablesInUse } from "../netlink/tables.ts";

/** Tables are looked for from here on: a number that is easy to know again. */
export const FIRST_TABLE = TEREDO_PORT;

/**
 * Takes away what a client has left that was killed: its rules, which no interface takes with it, and on
 * an interface that stays its addresses and routes. Rules of a client that runs lead to its interface.
 *
 * @param index of the interface that is to be a client's
 * @throws SyscallError
 */
export function removeLeftOver(netlink: Netlink, index: number, prefix: Ipv6Prefix): void {
  const tables = tablesInUse(netlink);
  for (const rule of rulesIfAny(netlink)?.filter(isOurs) ?? []) {
    const others = [...tables.get(rule.table) ?? []].filter((it) => it !== index);
    if (others.length === 0) unless([ENOENT], () => deleteRule(netlink, rule));
  }
  for (const route of routesBy(netlink, index).filter((it) => it.protocol === CLIENT_PROTOCOL)) {
    unless([ESRCH], () => deleteRoute(netlink, route));
  }
  const left = addresses(netlink).filter((it) =>
    it.index === index && it.protocol === CLIENT_PROTOCOL && inPrefix(it.bytes, 0, prefix)
  );
  for (const { bytes, prefixLength } of left) {
    unless([EADDRNOTAVAIL], () => deleteAddress(netlink, index, bytes, prefixLength));
  }
}

/** Undefined: this kernel has no rules for IPv6. CONFIG_IPV6_MULTIPLE_TABLES */
const rulesIfAny = (netlink: Netlink) => unless([EAFNOSUPPORT, EOPNOTSUPP], () => rulesOf(netlink));

/** A routing table in which there is nothing, and that no rule names. @throws StartError, SyscallError */
export function freeTable(netlink: Netlink): number {
  const rules = rulesIfAny(netlink);
  if (rules === undefined) {
    throw new StartError(
      "this kernel has no rules for IPv6 (CONFIG_IPV6_MULTIPLE_TABLES)",
      "set source_routing = no",
    );
  }
  const used = new Set([...tablesInUse(netlink).keys(), ...rules.map(({ table }) => table)]);
  let table = FIRST_TABLE;
  while (used.has(table)) table += 1;
  return table;
}
