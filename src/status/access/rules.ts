import { isLocalHost, nameIn } from "../hosts.ts";
import { type Client, isForwarded } from "./client.ts";

/** Pages that can be opened apart from the rest, and their paths. */
export const PUBLIC_PATHS = {
  health: ["/healthz", "/readyz"],
  metrics: ["/metrics"],
} as const;

export type PublicPages = keyof typeof PUBLIC_PATHS;

/** Who may read the pages: part of `[status]`. */
export interface AccessRules {
  /** Undefined: there is none. */
  readonly token: string | undefined;
  /** Whoever reaches the pages may read them. */
  readonly allowAnonymous: boolean;
  /** Open to everybody; undefined: none. */
  readonly public: readonly PublicPages[] | undefined;
  /** Names in lower case by which the pages may be asked besides; undefined: none. */
  readonly hosts: readonly string[] | undefined;
}

/**
 * Whether the pages may be asked by this name. On loopback no others than local ones and those of the
 * rules, see {@link isLocalHost}; elsewhere the rules may name none, and then any will do. No browser
 * can be led to a Unix socket, unless a proxy is there.
 */
export function isKnownHost(headers: Headers, { way }: Client, { hosts }: AccessRules): boolean {
  const host = headers.get("Host") ?? undefined;
  if (isLocalHost(host) || (way === "unix" && !isForwarded(headers))) return true;
  if (hosts === undefined) return way !== "loopback";
  return host !== undefined && hosts.includes(nameIn(host));
}

/**
 * Whether a browser asks because another site's page told it to, and not because somebody goes there:
 * that page could not read the answer, but keep us busy with the question. W3C Fetch Metadata
 */
export function isForOtherSite(headers: Headers): boolean {
  const site = headers.get("Sec-Fetch-Site") ?? "none";
  return !["same-origin", "none"].includes(site) && headers.get("Sec-Fetch-Mode") !== "navigate";
}

/**
 * What a client needs to read a page: nothing; the token; or what nobody has, where there is no token
 * and no anonymous client is wanted.
 */
export function needOf(
  path: string,
  headers: Headers,
  { way }: Client,
  rules: AccessRules,
): "nothing" | "token" | "what nobody has" {
  if (rules.public?.some((it) => isIn(PUBLIC_PATHS[it], path))) return "nothing";
  if (rules.token !== undefined) {
    return way === "network" || isForwarded(headers) ? "token" : "nothing";
  }
  return way !== "network" || rules.allowAnonymous ? "nothing" : "what nobody has";
}

function isIn(paths: readonly string[], path: string): boolean {
  return paths.includes(path);
}
