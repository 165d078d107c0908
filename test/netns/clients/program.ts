import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { ClientDocument } from "#src/status/client_document.ts";
import { get, teredo, until, untilReady, writeFile } from "../programs.ts";

export const CLIENT_STATUS = "http://127.0.0.1:9546";

export interface ClientProgram {
  readonly client: LabProcess;
  readonly address: string;
}

/**
 * Our client, once it is ready.
 *
 * @param lines of `[client]`
 * @param more further sections
 */
export async function startClient(
  lab: Lab,
  namespace: string,
  lines = `servers = ${SERVER_ADDRESS}`,
  more = "",
): Promise<ClientProgram> {
  const client = await launchClient(lab, namespace, lines, more);
  await untilReady(lab, namespace, 9546, client);
  return { client, address: (await statusOf(lab, namespace)).address! };
}

/** All namespaces of a lab share one /run: each client has a folder of its own there. */
export async function launchClient(
  lab: Lab,
  namespace: string,
  lines: string,
  more = "",
): Promise<LabProcess> {
  const folder = `/run/${namespace}`;
  await lab.sh(namespace, `mkdir -p ${folder}`);
  const conf = `[client]\nstate_file = ${folder}/state.json\n${lines}\n${more}\n`;
  const file = await writeFile(lab, `${namespace}-client.ini`, conf);
  return lab.spawn(namespace, apart(namespace, "client", "-c", file));
}

/** A daemon of ours with a runtime folder of its own, which must be there. */
export function apart(name: string, ...args: string[]): string[] {
  return ["env", `RUNTIME_DIRECTORY=/run/${name}`, ...teredo(...args)];
}

/** What our client tells of itself. */
export async function statusOf(lab: Lab, namespace: string): Promise<ClientDocument> {
  const text = await get(lab, namespace, `${CLIENT_STATUS}/status`);
  const { client } = JSON.parse(text ?? "{}") as { client?: ClientDocument };
  if (client === undefined) throw new Error(`${namespace} tells of no client: ${text}`);
  return client;
}

/** Waits until what our client tells of itself is as it is to be. */
export async function untilStatus(
  lab: Lab,
  namespace: string,
  what: string,
  is: (status: ClientDocument) => boolean,
): Promise<ClientDocument> {
  let status = await statusOf(lab, namespace);
  await until(`${namespace} ${what}`, async () => {
    status = await statusOf(lab, namespace);
    return is(status);
  });
  return status;
}
