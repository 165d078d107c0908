import { STATUS_PORT } from "#src/config/assemble.ts";
import type { Role, StatusConfig } from "#src/config/config.ts";
import { StartError } from "#src/errors.ts";
import { type App, type Listening, listenTcp, listenUnix } from "#src/status/listen.ts";
import { placeOf } from "./folder.ts";
import type { User } from "./host/contract.ts";
import { removeStale } from "./stale_socket.ts";

/** Opens what `[status]` asks for. @throws StartError */
export async function openStatusServers(
  app: App,
  role: Role,
  config: StatusConfig,
  user: User | undefined,
): Promise<Listening[]> {
  if (!config.enabled) return [];
  const opened: Listening[] = [];
  try {
    const port = config.port ?? STATUS_PORT[role];
    opened.push(await tcp(app, config.address, port));
    if (config.socket !== undefined) opened.push(await unix(app, config.socket, user));
    return opened;
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

export async function closeAll(servers: readonly Listening[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}

async function tcp(app: App, address: string, port: number): Promise<Listening> {
  try {
    return await listenTcp(app, address, port);
  } catch (error) {
    const { problem, mend } = tcpProblem(address, port, error);
    throw new StartError(problem, mend);
  }
}

/** Why the pages cannot listen there. @param error of listening */
export function tcpProblem(address: string, port: number, error: unknown) {
  return {
    problem: `the status pages cannot listen on ${address}, port ${port}: ${reasonOf(error)}`,
    mend: "choose another port in [status], or enabled = no",
  };
}

async function unix(app: App, path: string, user: User | undefined): Promise<Listening> {
  try {
    const place = placeOf(path);
    await removeStale(place, user);
    return await listenUnix(app, place.path, user?.gid);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `the status pages cannot listen on the socket ${path}: ${reasonOf(error)}`,
      "choose another socket in [status]",
    );
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as Error & { code?: unknown }).code;
  return code === "EADDRINUSE" ? "another program does (EADDRINUSE)" : error.message;
}
