import { get, type IncomingMessage, type RequestOptions } from "node:http";
import { STATUS_PORT } from "#src/config/assemble.ts";
import { JSON_VERSION, type StatusDocument } from "#src/status/document.ts";
import { UsageError } from "../exit.ts";

/** Where a daemon listens unless its configuration says otherwise: relay, server. */
export const DEFAULT_URLS: readonly string[] = [STATUS_PORT.relay, STATUS_PORT.server]
  .map((port) => `http://127.0.0.1:${port}`);

const TIMEOUT = 5_000;
const MAX_BODY = 1_000_000;

/** Asks a daemon for its state. @param url `http://host:port` or `unix:/path` @throws Error, UsageError */
export async function fetchStatus(url: string): Promise<StatusDocument> {
  const { status, body } = await request(requestOptions(url));
  if (status !== 200) throw new Error(`${url} answers with status ${status}`);
  const found = parse(body);
  if (found === undefined) throw new Error(`${url} is not a teredo daemon`);
  const { version, program_version } = found;
  if (version === JSON_VERSION) return found;
  throw new Error(`${url} is teredo ${program_version}: ask it with that version of this program`);
}

function requestOptions(url: string): RequestOptions {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(url)?.[1];
  const common = { path: "/status", agent: false, timeout: TIMEOUT } as const;
  if (path !== undefined) return { ...common, socketPath: path, headers: { Host: "localhost" } };
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "http:") {
    throw new UsageError(`${url} is neither http://HOST:PORT nor unix:/PATH`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  return { ...common, host, port: parsed.port === "" ? 80 : Number(parsed.port) };
}

function request(options: RequestOptions): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = get(options, (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length > MAX_BODY) sent.destroy(new Error("The answer is too long"));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error(`No answer within ${TIMEOUT / 1000} s`)));
    sent.on("error", reject);
  });
}

function parse(body: string): StatusDocument | undefined {
  try {
    const value = JSON.parse(body) as StatusDocument;
    return typeof value.role === "string" && typeof value.counters === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}
