import type { Role } from "#src/config/config.ts";
import { loadLogConfig } from "#src/config/load.ts";
import { openStderrLog } from "#src/daemon/open_log.ts";
import { logRefusal } from "#src/daemon/refusal.ts";
import { runDaemon } from "#src/daemon/run.ts";
import { selfCommand } from "#src/demo/self.ts";
import type { Context } from "../context.ts";
import { statusOf } from "../exit.ts";
import { type FlagTexts, overridesOf } from "../daemon_flags.ts";
import { parseAddress } from "./encode.ts";
import { version } from "../version.ts";

/** `teredo relay` */
export async function relay(this: Context, flags: FlagTexts): Promise<void> {
  await run(this, "relay", flags, overridesOf("relay", flags));
}

/** `teredo server [A.B.C.D]`; the address as Miredo's SERVER_NAME: the secondary one is the next. */
export async function server(this: Context, flags: FlagTexts, address?: string): Promise<void> {
  await run(this, "server", flags, serverOverrides(flags, address));
}

export function serverOverrides(flags: FlagTexts, address?: string): Record<string, string> {
  const overrides = overridesOf("server", flags);
  if (address === undefined) return overrides;
  parseAddress(address); // throws for what is none
  return { ...overrides, "server.bind_address": address };
}

/** `teredo client [SERVER…]`; the servers as in the file's setting. */
export async function client(
  this: Context,
  flags: FlagTexts,
  ...servers: readonly string[]
): Promise<void> {
  await run(this, "client", flags, clientOverrides(flags, servers));
}

export function clientOverrides(
  flags: FlagTexts,
  servers: readonly string[],
): Record<string, string> {
  const overrides = overridesOf("client", flags);
  return servers.length === 0 ? overrides : { ...overrides, "client.servers": servers.join(", ") };
}

async function run(
  context: Context,
  role: Role,
  flags: FlagTexts,
  overrides: Record<string, string>,
): Promise<void> {
  const program = selfCommand();
  const options = { role, version: version(), path: flags["config"], overrides, program };
  try {
    context.status = await runDaemon(options);
  } catch (error) {
    const log = loadLogConfig(role, options);
    if (log.format !== "json") throw error;
    logRefusal(openStderrLog(log), error);
    context.status = statusOf(error);
  }
}
