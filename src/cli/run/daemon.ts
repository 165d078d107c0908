import type { Role } from "#src/config/config.ts";
import { loadLogConfig } from "#src/config/load.ts";
import { openStderrLog } from "#src/daemon/open_log.ts";
import { runApart } from "#src/daemon/client/apart/outside.ts";
import { logRefusal } from "#src/daemon/refusal.ts";
import { runDaemon } from "#src/daemon/run.ts";
import type { Millis } from "#src/protocol/time.ts";
import { selfCommand } from "#src/demo/self.ts";
import type { Context } from "../context.ts";
import { statusOf, UsageError } from "../exit.ts";
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
  refuseBoth(overrides, "server.bind_address", address);
  parseAddress(address); // throws for what is none
  return { ...overrides, "server.bind_address": address };
}

/** What only a client is told on the command line. */
export interface ClientFlags {
  readonly wait?: Millis | undefined;
  readonly run?: string | undefined;
}

/** `teredo client [SERVER…]`; the servers as in the file's setting. */
export async function client(
  this: Context,
  { wait, run: command, ...flags }: FlagTexts & ClientFlags,
  ...servers: readonly string[]
): Promise<void> {
  const overrides = clientOverrides(flags, servers);
  if (command === undefined) return await run(this, "client", flags, overrides, wait);
  this.status = await runApart({
    command,
    wait,
    program: selfCommand(),
    version: version(),
    path: flags["config"],
    // What it says stands between the lines of the command.
    overrides: { "log.level": "warn", ...overrides },
  });
}

export function clientOverrides(
  flags: FlagTexts,
  servers: readonly string[],
): Record<string, string> {
  const overrides = overridesOf("client", flags);
  if (servers.length === 0) return overrides;
  const given = servers.join(", ");
  refuseBoth(overrides, "client.servers", given);
  return { ...overrides, "client.servers": given };
}

/** What stands behind the command and what a flag says: nobody can tell which of them is meant. */
function refuseBoth(overrides: Readonly<Record<string, string>>, id: string, given: string): void {
  const other = overrides[id];
  if (other === undefined) return;
  const flag = `--${id.split(".")[1]!.replaceAll("_", "-")}`;
  throw new UsageError(`\`${given}\` and \`${flag} ${other}\` say two things; leave out one`);
}

async function run(
  context: Context,
  role: Role,
  flags: FlagTexts,
  overrides: Record<string, string>,
  wait?: Millis,
): Promise<void> {
  const program = selfCommand();
  const options = { role, version: version(), path: flags["config"], overrides, program, wait };
  try {
    context.status = await runDaemon(options);
  } catch (error) {
    const log = loadLogConfig(role, options);
    if (log.format !== "json") throw error;
    logRefusal(openStderrLog(log), error);
    context.status = statusOf(error);
  }
}
