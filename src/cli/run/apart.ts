import process from "node:process";
import { enterApart } from "#src/daemon/client/apart/inside.ts";
import { runDaemon } from "#src/daemon/run.ts";
import { selfCommand } from "#src/demo/self.ts";
import { messageOf, statusOf } from "../exit.ts";

/** What `teredo client --run` starts in namespaces of its own: nobody types it. */
export default async function run(): Promise<number> {
  const apart = await enterApart();
  const { version, path, overrides, wait } = apart.task;
  try {
    const program = selfCommand();
    return await runDaemon({ role: "client", version, path, overrides, wait, program, apart });
  } catch (error) {
    process.stderr.write(`teredo: ${messageOf(error)}\n`);
    return statusOf(error);
  }
}
