import { teredo, untilReady, writeFile } from "#test/netns/programs.ts";
import type { Scene } from "../scene.ts";

/**
 * Starts the scene's relay again by a line of sh(1), in which `$relay` is its command; the one before
 * has to have ended.
 */
export async function startBy(scene: Scene, line: string): Promise<void> {
  const file = await writeFile(scene.lab, "started.conf", scene.conf);
  const relay = teredo("relay", "-c", file).map((it) => `'${it}'`).join(" ");
  scene.relay = scene.lab.spawn("rly", ["sh", "-c", line.replaceAll("$relay", relay)]);
  await untilReady(scene.lab, "rly", 9545, scene.relay);
}

/** The process that a shell has become, by what it serves on. */
export async function servingPid(scene: Scene): Promise<number> {
  const said = await scene.sh("ss -Hltnp 'sport = :9545'");
  return Number(/pid=(\d+)/.exec(said)![1]);
}

/** A folder of so many bytes that has none left. */
export const fullFolder = (path: string) =>
  `mkdir -p ${path}; mount -t tmpfs -o size=16k,mode=700 tmpfs ${path}
dd if=/dev/zero of=${path}/filler bs=4096 2>/dev/null || true`;
