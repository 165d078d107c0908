import { lookup } from "node:dns/promises";
import { asError } from "#src/errors.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { HostAnswer } from "../servers/checked_host.ts";
import { ADDRESSES_MAX, type Answer } from "../servers/names.ts";
import type { LookUp } from "./words.ts";

type Problem = { readonly problem: string };

/** What is said to whoever asked. Does not reject. */
export async function answerLookUp(asked: LookUp): Promise<{ id: number } & (Answer | HostAnswer)> {
  const { id } = asked;
  if ("lookUp" in asked) return { id, ...await lookUpName(asked.lookUp) };
  return { id, ...await lookUpHost(asked.lookUpHost) };
}

/** As all programs of this host look names up: by /etc/hosts, by name servers, or by what else is set. */
export async function lookUpName(name: string): Promise<Answer> {
  const found = await find(name, 4);
  if ("problem" in found) return found;
  const addresses = found.map(parseIpv4).filter((it) => it !== undefined);
  return { addresses: [...new Set(addresses)].slice(0, ADDRESSES_MAX) };
}

/** The same of a native host, which has IPv6 addresses. */
export async function lookUpHost(name: string): Promise<HostAnswer> {
  const hosts = await find(name, 6);
  return "problem" in hosts ? hosts : { hosts: [...new Set(hosts)].slice(0, ADDRESSES_MAX) };
}

async function find(name: string, family: 4 | 6): Promise<string[] | Problem> {
  try {
    return (await lookup(name, { all: true, family })).map(({ address }) => address);
  } catch (error) {
    const { code, message } = asError(error) as NodeJS.ErrnoException;
    return { problem: code ?? message };
  }
}
