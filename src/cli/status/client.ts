import { lstatSync } from "node:fs";
import { get, type IncomingMessage, type RequestOptions } from "node:http";
import { connect } from "node:net";
import { codeOf } from "#src/config/files.ts";
import { JSON_VERSION, type StatusDocument } from "#src/status/document.ts";
import { TeredoError } from "#src/errors.ts";
import { messageOf } from "../exit.ts";
import type { Place } from "./place.ts";

const TIMEOUT = 5_000;
const MAX_BODY = 1_000_000;

/** Why a daemon's state is not known. */
export class NoStatus extends TeredoError {
  readonly code = "ERR_NO_STATUS";
  /** False: whether a daemon runs cannot be told. */
  readonly isNotRunning: boolean;

  constructor(message: string, isNotRunning = false) {
    super(isNotRunning ? `not running: ${message}` : message);
    this.isNotRunning = isNotRunning;
  }
}

/** Asks a daemon for its state, for at most 5 s. @throws NoStatus */
export async function fetchStatus(place: Place): Promise<StatusDocument> {
  const late = new NoStatus(`no answer from ${place.url} within ${TIMEOUT / 1000} s`);
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), TIMEOUT);
  const aborted = new Promise<never>((_, reject) => {
    ending.signal.addEventListener("abort", () => reject(late), { once: true });
  });
  try {
    return await Promise.race([ask(place, ending.signal), aborted]);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

async function ask(place: Place, signal: AbortSignal): Promise<StatusDocument> {
  // A plain connection first: of what goes wrong there, the runtimes' HTTP clients tell less.
  await reach(place, signal);
  const { url } = place;
  const { status, body } = await request(place, signal).catch((error): never => {
    throw error instanceof NoStatus ? error : new NoStatus(`${stranger(url)}: ${messageOf(error)}`);
  });
  if (status === 403) throw new NoStatus(`${url} refuses to answer: ${errorOf(body)}`);
  if (status !== 200) throw new NoStatus(`${stranger(url)}: HTTP status ${status}`);
  const found = parse(body);
  if (found === undefined) throw new NoStatus(stranger(url));
  const { version, program_version } = found;
  if (version === JSON_VERSION) return found;
  throw new NoStatus(
    `${url} is teredo ${program_version}: ask it with that version of this program`,
  );
}

function stranger(url: string): string {
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

function request(place: Place, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const common = { agent: false, signal } as const;
  const options: RequestOptions = "host" in place
    ? { ...common, host: place.host, port: place.port, path: place.path }
    : {
      ...common,
      socketPath: place.socketPath,
      path: "/status",
      headers: { Host: "localhost" },
    };
  return new Promise((resolve, reject) => {
    const sent = get(options, (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length <= MAX_BODY) return;
        reject(new Error("the answer is too long"));
        sent.destroy();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("error", reject);
  });
}

function parse(body: string): StatusDocument | undefined {
  const value = parseJson(body) as StatusDocument | null | undefined;
  if (typeof value?.role !== "string" || typeof value.version !== "number") return undefined;
  const objects = [value.process, value.counters, value.drops, value.gauges, value.workers];
  const isWhole = objects.every((it) => typeof it === "object" && it !== null) &&
    Array.isArray(value.checks) && Array.isArray(value.listening);
  return isWhole || value.version !== JSON_VERSION ? value : undefined;
}

function errorOf(body: string): string {
  const value = parseJson(body) as { readonly error?: unknown } | null | undefined;
  return typeof value?.error === "string" ? value.error : "HTTP status 403";
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
