import type { Millis } from "#src/protocol/time.ts";
import { RunningPing } from "#test/netns/running_ping.ts";
import type { Scene } from "./scene.ts";

/** Between two packets of the host's ping to the client. */
const INTERVAL: Millis = 50;

/** What became of the packets between host and client while something happened. */
export interface Passage {
  readonly sent: number;
  readonly lost: number;
  /** From the first packet that was lost to the first one after it that was answered. */
  readonly recovered: Millis;
}

/** Has the host ping the client while `deed` is done, and until packets pass again. */
export async function passage(scene: Scene, deed: () => Promise<unknown>): Promise<Passage> {
  const ping = await RunningPing.start(scene.lab, "host6", scene.client, INTERVAL / 1000);
  await deed();
  const { sent, lost, unanswered } = await ping.stop();
  return { sent, lost, recovered: INTERVAL * longestRun(unanswered) };
}

/** `12 of 80 pings, 50 ms apart` */
export function lostOf({ sent, lost }: Passage): string {
  return lost === 0 ? `none of ${sent} pings` : `${lost} of ${sent} pings, ${INTERVAL} ms apart`;
}

function longestRun(numbers: readonly number[]): number {
  let longest = 0;
  let run = 0;
  numbers.forEach((it, i) => {
    run = i > 0 && it === numbers[i - 1]! + 1 ? run + 1 : 1;
    longest = Math.max(longest, run);
  });
  return longest;
}
