import { quote } from "#src/config/kinds/mod.ts";
import { UsageError } from "../exit.ts";

/** Where a daemon's status pages are. */
export type Place =
  | { readonly url: string; readonly socketPath: string }
  | {
    readonly url: string;
    /** Address or name, without brackets. */
    readonly host: string;
    readonly port: number;
    /** Of the page that is asked for; more than `/status` behind another web server. */
    readonly path: string;
    /** What opens the pages to who is not on their host. */
    readonly token?: string | undefined;
  };

/** Pages of ours that may be named in place of the status page. */
const PAGES = /\/(status|metrics|readyz|healthz)?$/;

/** Reads `--url`: `HOST:PORT`, `http://HOST:PORT/PATH` or `unix:/PATH`. @throws UsageError */
export function parsePlace(text: string): Place {
  const socketPath = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (socketPath !== undefined) return socketPlace(socketPath);
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const url = URL.parse(hasScheme ? text : `http://${text}`);
  if (
    url?.protocol !== "http:" || `${url.username}${url.password}${url.search}${url.hash}` !== ""
  ) {
    throw new UsageError(
      `${quote(text)} is no place of status pages; write 127.0.0.1:9545, [::1]:9545, ` +
        "http://HOST:PORT or unix:/PATH",
    );
  }
  if (!hasScheme && !/:\d+(\/|$)/.test(text)) {
    throw new UsageError(`${quote(text)} names no port; write it behind, as in 127.0.0.1:9545`);
  }
  const base = url.pathname.replace(PAGES, "");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 80 : Number(url.port);
  return { url: `http://${url.host}${base}`, host, port, path: `${base}/status` };
}

export function socketPlace(socketPath: string): Place {
  return { url: `unix:${socketPath}`, socketPath };
}

/** @param address where the daemon listens; one that stands for all is asked on loopback */
export function tcpPlace(address: string, port: number): Place {
  const host = address === "0.0.0.0" ? "127.0.0.1" : /^[0:]+$/.test(address) ? "::1" : address;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { url, host, port, path: "/status" };
}

/** Path of another page there: behind another web server the pages have a common beginning. */
export function pageAt(place: Place, page: string): string {
  return "host" in place ? `${place.path.replace(/\/status$/, "")}${page}` : page;
}
