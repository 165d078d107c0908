/**
 * Somebody who asks for a daemon's pages in good order: `asker_main.ts {"url":URL,"seconds":N}`. Four
 * times a second one page, in turn; prints an `Asked` as JSON.
 */
import process from "node:process";

export interface Asked {
  readonly asked: number;
  /** Answers that were none, or another than 200. */
  readonly failed: number;
  /** Milliseconds until the slowest answer. */
  readonly slowest: number;
}

const PAGES = ["/healthz", "/metrics"];
const EVERY = 250;
const PATIENCE = 10_000;

const { url, seconds } = JSON.parse(process.argv[2] ?? "{}") as { url: string; seconds: number };
const end = performance.now() + 1_000 * seconds;
let [asked, failed, slowest] = [0, 0, 0];
for (let start = performance.now(); start < end; start = performance.now()) {
  try {
    const page = `${url}${PAGES[asked++ % PAGES.length]}`;
    const answer = await fetch(page, { signal: AbortSignal.timeout(PATIENCE) });
    await answer.text();
    if (answer.status !== 200) failed++;
  } catch {
    failed++;
  }
  slowest = Math.max(slowest, performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, EVERY));
}
console.log(JSON.stringify({ asked, failed, slowest }));
