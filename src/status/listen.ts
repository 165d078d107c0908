import { lstatSync, type Stats } from "node:fs";
import {
  type AddressInfo,
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from "node:net";
import type { Millis } from "#src/protocol/time.ts";
import { type Client, networkOf } from "./access/client.ts";
import { type Answer, serve, type Served } from "./connection.ts";
import { errorDocument } from "./document.ts";
import { isLoopbackAddress } from "./hosts.ts";
import type { StatusRequest } from "./request.ts";

/** Of one server at a time, but for a moment. */
const MAX_CONNECTIONS = 64;
const MAX_CROWD = 512;
const MOMENT: Millis = 50;

/** Owner and group may: the group is how other users are let in. */
const SOCKET_UMASK = 0o117;

/** Whatever answers requests, such as the status pages. */
export interface App {
  fetch(request: Request, client: Client): Response | Promise<Response>;
}

export interface Listening {
  /** `http://address:port`, or `unix:/path`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `app` on TCP. @param port 0: the kernel picks. @throws Error when it cannot be bound */
export async function listenTcp(app: App, address: string, port: number): Promise<Listening> {
  const { server, close } = makeServer((request, socket) => {
    // By where the client came in: a server on every address is on loopback too.
    const way = isLoopbackAddress(socket.localAddress ?? "") ? "loopback" : "network";
    return ask(app, request, { way, address: socket.remoteAddress });
  });
  await listening(server, { host: address, port });
  const bound = server.address() as AddressInfo;
  const host = address.includes(":") ? `[${address}]` : address;
  return { url: `http://${host}:${bound.port}`, close };
}

/**
 * Serves `app` on a Unix socket for owner and group, and removes it at the end, unless another has
 * taken its place. It has its mode from its first moment on: its path is not touched again.
 *
 * @param gid its group; undefined: that of the process
 * @param admits whether a client gets any answer but a refusal
 * @throws Error when the path is taken or cannot be bound
 */
export async function listenUnix(
  app: App,
  path: string,
  gid?: number,
  admits: (client: Socket) => boolean = () => true,
): Promise<Listening> {
  const { server, close } = makeServer((request, client) =>
    admits(client) ? ask(app, request, { way: "unix", address: undefined }) : stranger()
  );
  await asGroup(gid, () => listening(server, { path }));
  const made = lstatSync(path);
  return {
    url: `unix:${path}`,
    close: () => close(isSame(made, lstatSync(path, { throwIfNoEntry: false }))),
  };
}

/** Every runtime binds before `listen()` returns, so that nothing else happens meanwhile. */
function asGroup<T>(gid: number | undefined, bind: () => T): T {
  const umask = process.umask(SOCKET_UMASK);
  const own = process.getegid!();
  try {
    if (gid !== undefined) process.setegid!(gid);
    return bind();
  } finally {
    process.setegid!(own);
    process.umask(umask);
  }
}

function isSame(a: Stats, b: Stats | undefined): boolean {
  return a.dev === b?.dev && a.ino === b.ino;
}

interface StatusServer {
  readonly server: Server;
  /** @param unbind false: what it is bound to stays, for closing would remove another's socket */
  close(unbind?: boolean): Promise<void>;
}

/** A client that is there. */
interface Guest {
  readonly socket: Socket;
  readonly served: Served;
  readonly network: string;
}

/**
 * A newcomer always gets in, and has a moment to say what it wants, however many come at once; room
 * is made by those that keep us waiting.
 */
function makeServer(answer: Answer): StatusServer {
  const guests = new Map<Socket, Guest>();
  const drop = ({ socket }: Guest) => {
    // Its "close" comes later than the next clients may.
    guests.delete(socket);
    socket.destroy();
  };
  let sweep: ReturnType<typeof setTimeout> | undefined;
  const sweepSoon = () => {
    if (guests.size <= MAX_CONNECTIONS || sweep !== undefined) return;
    const due = performance.now() + MOMENT;
    sweep = setTimeout(() => {
      sweep = undefined;
      // It was we who kept them waiting: what they have said meanwhile is heard first.
      if (performance.now() - due > MOMENT) return sweepSoon();
      const idle = byCrowd(guests.values()).filter(({ served }) => served.keepsWaiting());
      idle.slice(0, guests.size - MAX_CONNECTIONS).forEach(drop);
      sweepSoon();
    }, MOMENT);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (guests.size >= MAX_CROWD) byCrowd(guests.values()).slice(0, MAX_CONNECTIONS).forEach(drop);
    const network = networkOf(socket.remoteAddress) ?? "";
    guests.set(socket, { socket, served: serve(socket, answer), network });
    socket.once("close", () => guests.delete(socket));
    sweepSoon();
  });
  const close = (unbind = true) =>
    new Promise<void>((resolve) => {
      clearTimeout(sweep);
      for (const socket of guests.keys()) socket.destroy();
      if (unbind) server.close(() => resolve());
      else resolve();
    });
  return { server, close };
}

/**
 * Those that have to make room: of the network that has most of them first, and there the oldest. A
 * network that has no more than its part of what there is room for is left alone.
 */
function byCrowd(guests: Iterable<Guest>): Guest[] {
  const networks = [...Map.groupBy(guests, ({ network }) => network).values()];
  const part = MAX_CONNECTIONS / networks.length;
  return networks.filter(({ length }) => length > part).sort((a, b) => b.length - a.length).flat();
}

function listening(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      // Later errors are a single client's; without a listener they would end the process.
      server.on("error", () => {});
      resolve();
    });
    server.listen(where);
  });
}

function ask(app: App, request: StatusRequest, client: Client): Response | Promise<Response> {
  const { method, target, headers, body } = request;
  const init = { method, headers, ...(body === undefined ? {} : { body }) };
  return app.fetch(new Request(`http://localhost${target}`, init), client);
}

function stranger(): Response {
  const error = errorDocument("This user is not answered here; ask as root or in the group");
  return Response.json(error, { status: 403 });
}
