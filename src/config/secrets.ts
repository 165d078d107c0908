import type { SecretConfig } from "./config.ts";
import { quote } from "./kinds/mod.ts";
import type { Problems } from "./problems.ts";
import { isBlankOrComment } from "./syntax/mod.ts";

/** Length octets of the authentication encapsulation are one byte each. RFC 4380 §5.1.1 */
const MAX_CLIENT_ID_LENGTH = 255;
const MAX_KEY_LENGTH = 255;
const SHORT_KEY_LENGTH = 16;
const MAX_CLIENTS = 65_536;

/**
 * Reads a secrets file: a line `NAME hex:HEX` or `NAME text:TEXT` a client, and `revoked` behind it
 * for one that is told to get a new key. No problem quotes a key.
 */
export function readSecrets(
  bytes: Uint8Array,
  file: string,
  problems: Problems,
): readonly SecretConfig[] {
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
  if (secrets.size === 0) problems.notice(file, "no secrets in it; add a client");
  return [...secrets.values()];
}

/** Which of `secrets` a client is. @param clientId undefined: the only one */
export function chooseSecret(
  secrets: readonly SecretConfig[],
  clientId: string | undefined,
  file: string,
  problems: Problems,
): SecretConfig | undefined {
  const [first, second] = secrets;
  const secret = clientId === undefined
    ? first
    : secrets.find((secret) => secret.clientId === clientId);
  if (clientId === undefined && second !== undefined) {
    problems.error(file, `${secrets.length} clients; say by client_id which of them this is`);
  } else if (secret === undefined) {
    const who = clientId === undefined ? "no client" : `no ${quote(clientId)}`;
    problems.error(file, `${who} in it; add the line \`NAME hex:HEX\` that the server has`);
  } else if (!secret.valid) {
    problems.error(
      file,
      `${quote(secret.clientId)} is revoked; ask the server's owner for a new key`,
    );
  }
  return secret;
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
