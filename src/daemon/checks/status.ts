import { createServer } from "node:net";
import type { Role, StatusConfig } from "#src/config/config.ts";
import { STATUS_PORT } from "#src/config/assemble.ts";
import { tcpProblem } from "../status_servers.ts";
import { type CheckResult, fail, ok } from "./result.ts";

/**
 * Whether the status pages can be had at their TCP port.
 *
 * @param answered whether a running daemon of this role answered there
 */
export async function checkStatusPages(
  role: Role,
  config: StatusConfig,
  answered: boolean,
): Promise<CheckResult[]> {
  if (!config.enabled) return [];
  const { address } = config;
  const port = config.port ?? STATUS_PORT[role];
  const where = `TCP ${address.includes(":") ? `[${address}]` : address}:${port}`;
  if (port === 0) return [];
  if (answered) return [ok("status", `the running ${role} answers at ${where}`)];
  const refused = await refusesTcp(address, port);
  if (refused === undefined) return [ok("status", `${where} is free`)];
  const { problem, mend } = tcpProblem(address, port, refused);
  return [fail("status", problem, mend)];
}

function refusesTcp(host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}
