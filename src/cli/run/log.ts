import type { Role } from "#src/config/config.ts";
import type { LogDocument } from "#src/daemon/control/log.ts";
import { formatPeerPattern, type PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { Context } from "../context.ts";
import { askControl, type Reply } from "../control/ask.ts";
import { EXIT } from "../exit.ts";

export interface OffFlags {
  readonly config?: string;
}

export interface DebugFlags extends OffFlags {
  readonly peer?: PeerPattern;
}

/** `teredo log debug [ROLE] [--peer PEER]` */
export function debug(this: Context, { config, peer }: DebugFlags, role?: Role): Promise<void> {
  const query = peer === undefined ? "" : `?peer=${encodeURIComponent(formatPeerPattern(peer))}`;
  return ask(this, `/log/debug${query}`, config, role, debugWords);
}

/** `teredo log off [ROLE]` */
export function off(this: Context, { config }: OffFlags, role?: Role): Promise<void> {
  return ask(this, "/log/off", config, role, offWords);
}

async function ask(
  context: Context,
  path: string,
  config: string | undefined,
  role: Role | undefined,
  words: (role: Role, document: LogDocument) => string,
): Promise<void> {
  const { stdout, stderr } = context.process;
  for (const reply of await askControl({ role, config }, { method: "POST", path })) {
    if (isDone(reply)) {
      stdout.write(`teredo ${reply.role} ${words(reply.role, reply.document)}\n`);
    } else {
      stderr.write(`teredo: ${reply.role}: ${reply.document["error"]}\n`);
      context.status = EXIT.Failed;
    }
  }
}

function isDone(
  reply: Reply,
): reply is Reply & { readonly document: Reply["document"] & LogDocument } {
  return reply.status === 200;
}

function debugWords(role: Role, { peer }: LogDocument): string {
  const packets = peer === null ? "" : `, and what becomes of each packet of ${peer}`;
  return `logs at level debug${packets}; \`teredo log off ${role}\` takes it back`;
}

function offWords(_: Role, { level, peer }: LogDocument): string {
  const packets = peer === null ? "" : `, and what becomes of each packet of ${peer}`;
  return `logs as configured: at level ${level}${packets}`;
}
