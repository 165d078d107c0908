import { dirname, join } from "node:path";
import type { SecretConfig } from "./config.ts";
import { codeOf, whyUnreadable } from "./files.ts";
import { quote } from "./kinds/mod.ts";
import type { Problems } from "./problems.ts";
import { isBlankOrComment } from "./syntax/mod.ts";

/** Length octets of the authentication encapsulation are one byte each. RFC 4380 §5.1.1 */
const MAX_CLIENT_ID_LENGTH = 255;
const MAX_KEY_LENGTH = 255;
const SHORT_KEY_LENGTH = 16;
const MAX_CLIENTS = 65_536;
const MAX_FILE_LENGTH = 16 * 1024 * 1024;
/**
 * The group may read: that is how a server that is not root gets at a file of root's. So does the
 * mode of a credential, 0400 or, where an access control list names the unit's user, 0440.
 */
const WORLD_READABLE = 0o004;

/** Where a `secrets_file` is. */
export interface SecretsPlace {
  readonly path: string;
  /** Name of the credential, when the service manager hands over any. */
  readonly credential: string | undefined;
}

/** Where a file is taken to be that no configuration file names. */
const DEFAULT_FOLDER = "/etc/teredo";

/**
 * A path is taken as it is. A bare name is a credential, in the folder that the service manager
 * names in `$CREDENTIALS_DIRECTORY`; without one it is a file beside the configuration, so that
 * `teredo check server` on a command line reads what `LoadCredential=` hands to the unit.
 */
export function placeOfSecrets(
  name: string,
  configuration: string | undefined,
  credentials: string | undefined,
): SecretsPlace {
  if (name.startsWith("/")) return { path: name, credential: undefined };
  if (credentials?.startsWith("/")) return { path: join(credentials, name), credential: name };
  const folder = configuration === undefined ? DEFAULT_FOLDER : dirname(configuration);
  return { path: join(folder, name), credential: undefined };
}

/** Why the secrets cannot be read: `problem; what to do`. */
export function whyNoSecrets(error: unknown, { credential }: SecretsPlace): string {
  const code = codeOf(error);
  if (code === "ENOENT" && credential !== undefined) {
    return `no such credential; write \`LoadCredential=${credential}:PATH\` in the unit`;
  }
  if (code !== "EACCES" && code !== "EPERM") return whyUnreadable(error);
  return "not allowed to read it; check owner and mode, or under systemd have it handed over: " +
    "`LoadCredential=secrets:PATH` in the unit, `secrets_file = secrets` here";
}

/**
 * Reads a secrets file: a line `NAME hex:HEX` or `NAME text:TEXT` a client, and `revoked` behind it
 * for one that is told to get a new key. No problem quotes a key.
 *
 * @param mode permissions of the file; it must be closed to others
 */
export function readSecrets(
  bytes: Uint8Array,
  mode: number,
  file: string,
  problems: Problems,
): readonly SecretConfig[] {
  if ((mode & WORLD_READABLE) !== 0) {
    problems.error(file, "anyone can read this file of secrets; chmod 640 it");
  }
  if (bytes.length > MAX_FILE_LENGTH) {
    problems.error(file, `longer than ${MAX_FILE_LENGTH} bytes; is it a file of secrets?`);
    return [];
  }
  const secrets = new Map<string, SecretConfig>();
  for (const [i, line] of new TextDecoder().decode(bytes).split(/\r?\n/).entries()) {
    if (isBlankOrComment(line)) continue;
    const where = `${file}:${i + 1}`;
    const secret = readSecret(line.trim(), where, problems);
    if (secret === undefined) continue;
    if (secrets.has(secret.clientId)) {
      problems.error(where, `${quote(secret.clientId)}: client stands twice; delete one line`);
    }
    if (secrets.size === MAX_CLIENTS) {
      problems.error(where, `more than ${MAX_CLIENTS} clients; delete those no longer needed`);
      break;
    }
    secrets.set(secret.clientId, secret);
  }
  return [...secrets.values()];
}

function readSecret(line: string, where: string, problems: Problems): SecretConfig | undefined {
  const [clientId = "", keyText = "", state, ...more] = line.split(/[ \t]+/);
  const error = (problem: string): undefined => {
    problems.error(where, `${quote(clientId)}: ${problem}`);
  };
  if (new TextEncoder().encode(clientId).length > MAX_CLIENT_ID_LENGTH) {
    return error(`name of over ${MAX_CLIENT_ID_LENGTH} bytes; choose a shorter one`);
  }
  const key = readKey(keyText);
  if (key === undefined) {
    return error("has no key; write hex: and pairs of digits, or text: and a word");
  }
  if (key.length > MAX_KEY_LENGTH) {
    return error(`key of over ${MAX_KEY_LENGTH} bytes; choose a shorter one`);
  }
  if ((state !== undefined && state !== "revoked") || more.length > 0) {
    return error("more behind the key; write nothing or `revoked`");
  }
  if (key.length < SHORT_KEY_LENGTH) {
    problems.notice(
      where,
      `${
        quote(clientId)
      }: key of ${key.length} bytes can be guessed; write ${SHORT_KEY_LENGTH} or more`,
    );
  }
  return { clientId, key, valid: state === undefined };
}

function readKey(text: string): Uint8Array | undefined {
  const match = /^(hex|text):(.+)$/.exec(text);
  if (match === null) return undefined;
  if (match[1] === "text") return new TextEncoder().encode(match[2]);
  if (!/^([0-9a-f]{2})+$/i.test(match[2]!)) return undefined;
  return Uint8Array.from(match[2]!.match(/../g)!, (pair) => parseInt(pair, 16));
}
