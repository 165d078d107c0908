import { lookup } from "node:dns/promises";
import { asError } from "#src/errors.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Answer } from "../servers/names.ts";

/** As all programs of this host look names up: by /etc/hosts, by name servers, or by what else is set. */
export async function lookUpName(name: string): Promise<Answer> {
  try {
    const found = await lookup(name, { all: true, family: 4 });
    const addresses = found.map(({ address }) => parseIpv4(address));
    return { addresses: [...new Set(addresses.filter((it) => it !== undefined))] };
  } catch (error) {
    const { code, message } = asError(error) as NodeJS.ErrnoException;
    return { problem: code ?? message };
  }
}
