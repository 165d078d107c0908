import { existsSync } from "node:fs";
import { openLibc } from "#ffi/open.ts";
import type { ClientConfig, ServerName } from "#src/config/config.ts";
import { searchPlaces } from "#src/config/files.ts";
import { servers } from "#src/config/kinds/servers.ts";
import { loadConfig } from "#src/config/load.ts";
import { authenticateBy } from "#src/datapath/authenticate.ts";
import { toDocument } from "#src/netcheck/document.ts";
import { resolveServers, resolveTarget } from "#src/netcheck/names.ts";
import { writePage } from "#src/netcheck/page.ts";
import { netcheck, unasked } from "#src/netcheck/run.ts";
import type { StunServer } from "#src/netcheck/stun/measure.ts";
import type { Guise } from "#src/probe/contract.ts";
import type { ChosenServer } from "#src/protocol/client/servers/choose.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { Context } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { writeJson } from "../json.ts";

export interface NetcheckFlags {
  readonly config?: string;
  readonly ping?: string;
  readonly stun?: StunServer;
  /** Milliseconds. */
  readonly time?: number;
  readonly port?: number;
  readonly json?: boolean;
}

const DEFAULT_TIME = 10_000;

/** `teredo netcheck [SERVER...]`: 0 where a client would have IPv6, 1 where not. */
export default async function run(
  this: Context,
  flags: NetcheckFlags,
  ...given: (readonly ServerName[])[]
): Promise<void> {
  const { stdout, stderr } = this.process;
  const asked = whomToAsk(flags, given.flat());
  const { servers: named, target, problems, isInVain } = await find(asked, flags);
  // The page has them itself.
  if (flags.json || isInVain) { for (const problem of problems) stderr.write(`${problem}\n`); }
  if (isInVain) {
    const { seen, verdict } = unasked(asked.guise);
    if (flags.json) writeJson(stdout, toDocument(seen, verdict, problems));
    this.status = EXIT.Failed;
    return;
  }
  const lifetime = flags.time ?? DEFAULT_TIME;
  if (stderr.isTerminal) {
    stderr.write(`Looking at the network: ${Math.ceil(lifetime / 1000) + 5} s\n`);
  }
  const { stun, port = 0 } = flags;
  const { seen, verdict } = await netcheck(await openLibc(), {
    servers: named,
    guise: asked.guise,
    bindAddress: asked.bindAddress,
    target,
    stun,
    lifetime,
    port,
  });
  if (flags.json) writeJson(stdout, toDocument(seen, verdict, problems));
  else stdout.write(writePage(seen, verdict, problems));
  this.status = verdict.reachable ? EXIT.Ok : EXIT.Failed;
}

interface Found {
  readonly servers: readonly ChosenServer[];
  readonly target: Uint8Array | undefined;
  /** Why others are not asked. */
  readonly problems: readonly string[];
  /** Whether what was asked for cannot be told. */
  readonly isInVain: boolean;
}

/**
 * Who these names are. Whoever names a host to ping wants to know whether that one answers; without the
 * configuration's there is as much to see, as a client serves without it.
 */
async function find({ servers, guise, ping }: Asked, flags: NetcheckFlags): Promise<Found> {
  const resolved = await resolveServers(servers);
  const isInVain = resolved.servers.length === 0;
  const target = ping === undefined ? undefined : await resolveTarget(ping, guise.prefix);
  if (typeof target !== "string") return { ...resolved, target, isInVain };
  const isWanted = flags.ping !== undefined;
  const problem = isWanted ? target : `check_host ${target}`;
  return {
    servers: resolved.servers,
    target: undefined,
    problems: [...resolved.problems, problem],
    isInVain: isInVain || isWanted,
  };
}

export interface Asked {
  readonly guise: Guise;
  /** 0: whichever the kernel chooses. */
  readonly bindAddress: number;
  readonly servers: readonly ServerName[];
  readonly ping: string | undefined;
}

/** By the command line; without a server there, as the configuration of the client says. */
export function whomToAsk(
  { config: path, ping }: NetcheckFlags,
  given: readonly ServerName[],
): Asked {
  if (given.length > 0 && path === undefined) {
    const guise = { prefix: SERVICE_PREFIX, refuseReserved: false };
    return { guise, bindAddress: 0, servers: given, ping };
  }
  if (path === undefined && !searchPlaces("client").some((it) => existsSync(it))) {
    throw new UsageError(NO_SERVER);
  }
  const overrides = given.length === 0 ? {} : { "client.servers": servers.format(given) };
  const { client } = loadConfig("client", { path, overrides }).config;
  const { bindAddress, servers: named, checkHost } = client;
  return { guise: guiseOf(client), bindAddress, servers: named, ping: ping ?? checkHost };
}

function guiseOf(client: ClientConfig): Guise {
  const { prefix, refuseReserved, secret, authenticationAlgorithm } = client;
  const rules = { prefix, refuseReserved };
  if (secret === undefined) return rules;
  const clientId = new TextEncoder().encode(secret.clientId);
  const authenticate = authenticateBy(authenticationAlgorithm);
  return { ...rules, identity: { clientId, key: secret.key, authenticate } };
}

const NO_SERVER = "no server to ask; name one, `teredo netcheck SERVER`, or write " +
  "`servers = SERVER` in the `[client]` section of the configuration";
