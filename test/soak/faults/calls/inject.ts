import { wait } from "#test/netns/programs.ts";
import type { Scene } from "../scene.ts";

/** Every third one, so that what is tried again can succeed. */
const WHEN = "when=2+3";

/** What a call comes to in place of what it was to do: `error=EPERM`, `retval=1`. */
export type Fate = `error=${string}` | `retval=${number}`;

/**
 * Has calls of one thread of the relay fail, by strace(1): the kernel does nothing of what they ask.
 *
 * @param calls names, several separated by commas
 * @returns how many did
 */
export async function inject(
  scene: Scene,
  thread: number,
  calls: string,
  fate: Fate,
  seconds: number,
): Promise<number> {
  const file = "/run/strace";
  const argv = ["-qq", "-e", `trace=${calls}`, "-e", `inject=${calls}:${fate}:${WHEN}`];
  const tracer = scene.lab.spawn("rly", ["strace", ...argv, "-o", file, "-p", `${thread}`]);
  await wait(1000 * seconds);
  // It lets the thread go on unharmed.
  tracer.kill("SIGINT");
  await tracer.result;
  const { stdout } = await scene.lab.run("rly", ["grep", "-c", "INJECTED", file]);
  return Number(stdout.trim() || 0);
}
