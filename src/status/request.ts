/** What a status page needs to know of a request. */
export interface StatusRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** `Host` is whom the client means to ask, with its port if it names one. */
  readonly headers: Headers;
  /** Of a form. */
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** What is no visible character of ASCII is percent-encoded in a target. RFC 3986 §2 */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
/** What any page could be asked by. The runtimes' `Request` takes others for GET, or not at all. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** A target that names the host it is for, as a proxy is asked. RFC 9112 §3.2.2 */
const ABSOLUTE = /^http:\/\/([^/?#]+)(.*)$/i;

/**
 * Reads a request line and its header fields, without the empty line at their end. RFC 9112 §2.1
 *
 * @param head one character a byte
 * @returns undefined when it is no HTTP/1 request
 */
export function parseRequest(head: string): StatusRequest | undefined {
  const [first = "", ...fields] = head.split(/\r?\n/);
  const line = REQUEST_LINE.exec(first);
  if (line === null) return undefined;
  const headers = new Headers();
  for (const text of fields) {
    const field = FIELD.exec(text);
    // deno-lint-ignore no-control-regex
    if (field === null || /[\0-\x08\x0a-\x1f\x7f]/.test(text)) return undefined;
    const [, name, value] = field as unknown as [string, string, string];
    // With two of them nobody can tell which is meant. RFC 9112 §3.2
    if (name.toLowerCase() === "host" && headers.has(name)) return undefined;
    headers.append(name, value);
  }
  const [, method, target] = line as unknown as [string, string, string];
  if (!METHODS.includes(method)) return undefined;
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) return target.startsWith("/") ? { method, target, headers } : undefined;
  const [, host, rest] = absolute as unknown as [string, string, string];
  headers.set("Host", host);
  return { method, target: rest.startsWith("/") ? rest : `/${rest}`, headers };
}
