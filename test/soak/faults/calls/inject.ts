import { until, wait } from "#test/netns/programs.ts";
import type { Scene } from "../scene.ts";

/** Every third one, the first among them: what is tried again can succeed, and what is done once fails. */
const WHEN = "when=1+3";

/** What a call comes to in place of what it was to do: `error=EPERM`, `retval=1`. */
export type Fate = `error=${string}` | `retval=${number}`;

const NOTHING = () => Promise.resolve();

/**
 * Has calls of one thread of the relay fail, by strace(1): the kernel does nothing of what they ask.
 *
 * @param calls names, several separated by commas
 * @param provoke what has the thread make them; begun when they are watched
 * @returns how many did
 */
export async function inject(
  scene: Scene,
  thread: number,
  calls: string,
  fate: Fate,
  seconds: number,
  provoke: () => Promise<unknown> = NOTHING,
): Promise<number> {
  const file = "/run/strace";
  const argv = ["-qq", "-e", `trace=${calls}`, "-e", `inject=${calls}:${fate}:${WHEN}`];
  const tracer = scene.lab.spawn("rly", ["strace", ...argv, "-o", file, "-p", `${thread}`]);
  await until("strace watches", async () => {
    const status = await scene.sh(`cat /proc/${scene.pid}/task/${thread}/status`);
    return /^TracerPid:\t[1-9]/m.test(status);
  });
  await Promise.all([wait(1000 * seconds), provoke()]);
  // It lets the thread go on unharmed.
  tracer.kill("SIGINT");
  await tracer.result;
  const { stdout } = await scene.lab.run("rly", ["grep", "-c", "INJECTED", file]);
  return Number(stdout.trim() || 0);
}
