import { fileURLToPath } from "node:url";
import { type Scene, succeed } from "../scene.ts";

async function run(scene: Scene, tool: string, ...args: readonly number[]): Promise<void> {
  const path = fileURLToPath(new URL(`../tools/${tool}`, import.meta.url));
  await succeed(scene.lab.spawn("rly", ["perl", path, ...args.map(String)]));
}

/** Sends a thread of a daemon round and round in one instruction. */
export function spin(scene: Scene, pid: number, thread: number): Promise<void> {
  return run(scene, "spin.pl", pid, thread);
}

/** Has the worker that next reads the interface until it is empty sleep until there is more. */
export function putToSleep(scene: Scene): Promise<void> {
  return run(scene, "block.pl", scene.pid);
}

/** Holds a thread for so many seconds. */
export function hold(scene: Scene, thread: number, seconds: number): Promise<void> {
  return run(scene, "hold.pl", thread, seconds);
}
