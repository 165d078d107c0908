import {
  NF_ACCEPT,
  NF_DROP,
  NF_STOLEN,
  NFT_BREAK,
  NFT_CONTINUE,
  NFT_GOTO,
  NFT_JUMP,
  NFT_RETURN,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from "#ffi/linux/mod.ts";
import { readAttributes, readString, viewOf } from "#src/datapath/linux/netlink/message.ts";
import type { Verdict } from "./outcome.ts";

/** Attributes of nf_tables messages, whose numbers are in network byte order. */
export class Attributes {
  readonly #all: ReadonlyMap<number, Uint8Array>;

  constructor(bytes: Uint8Array, at = 0) {
    this.#all = readAttributes(bytes, at);
  }

  has(type: number): boolean {
    return this.#all.has(type);
  }

  bytes(type: number): Uint8Array {
    return this.#all.get(type) ?? new Uint8Array();
  }

  nested(type: number): Attributes {
    return new Attributes(this.bytes(type));
  }

  text(type: number): string {
    return readString(this.#all.get(type)) ?? "";
  }

  /** 0 where it is absent. */
  number(type: number): number {
    const bytes = this.bytes(type);
    return bytes.length < 4 ? 0 : viewOf(bytes).getInt32(0);
  }

  long(type: number): number {
    const bytes = this.bytes(type);
    return bytes.length < 8 ? 0 : Number(viewOf(bytes).getBigUint64(0));
  }

  /** The value of a struct nft_data. */
  value(type: number): Uint8Array {
    return this.nested(type).bytes(NFTA_DATA_VALUE);
  }

  /** The verdict of a struct nft_data; undefined: it holds a value. */
  verdict(type: number): Verdict | undefined {
    const data = this.nested(type);
    if (!data.has(NFTA_DATA_VERDICT)) return undefined;
    const verdict = data.nested(NFTA_DATA_VERDICT);
    return verdictOf(verdict.number(NFTA_VERDICT_CODE) >>> 0, verdict.text(NFTA_VERDICT_CHAIN));
  }
}

function verdictOf(code: number, chain: string): Verdict {
  switch (code) {
    case NF_ACCEPT:
      return { kind: "accept" };
    case NF_DROP:
    case NF_STOLEN:
      return { kind: "drop" };
    case NFT_CONTINUE:
    case NFT_BREAK:
      return { kind: "continue" };
    case NFT_RETURN:
      return { kind: "return" };
    case NFT_JUMP:
      return { kind: "jump", chain };
    case NFT_GOTO:
      return { kind: "goto", chain };
    default:
      return { kind: "unknown" }; // NF_QUEUE: a program decides
  }
}
