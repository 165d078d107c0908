import type { Millis } from "#src/protocol/time.ts";
import { objectIn } from "../../helper/lines.ts";
import { isLookUp, LOOK_UPS_MAX, type LookUp, readLookUp } from "../errands/words.ts";
import type { Standpoint } from "../standpoint.ts";

/**
 * What a client in namespaces of its own and the process outside that has started it say to each other:
 * one JSON object a line, on standard input and output of the one inside.
 */

/** What makes `teredo` the client inside; nobody types it. */
export const APART = "__apart";

/** Descriptors that the client inside has, after the three of any process: a terminal's are for its command. */
export const COMMAND_INPUT = 3;
export const COMMAND_OUTPUT = 4;
/** The socket of the service port, and behind it those of random ports. */
export const FIRST_SOCKET = 5;

/** The first line that the client inside reads. */
export interface ApartTask {
  readonly version: string;
  /** `-c FILE` */
  readonly path: string | undefined;
  readonly overrides: Readonly<Record<string, string>>;
  readonly wait: Millis | undefined;
  /** For the shell. */
  readonly command: string;
  /** How many sockets there are. */
  readonly sockets: number;
  /** Where name servers are that are asked outside, whoever listens there inside. */
  readonly nameServers: readonly string[];
  readonly standpoint: Standpoint;
}

/** What the client inside asks for. */
export type Question =
  | LookUp
  /** A message for the name server, in base64. */
  | { readonly id: number; readonly dns: string; readonly server: string };

/** Characters; a longer line that the client inside writes is not read. */
export const LINE_MAX = 4096;
/** Bytes of a message for a name server: with what is around it, it is such a line. */
export const MESSAGE_MAX = 3_000;
/** Questions of each kind; those to name servers have a socket each outside. */
const AT_ONCE = { dns: 256, lookUp: LOOK_UPS_MAX };

type Kind = keyof typeof AT_ONCE;

/** Counts questions that are not answered yet, on either side. */
export class AtOnce {
  readonly #count: Record<Kind, number> = { dns: 0, lookUp: 0 };

  /** @returns what ends it, called once; undefined: there are too many */
  begin(kind: Kind): (() => void) | undefined {
    if (this.#count[kind] === AT_ONCE[kind]) return undefined;
    this.#count[kind]++;
    return () => this.#count[kind]--;
  }
}

export function kindOf(question: object): Kind {
  return "dns" in question ? "dns" : "lookUp";
}

/** The command has begun: signals are for it. */
export interface Running {
  readonly isRunning: true;
}

/** What came of a {@link Question}. */
export type Answered =
  | { readonly id: number; readonly addresses: readonly number[] }
  | { readonly id: number; readonly hosts: readonly string[] }
  | { readonly id: number; readonly problem: string }
  | { readonly id: number; readonly dns: string };

/** What it is told. */
export type Told =
  | Answered
  /** The network outside is another one. */
  | { readonly standpoint: Standpoint }
  /** Its name servers are. */
  | { readonly nameServers: readonly string[] };

export function write(words: ApartTask | Question | Running | Told): string {
  return `${JSON.stringify(words)}\n`;
}

/** @throws SyntaxError for what {@link write} did not write */
export function readTask(line: string): ApartTask {
  return JSON.parse(line);
}

/** @returns undefined for anything but a {@link Question}, whoever wrote it */
export function readQuestion(line: string): Question | undefined {
  const words = objectIn(line) ?? {};
  if (isLookUp(words)) return readLookUp(words);
  const { id, dns, server } = words;
  const isWhole = typeof id === "number" && typeof dns === "string" && typeof server === "string";
  return isWhole ? { id, dns, server } : undefined;
}

/** Whether it is {@link Running}. */
export function isRunning(line: string): boolean {
  return objectIn(line)?.["isRunning"] === true;
}

/** What whoever started us says is believed. @returns undefined for what cannot be read */
export function readTold(line: string): Told | undefined {
  const told = objectIn(line);
  return told !== undefined && ("id" in told || "standpoint" in told || "nameServers" in told)
    ? told as unknown as Told
    : undefined;
}
