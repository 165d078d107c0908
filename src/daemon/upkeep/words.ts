import { type Entrusted, KEPT, type Rival, type Upkeep } from "#src/datapath/keep/contract.ts";
import type { SandboxMode } from "#src/config/config.ts";
import { formatIpv6Prefix, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { type Loose, objectIn } from "../helper/lines.ts";
import type { User } from "../host/contract.ts";

/**
 * What a daemon and the process that keeps its interface say to each other: one JSON object a line.
 */

/** What makes `teredo` the process that keeps an interface; nobody types it. */
export const UPKEEP = "__upkeep";

/** The first line that the keeping process reads. */
export interface Task {
  readonly user: User;
  readonly chroot: string | undefined;
  readonly entrusted: Entrusted;
  readonly sandbox: SandboxMode;
}

/** Each further line that it reads. */
export interface Wish {
  /** Whether the route that routing daemons learn is to be there. */
  readonly announce: boolean;
}

/** What it says, besides what comes of its looks. */
export type Said =
  | Upkeep
  /** From here on the interface is kept. */
  | { readonly event: "keeping" }
  /** The interface could not be looked at. */
  | { readonly event: "blind"; readonly problem: string }
  /** It cannot do its task, and ends. */
  | { readonly event: "unable"; readonly problem: string };

export function writeTask({ entrusted, ...rest }: Task): string {
  const prefix = formatIpv6Prefix(entrusted.prefix);
  return `${JSON.stringify({ ...rest, entrusted: { ...entrusted, prefix } })}\n`;
}

/** @throws SyntaxError, TypeError for what {@link writeTask} did not write */
export function readTask(line: string): Task {
  const { user, chroot, entrusted, sandbox } = JSON.parse(line);
  const prefix = parseIpv6Prefix(entrusted.prefix);
  if (prefix === undefined) throw new TypeError(`${entrusted.prefix} is no prefix`);
  return { user, chroot, entrusted: { ...entrusted, prefix }, sandbox };
}

export function writeWish({ announce }: Wish): string {
  return `${JSON.stringify({ announce })}\n`;
}

/** @returns undefined for anything but a {@link Wish} */
export function readWish(line: string): Wish | undefined {
  const announce = objectIn(line)?.["announce"];
  return typeof announce === "boolean" ? { announce } : undefined;
}

/** @returns undefined for anything but a {@link Said}, whoever wrote it */
export function readSaid(line: string): Said | undefined {
  const said = objectIn(line);
  if (said === undefined) return undefined;
  const { event, problem } = said;
  if (event === "keeping") return { event };
  if (event === "blind" || event === "unable") {
    return typeof problem === "string" ? { event, problem } : undefined;
  }
  return upkeepIn(said);
}

function upkeepIn({ event, problem, mend, away, rivals, ...rest }: Loose): Upkeep | undefined {
  const what = KEPT.find((it) => it === rest["what"]);
  if (what === undefined) return undefined;
  switch (event) {
    case "restored":
      return typeof away === "number" && away >= 0 ? { event, what, away } : undefined;
    case "refused":
      if (typeof problem !== "string") return undefined;
      return { event, what, problem, ...(typeof mend === "string" ? { mend } : {}) };
    case "fought":
      return Array.isArray(rivals) && rivals.every(isRival) ? { event, what, rivals } : undefined;
    default:
      return undefined;
  }
}

function isRival(value: unknown): value is Rival {
  if (typeof value !== "object" || value === null) return false;
  const { name, mend } = value as Loose;
  return typeof name === "string" && typeof mend === "string";
}
