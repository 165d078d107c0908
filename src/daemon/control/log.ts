import type { Hono } from "hono";
import { errorDocument, JSON_VERSION } from "#src/status/document.ts";
import { formatPeerPattern, parsePeerPattern } from "#src/protocol/peers/pattern.ts";
import type { LogSwitch } from "../log_switch.ts";
import { BadParameters, onlyOf } from "../peers/parameters.ts";

/** `POST /log/debug?peer=PEER`, `POST /log/off` */
export interface LogDocument {
  readonly version: typeof JSON_VERSION;
  readonly level: string;
  /** Null: no packets are told of. */
  readonly peer: string | null;
}

/** Answered once it is so. */
export function addLog(commands: Hono, logs: LogSwitch): void {
  const document = (): LogDocument => {
    const { level, debugPeer } = logs.config;
    const peer = level === "debug" && debugPeer !== undefined ? formatPeerPattern(debugPeer) : null;
    return { version: JSON_VERSION, level, peer };
  };
  commands.post("/log/debug", (c) => {
    try {
      const { peer } = onlyOf(new URL(c.req.url).searchParams, ["peer"]);
      logs.debug(peer === undefined ? undefined : patternOf(peer));
      return c.json(document());
    } catch (error) {
      if (!(error instanceof BadParameters)) throw error;
      return c.json(errorDocument(error.message), 400);
    }
  });
  commands.post("/log/off", (c) => {
    logs.off();
    return c.json(document());
  });
}

function patternOf(text: string) {
  const pattern = parsePeerPattern(text);
  if (pattern !== undefined) return pattern;
  throw new BadParameters("peer: neither an address, A.B.C.D:PORT, nor a prefix without host bits");
}
