import { lstatSync } from "node:fs";
import { type IncomingMessage, request, type RequestOptions } from "node:http";
import { connect } from "node:net";
import { codeOf } from "#src/config/files.ts";
import type { Millis } from "#src/protocol/time.ts";
import { messageOf } from "../exit.ts";
import { NoStatus } from "./no_status.ts";
import type { Place } from "./place.ts";

/** One that hangs, and not one that comes to little on a busy machine. */
const TIMEOUT: Millis = 15_000;
const MAX_BODY = 3_000_000;

export interface Question {
  readonly method: "GET" | "POST";
  /** With the query, e.g. `/status`. */
  readonly path: string;
}

export interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** The same as text. */
  readonly body: string;
}

/** Asks whoever is at `place`, for at most 15 s. @throws NoStatus */
export async function exchange(
  place: Place,
  question: Question,
  patience: Millis = TIMEOUT,
): Promise<Answer> {
  const late = new NoStatus(`no answer from ${place.url} within ${patience / 1000} s`);
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), patience);
  const aborted = new Promise<never>((_, reject) => {
    ending.signal.addEventListener("abort", () => reject(late), { once: true });
  });
  try {
    return await Promise.race([ask(place, question, ending.signal), aborted]);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

/**
 * What `ask` finds at the first place, or of the first daemon, that answers it. What keeps one from
 * answering says more than that nobody runs at the others.
 *
 * @param whyNone of all failures, where none answers
 * @throws NoStatus
 */
export async function firstOf<P, T>(
  all: readonly P[],
  ask: (one: P) => Promise<T>,
  whyNone = mostTelling,
): Promise<T> {
  const failures: NoStatus[] = [];
  for (const one of all) {
    try {
      return await ask(one);
    } catch (error) {
      if (!(error instanceof NoStatus)) throw error;
      failures.push(error);
    }
  }
  throw whyNone(failures);
}

function mostTelling(failures: readonly NoStatus[]): NoStatus {
  return failures.find((it) => !it.isNotRunning) ?? failures[0]!;
}

/** @throws NoStatus for a refusal too */
async function ask(place: Place, question: Question, signal: AbortSignal): Promise<Answer> {
  // A plain connection first: of what goes wrong there, the runtimes' HTTP clients tell less.
  await reach(place, signal);
  const { url } = place;
  const answer = await send(place, question, signal).catch((error): never => {
    throw error instanceof NoStatus ? error : new NoStatus(`${stranger(url)}: ${messageOf(error)}`);
  });
  if (LOCKED.includes(answer.status)) throw locked(place, answer);
  if (answer.status !== 403) return answer;
  throw new NoStatus(`${url} refuses to answer: ${errorOf(answer)}`);
}

/** Without the right token, and after too many wrong ones. */
const LOCKED = [401, 429];

function locked(place: Place, answer: Answer): NoStatus {
  const { url } = place;
  const isGiven = "host" in place && place.token !== undefined;
  const problem = isGiven
    ? `${url} refuses the token: ${errorOf(answer)}`
    : `${url} asks for a token; give what \`token_file\` in its [status] names by --token-file FILE`;
  return new NoStatus(problem, false, true);
}

export function stranger(url: string): string {
  return `something else than a teredo daemon answers at ${url}`;
}

function reach(place: Place, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = "host" in place
      ? connect({ host: place.host, port: place.port })
      : connect({ path: place.socketPath });
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", (error) => reject(unreached(place, error)));
  });
}

function unreached(place: Place, error: Error): NoStatus {
  const { url } = place;
  switch (codeOf(error)) {
    case "ECONNREFUSED":
      if ("host" in place) return new NoStatus(`nothing listens at ${url}`, true);
      return isSocket(place.socketPath)
        ? new NoStatus(`nobody listens at ${url}, which an earlier process left behind`, true)
        : new NoStatus(`${place.socketPath} is not a socket`);
    case "ENOENT":
      return new NoStatus(`there is no socket ${url}`, true);
    case "EACCES":
    case "EPERM":
      return new NoStatus(`not allowed to ask ${url}; do it as root or in the socket's group`);
    default:
      return new NoStatus(`no way to ${url}: ${messageOf(error)}`);
  }
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function send(place: Place, { method, path }: Question, signal: AbortSignal): Promise<Answer> {
  const common = { agent: false, signal, method, path } as const;
  const options: RequestOptions = "host" in place
    ? { ...common, host: place.host, port: place.port, headers: credentialsFor(place) }
    : { ...common, socketPath: place.socketPath, headers: { Host: "localhost" } };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response: IncomingMessage) => {
      const parts: Uint8Array[] = [];
      let length = 0;
      response.on("data", (part: Uint8Array) => {
        parts.push(part);
        length += part.length;
        if (length <= MAX_BODY) return;
        reject(new Error("the answer is too long"));
        sent.destroy();
      });
      response.on("end", () => {
        const bytes = Buffer.concat(parts);
        resolve({ status: response.statusCode ?? 0, bytes, body: bytes.toString() });
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

function credentialsFor({ token }: { readonly token?: string | undefined }) {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

/** What an answer that is none says of why. */
export function errorOf({ status, body }: Answer): string {
  const value = parseJson(body) as { readonly error?: unknown } | null | undefined;
  return typeof value?.error === "string" ? value.error : `HTTP status ${status}`;
}

/** @returns undefined for what is no JSON */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
