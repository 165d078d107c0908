import {
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Libc } from "#ffi/libc.ts";
import { LOCK_EX, LOCK_NB } from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { placeOf } from "../folder.ts";
import type { User } from "../host/contract.ts";
import { errnoOf, openOwn, OWN_MODE, whyNotOpened, whyNotOurs } from "../own_file.ts";

/** Bytes that are read, and written. */
const LENGTH_MOST = 16_384;
const VERSION = 1;

/** What a client keeps from run to run. */
export interface ClientState {
  /** UDP port; 0: none has been chosen. */
  readonly port: number;
  /** Addresses of servers' names. */
  readonly names: ReadonlyMap<string, readonly number[]>;
  /** The mapping that the Teredo address had last, and the flags in that. */
  readonly mapping: Mapping | undefined;
}

export interface Mapping {
  readonly address: number;
  readonly port: number;
  readonly flags: number;
}

export const NO_STATE: ClientState = { port: 0, names: new Map(), mapping: undefined };

type Environment = Readonly<Record<string, string | undefined>>;

/** Where it is that no configuration names it. hier(7) */
export function statePath(env: Environment = process.env, platform = process.platform): string {
  const given = env["STATE_DIRECTORY"]?.split(":")[0];
  if (given?.startsWith("/")) return join(given, "client.json");
  return platform === "linux" ? "/var/lib/teredo-client/client.json" : "/var/db/teredo-client.json";
}

/**
 * The file of what is kept. It is open and locked from start to end, so that it can be written whatever
 * the process may do then; written anew at each change, in one piece.
 */
export class StateFile {
  /** What was in it. */
  readonly found: ClientState;
  /** Why nothing of what was in it is of use; undefined: all is. */
  readonly problem: string | undefined;
  readonly #fd: number;
  #written: string;
  /** Bytes that there are: of what is no UTF-8 there are fewer characters. */
  #length: number;

  /**
   * @param user who may own it besides us, and shall from now on
   * @throws StartError when nothing can be kept there
   */
  constructor(libc: Libc, path: string, user: User | undefined) {
    const place = placeOf(madeFolder(path, user));
    if (place.stranger !== undefined && place.owner !== user?.uid) {
      throw new StartError(
        `${place.folder} ${place.stranger}`,
        `chown root:root '${place.folder}' && chmod 755 '${place.folder}'`,
      );
    }
    this.#fd = openFile(place.path);
    try {
      this.#refuseStranger(libc, place.path, user?.uid);
      fchmodSync(this.#fd, OWN_MODE);
      if (user !== undefined) fchownSync(this.#fd, user.uid, user.gid);
      const bytes = readWhole(this.#fd);
      this.#written = new TextDecoder().decode(bytes);
      this.#length = bytes.length;
    } catch (error) {
      closeSync(this.#fd);
      throw error instanceof StartError ? error : new StartError(`${path}: ${errnoOf(error)}`);
    }
    const found = this.#written.trim() === "" ? NO_STATE : decode(this.#written);
    this.problem = typeof found === "string" ? found : undefined;
    this.found = typeof found === "string" ? NO_STATE : found;
  }

  #refuseStranger(libc: Libc, path: string, user: number | undefined): void {
    const why = whyNotOurs(fstatSync(this.#fd), user);
    if (why !== undefined) throw new StartError(`${path} ${why}`, "see what it is");
    if (libc.call.flock(this.#fd, LOCK_EX | LOCK_NB) === 0) return;
    throw new StartError(
      `${path} is in use by another client`,
      "give each a `state_file` of its own",
    );
  }

  /** @throws Error of `node:fs` */
  write(state: ClientState): void {
    const text = encode(state);
    if (text === this.#written) return;
    // Blanks over what was longer: in one call, so that whoever ends us leaves no half of each.
    const bytes = new TextEncoder().encode(text.padEnd(this.#length));
    writeSync(this.#fd, bytes, 0, bytes.length, 0);
    this.#written = text;
    this.#length = bytes.length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** @returns the path, whose folder is there now if it can be */
function madeFolder(path: string, user: User | undefined): string {
  // Only the last one: what else is not there is a slip of the pen.
  const place = placeOf(dirname(path));
  // Its owner could put a link there, between the two calls.
  if (place.stranger !== undefined) return path;
  try {
    mkdirSync(place.path, { mode: 0o700 });
  } catch {
    return path; // it is there, or whoever opens the file tells why not
  }
  if (user !== undefined) chownSync(place.path, user.uid, user.gid);
  return path;
}

function openFile(path: string): number {
  try {
    return openOwn(path);
  } catch (error) {
    const mend = mendOf(errnoOf(error), path);
    throw new StartError(`${path} cannot be written: ${whyNotOpened(error)}`, mend);
  }
}

/** What helps wherever it is that nothing can be kept. @param path that was tried */
export function elsewhere(path: string): string {
  const usual = statePath({});
  const example = path === usual ? "" : `, e.g. ${usual}`;
  return `write a path where it may have a file as \`state_file\`${example}`;
}

/** @param code of what `openOwn` threw */
function mendOf(code: string, path: string): string {
  switch (code) {
    case "ELOOP":
      return `rm '${path}', or write the path of the file itself as \`state_file\``;
    case "EISDIR":
      return `write a file in it as \`state_file\`, e.g. ${join(path, "client.json")}`;
    case "EACCES":
    case "EPERM":
      return `let its user write in ${dirname(path)}, or ${elsewhere(path)}`;
    case "ENOSPC":
    case "EDQUOT":
      return "make room there";
    default:
      return elsewhere(path);
  }
}

function readWhole(fd: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_MOST);
  let length = 0;
  while (length < bytes.length) {
    const count = readSync(fd, bytes, length, bytes.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function encode({ port, names, mapping }: ClientState): string {
  const document = {
    version: VERSION,
    port,
    names: Object.fromEntries([...names].map(([name, them]) => [name, them.map(formatIpv4)])),
    ...(mapping === undefined
      ? {}
      : { mapping: { ...mapping, address: formatIpv4(mapping.address) } }),
  };
  return `${JSON.stringify(document)}\n`;
}

/** @returns why it is of no use, completes "the file is" */
function decode(text: string): ClientState | string {
  let document: Partial<Record<string, unknown>>;
  try {
    document = Object(JSON.parse(text));
  } catch {
    return "no JSON";
  }
  if (document["version"] !== VERSION) return "of another version";
  const { port, names, mapping } = document;
  return {
    port: isPort(port) ? port : 0,
    names: new Map(Object.entries(Object(names)).map(([name, them]) => [name, addressesOf(them)])),
    mapping: mappingOf(Object(mapping)),
  };
}

function mappingOf({ address: text, port, flags }: Partial<Record<string, unknown>>) {
  const address = typeof text === "string" ? parseIpv4(text) : undefined;
  if (address === undefined || !isPort(port) || !isU16(flags)) return undefined;
  return { address, port, flags };
}

function addressesOf(value: unknown): number[] {
  if (!Array.isArray(value)) return [];
  return value.map((it) => typeof it === "string" ? parseIpv4(it) : undefined)
    .filter((it) => it !== undefined);
}

function isU16(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 65_536;
}

function isPort(value: unknown): value is number {
  return isU16(value) && value !== 0;
}
