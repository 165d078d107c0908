import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import { get, START_PATIENCE, teredo, until, untilReady, writeFile } from "../programs.ts";

export interface ClientProgram {
  readonly client: LabProcess;
  readonly address: string;
}

const PORT = 9546;

/** Our client, once it is qualified and its interface has its address. */
export async function startClient(
  lab: Lab,
  namespace: string,
  lines = `servers = ${SERVER_ADDRESS}`,
): Promise<ClientProgram> {
  const conf = `[client]\nstate_file = /run/${namespace}-client.json\n${lines}\n`;
  const file = await writeFile(lab, `${namespace}-client.ini`, conf);
  const client = lab.spawn(namespace, teredo("client", "-c", file));
  await untilReady(lab, namespace, PORT, client);
  return { client, address: await addressOf(lab, namespace) };
}

/** Of our client, as it tells it. */
export async function addressOf(lab: Lab, namespace: string): Promise<string> {
  let address: string | undefined;
  await until(`${namespace} has a Teredo address`, async () => {
    const status = JSON.parse(await get(lab, namespace, `http://127.0.0.1:${PORT}/status`) ?? "{}");
    address = status.client?.address;
    return address !== undefined;
  }, START_PATIENCE);
  return address!;
}
