import { type Entrusted, KEPT, type Rival, type Upkeep } from "#src/datapath/keep/contract.ts";
import type { SandboxMode } from "#src/config/config.ts";
import { type HomeAddress, HOMES_MAX, type HomeWish } from "#src/datapath/homes.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  inPrefix,
  type Ipv6Prefix,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import { type Loose, objectIn } from "../helper/lines.ts";
import type { User } from "../host/contract.ts";

/** Bytes: less takes IPv6 off an interface, RFC 8200 §5; more no packet has. */
const LEAST_MTU = 1280;
const MOST_MTU = 65_535;

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
export type Wish =
  /** Whether the route that routing daemons learn is to be there. */
  | { readonly announce: boolean }
  /** What a client's interface is to have. */
  | { readonly home: HomeWish };

/** What it says, besides what comes of its looks. */
export type Said =
  | Upkeep
  /** From here on the interface is kept. */
  | { readonly event: "keeping" }
  /** A client's interface has what the last wish for it named, as far as that could be done. */
  | { readonly event: "set" }
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

export function writeWish(wish: Wish): string {
  if ("announce" in wish) return `${JSON.stringify({ announce: wish.announce })}\n`;
  const { addresses, ...rest } = wish.home;
  const texts = addresses.map(({ bytes, deprecated }) => ({ at: formatIpv6(bytes), deprecated }));
  return `${JSON.stringify({ home: { ...rest, addresses: texts } })}\n`;
}

/**
 * A wish is obeyed with the right to change all of the network: it can only be about this interface, and
 * addresses of the service prefix.
 *
 * @returns undefined for anything but a {@link Wish} that can be meant for what is kept
 */
export function readWish(line: string, { prefix, home }: Entrusted): Wish | undefined {
  const wish = objectIn(line);
  const announce = wish?.["announce"];
  if (typeof announce === "boolean") return { announce };
  if (home === undefined) return undefined;
  const read = homeIn(wish?.["home"], prefix);
  return read === undefined ? undefined : { home: read };
}

function homeIn(value: unknown, prefix: Ipv6Prefix): HomeWish | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { addresses, onLink, defaultRoute, mtu } = value as Loose;
  if (typeof onLink !== "boolean" || typeof defaultRoute !== "boolean") return undefined;
  if (!Number.isInteger(mtu) || !isMtu(mtu as number)) return undefined;
  if (!Array.isArray(addresses) || addresses.length > HOMES_MAX) return undefined;
  const read = addresses.map((it) => addressIn(it, prefix)).filter((it) => it !== undefined);
  if (read.length < addresses.length) return undefined;
  return { addresses: read, onLink, defaultRoute, mtu: mtu as number };
}

const isMtu = (mtu: number) => mtu >= LEAST_MTU && mtu <= MOST_MTU;

function addressIn(value: unknown, prefix: Ipv6Prefix): HomeAddress | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { at, deprecated } = value as Loose;
  const bytes = typeof at === "string" ? parseIpv6(at) : undefined;
  if (bytes === undefined || !inPrefix(bytes, 0, prefix)) return undefined;
  return typeof deprecated === "boolean" ? { bytes, deprecated } : undefined;
}

/** @returns undefined for anything but a {@link Said}, whoever wrote it */
export function readSaid(line: string): Said | undefined {
  const said = objectIn(line);
  if (said === undefined) return undefined;
  const { event, problem } = said;
  if (event === "keeping" || event === "set") return { event };
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
