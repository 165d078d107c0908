import { HOOK_INTERFACE_NAME } from "#src/config/kinds/network.ts";
import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import type { User } from "../../host/contract.ts";
import { type Loose, objectIn } from "../../helper/lines.ts";

/**
 * What a client and the process that does its errands say to each other: one JSON object a line.
 */

/** What makes `teredo` the process that does a client's errands; nobody types it. */
export const ERRANDS = "__errands";

/** The first line that it reads. */
export interface Task {
  /** Path of the program that is told of each change; no line that comes later can name another. */
  readonly hook: string | undefined;
  /** Whom it becomes, where it may, if it runs no hook: then it has no use for what it can do. */
  readonly user: User | undefined;
}

/** Environment of the hook. */
export type HookEnvironment = Readonly<Record<string, string>>;

/** A name whose addresses are asked for. */
export type LookUp =
  | { readonly id: number; readonly lookUp: string }
  /** Of a host of the IPv6 Internet. */
  | { readonly id: number; readonly lookUpHost: string };

/** Each further line that it reads. */
export type Errand = LookUp | { readonly id: number; readonly hook: HookEnvironment };

/** What it says of one that is done. */
export type Done =
  | { readonly id: number; readonly addresses: readonly number[] }
  | { readonly id: number; readonly hosts: readonly string[] }
  /** It could not be done. */
  | { readonly id: number; readonly problem: string }
  /** The hook has ended, in which way (undefined: as it should), and what it said. */
  | { readonly id: number; readonly failure?: string; readonly output: string };

/**
 * What is asked at once is refused beyond this; a daemon asks for each of its names once: those of both
 * addresses of each server, and of the host to check.
 */
export const LOOK_UPS_MAX = 2 * SERVERS_MAX + 1;
/** Why it is refused. */
export const TOO_MANY = "too many at once";
/** Why anything but an {@link Errand} is. */
export const NO_FORM = "it is of no form that is taken";

/** Of a name, as resolver(3) takes them; a helper that is told others looks nothing up. */
const NAME = /^[A-Za-z0-9._-]{1,253}$/;
const NUMBER = /^\d{1,10}$/;
const ADDRESS = /^[\da-f:]{2,39}$/;
/**
 * What a hook may be told, of whom and in which form: nothing that a program heeds before it runs, and no
 * character that means something to a shell, whoever has got into the daemon.
 */
const VARIABLES: Readonly<Record<string, RegExp>> = {
  IFACE: HOOK_INTERFACE_NAME,
  IFINDEX: NUMBER,
  ...formsOf(""),
  ...formsOf("OLD_"),
};
/** Characters of what a hook said that are told. */
export const OUTPUT_MAX = 1_500;

export function write(words: Task | Errand | Done): string {
  return `${JSON.stringify(words)}\n`;
}

/** @throws SyntaxError, TypeError for what {@link write} did not write */
export function readTask(line: string): Task {
  const { hook, user } = JSON.parse(line);
  return { hook, user };
}

/** @returns undefined for anything but an {@link Errand} */
export function readErrand(line: string): Errand | undefined {
  const words = objectIn(line) ?? {};
  if (isLookUp(words)) return readLookUp(words);
  const { id, hook } = words;
  return typeof id === "number" && isEnvironment(hook) ? { id, hook } : undefined;
}

/** Number of an errand that is none of these, as far as it has one. */
export function numberOf(line: string): number | undefined {
  const id = objectIn(line)?.["id"];
  return typeof id === "number" ? id : undefined;
}

export function isLookUp<T extends object>(words: T): words is Extract<T, LookUp> {
  return "lookUp" in words || "lookUpHost" in words;
}

/** @returns undefined for anything but a {@link LookUp} */
export function readLookUp({ id, lookUp, lookUpHost }: Loose): LookUp | undefined {
  if (typeof id !== "number") return undefined;
  if (typeof lookUp === "string") return NAME.test(lookUp) ? { id, lookUp } : undefined;
  const isHost = typeof lookUpHost === "string" && NAME.test(lookUpHost);
  return isHost ? { id, lookUpHost } : undefined;
}

/** @returns undefined for anything but a {@link Done}, whoever wrote it */
export function readDone(line: string): Done | undefined {
  const { id, addresses, hosts, problem, failure, output } = objectIn(line) ?? {};
  if (typeof id !== "number") return undefined;
  if (typeof problem === "string") return { id, problem };
  if (Array.isArray(addresses)) {
    return addresses.every(isAddress) ? { id, addresses } : undefined;
  }
  if (Array.isArray(hosts)) {
    return hosts.every((it) => typeof it === "string") ? { id, hosts } : undefined;
  }
  if (typeof output !== "string") return undefined;
  return { id, output, ...(typeof failure === "string" ? { failure } : {}) };
}

function isAddress(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function isEnvironment(value: unknown): value is HookEnvironment {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value as Loose).every(([name, it]) =>
    Object.hasOwn(VARIABLES, name) && typeof it === "string" && VARIABLES[name]!.test(it)
  );
}

function formsOf(prefix: string): Record<string, RegExp> {
  return {
    [`${prefix}STATE`]: /^(up|down|destroy)$/,
    [`${prefix}ADDRESS`]: ADDRESS,
    [`${prefix}LLADDRESS`]: ADDRESS,
    [`${prefix}MTU`]: NUMBER,
  };
}
