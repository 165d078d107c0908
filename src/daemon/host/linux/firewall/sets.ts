import { SyscallError } from "#ffi/errors.ts";
import {
  ENOENT,
  NFGENMSG_NFGEN_FAMILY_AT,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFT_SET_ELEM_CATCHALL,
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_KEY_LEN,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  SIZEOF_NFGENMSG,
} from "#ffi/linux/mod.ts";
import { attribute, attributesOf, cString, message } from "#src/datapath/linux/netlink/message.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { Attributes } from "./attributes.ts";
import type { Verdict } from "./outcome.ts";

/** What a set says of a key. */
export interface Element {
  readonly value: Uint8Array;
  readonly verdict: Verdict | undefined;
}

/** A message type of nf_tables. */
export const nft = (type: number) => (NFNL_SUBSYS_NFTABLES << 8) | type;

export function nfgenmsg(family: number, ...attributes: Uint8Array[]): Uint8Array {
  return message(SIZEOF_NFGENMSG, [[NFGENMSG_NFGEN_FAMILY_AT, 1, family]], ...attributes);
}

/**
 * Sets and maps of one table. The kernel itself is asked whether a key is in one, so that neither
 * the size of a set nor the way it stores intervals matters.
 */
export class Sets {
  readonly #netlink: Netlink;
  readonly #family: number;
  readonly #table: string;
  readonly #keyLengths = new Map<string, number | undefined>();

  constructor(netlink: Netlink, family: number, table: string) {
    this.#netlink = netlink;
    this.#family = family;
    this.#table = table;
  }

  /** Bytes of a key; undefined: not known. */
  keyLength(set: string): number | undefined {
    if (this.#keyLengths.has(set)) return this.#keyLengths.get(set);
    const length = this.#askKeyLength(set);
    this.#keyLengths.set(set, length);
    return length;
  }

  #askKeyLength(set: string): number | undefined {
    const body = nfgenmsg(
      this.#family,
      attribute(NFTA_SET_TABLE, cString(this.#table)),
      attribute(NFTA_SET_NAME, cString(set)),
    );
    const about = `set ${set}`;
    return this.#attempt(() =>
      this.#netlink.ask(
        nft(NFT_MSG_GETSET),
        body,
        about,
        (payload) => new Attributes(payload, SIZEOF_NFGENMSG).number(NFTA_SET_KEY_LEN),
      )
    )?.found;
  }

  /** @returns the element; `none`; undefined: not known */
  find(set: string, key: Uint8Array): Element | "none" | undefined {
    const value = attribute(NFTA_DATA_VALUE, key);
    const found = this.#askElement(set, attribute(NFTA_SET_ELEM_KEY, value));
    if (found !== "none") return found;
    const all = Uint8Array.of(0, 0, 0, NFT_SET_ELEM_CATCHALL);
    // Kernels before 5.13 refuse the flag, and have no such element.
    return this.#askElement(set, attribute(NFTA_SET_ELEM_FLAGS, all)) ?? "none";
  }

  #askElement(set: string, ...parts: Uint8Array[]): Element | "none" | undefined {
    const body = nfgenmsg(
      this.#family,
      attribute(NFTA_SET_ELEM_LIST_TABLE, cString(this.#table)),
      attribute(NFTA_SET_ELEM_LIST_SET, cString(set)),
      attribute(NFTA_SET_ELEM_LIST_ELEMENTS, attribute(NFTA_LIST_ELEM, ...parts)),
    );
    const about = `element of set ${set}`;
    const answer = this.#attempt(() =>
      this.#netlink.ask(nft(NFT_MSG_GETSETELEM), body, about, firstElement)
    );
    return answer === undefined ? undefined : answer.found ?? "none";
  }

  /** undefined: the kernel refuses to say. */
  #attempt<T>(ask: () => T | undefined): { found: T | undefined } | undefined {
    try {
      return { found: ask() };
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return error.errno === ENOENT ? { found: undefined } : undefined;
    }
  }
}

function firstElement(payload: Uint8Array): Element | undefined {
  const list = new Attributes(payload, SIZEOF_NFGENMSG).bytes(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const [, bytes] of attributesOf(list, 0)) {
    const element = new Attributes(bytes);
    return {
      value: element.value(NFTA_SET_ELEM_DATA).slice(),
      verdict: element.verdict(NFTA_SET_ELEM_DATA),
    };
  }
  return undefined;
}
