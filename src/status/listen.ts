import { createAdaptorServer } from "@hono/node-server";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import type { StatusApp } from "./app.ts";
import { errorDocument } from "./document.ts";
import { isLocalHost, isLoopbackAddress } from "./hosts.ts";

/** A slow or hostile reader holds a connection no longer, and no more of them, than this. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
} as const;
const MAX_CONNECTIONS = 64;

/** Owner and group: the group is how other users are let in. */
const SOCKET_MODE = 0o660;

export interface Listening {
  /** `http://address:port`, or `unix:/path`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `app` on TCP. @param port 0: the kernel picks. @throws Error when it cannot be bound */
export async function listenTcp(app: StatusApp, address: string, port: number): Promise<Listening> {
  const guarded = isLoopbackAddress(address);
  const server = makeServer((request) => {
    if (guarded && !isLocalHost(request.headers.get("host"))) return foreignHost();
    return app.fetch(request);
  });
  await listening(server, () => server.listen(port, address));
  const bound = server.address() as AddressInfo;
  const host = address.includes(":") ? `[${address}]` : address;
  return { url: `http://${host}:${bound.port}`, close: () => closing(server) };
}

/**
 * Serves `app` on a Unix socket. One that a killed process left behind is replaced; one that is in
 * use, and any other kind of file, is not.
 *
 * @throws Error when the path is taken or cannot be bound
 */
export async function listenUnix(app: StatusApp, path: string): Promise<Listening> {
  await removeStale(path);
  const server = makeServer((request) => app.fetch(request));
  await listening(server, () => server.listen({ path }));
  chmodSync(path, SOCKET_MODE);
  const close = async () => {
    await closing(server);
    removeQuietly(path);
  };
  return { url: `unix:${path}`, close };
}

type Server = ReturnType<typeof createAdaptorServer> & { maxConnections: number };

function makeServer(fetch: (request: Request) => Response | Promise<Response>): Server {
  const server = createAdaptorServer({ fetch, serverOptions: LIMITS }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      // Later errors are a single client's; without a listener they would end the process.
      server.on("error", () => {});
      resolve();
    });
    listen();
  });
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}

function foreignHost(): Response {
  const error = errorDocument("This Host is not answered here; ask by address or as localhost");
  return Response.json(error, { status: 403 });
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await isAnswered(path)) throw new Error(`${path} is in use by another process`);
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Closing removed it, or privileges to do so were given up: the next start replaces it.
  }
}
