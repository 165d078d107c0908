import { dirname, join } from "node:path";
import { codeOf, readDeciding, type ReadFile, whyUnreadable } from "./files.ts";
import type { Problems } from "./problems.ts";

/**
 * The group may read: that is how a daemon that is not root gets at a file of root's. So does the
 * mode of a credential, 0400 or, where an access control list names the unit's user, 0440.
 */
const WORLD_READABLE = 0o004;

/** A setting that names a file of secrets, and what that is called when it is a credential. */
export type SecretKey = "secrets_file" | "secret_file" | "token_file";

const CREDENTIALS: Readonly<Record<SecretKey, string>> = {
  secrets_file: "secrets",
  secret_file: "secret",
  token_file: "token",
};

/** Where a file of secrets is. */
export interface SecretPlace {
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
export function placeOfSecret(
  name: string,
  configuration: string | undefined,
  credentials: string | undefined,
): SecretPlace {
  if (name.startsWith("/")) return { path: name, credential: undefined };
  if (credentials?.startsWith("/")) return { path: join(credentials, name), credential: name };
  const folder = configuration === undefined ? DEFAULT_FOLDER : dirname(configuration);
  return { path: join(folder, name), credential: undefined };
}

/** Why a file of secrets cannot be read: `problem; what to do`. */
export function whyNoSecret(error: unknown, { credential }: SecretPlace, key: SecretKey): string {
  const code = codeOf(error);
  if (code === "ENOENT" && credential !== undefined) {
    return `no such credential; write \`LoadCredential=${credential}:PATH\` in the unit`;
  }
  if (code !== "EACCES" && code !== "EPERM") return whyUnreadable(error);
  const name = CREDENTIALS[key];
  return "not allowed to read it; check owner and mode, or under systemd have it handed over: " +
    `\`LoadCredential=${name}:PATH\` in the unit, \`${key} = ${name}\` here`;
}

/**
 * Reads the file of secrets that a setting names; it must be closed to others.
 *
 * @param name what the setting holds
 * @param where the setting stands, for who looks for what to mend; undefined: nobody has set it in a file
 * @param configuration path of the file that the setting stands in
 * @returns undefined when it cannot be read, of which `problems` tells
 */
export function readSecretFile(
  key: SecretKey,
  name: string,
  where: string | undefined,
  configuration: string | undefined,
  readFile: ReadFile,
  problems: Problems,
): { readonly path: string; readonly bytes: Uint8Array } | undefined {
  const place = placeOfSecret(name, configuration, process.env["CREDENTIALS_DIRECTORY"]);
  const { path } = place;
  try {
    const { bytes, mode } = readDeciding(readFile, path, problems);
    if ((mode & WORLD_READABLE) !== 0) {
      problems.error(path, "anyone can read this file of secrets; chmod 640 it");
    }
    return { path, bytes };
  } catch (error) {
    const problem = whyNoSecret(error, place, key);
    if (where === undefined) problems.error(path, problem);
    else problems.error(where, `${path}: ${problem}`);
    return undefined;
  }
}
