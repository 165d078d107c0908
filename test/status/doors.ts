import type { Client } from "#src/status/access/client.ts";
import type { AccessRules } from "#src/status/access/rules.ts";

/** Who asks, and rules by which he may or not. */

export const TOKEN = "0123456789abcdefghijklmnopqrstuv";
export const NONE: AccessRules = {
  token: undefined,
  allowAnonymous: false,
  public: undefined,
  hosts: undefined,
};
export const LOCKED: AccessRules = { ...NONE, token: TOKEN };

export const UNIX: Client = { way: "unix", address: undefined };
export const LOOPBACK: Client = { way: "loopback", address: "127.0.0.1" };
export const NETWORK: Client = { way: "network", address: "192.0.2.77" };
