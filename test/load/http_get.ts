/**
 * An HTTP client for the lab's namespaces:
 *
 *     http_get.ts URL          prints {"status":200,"body":"..."}
 *     http_get.ts URL watch    asks again and again; prints what is not 200, and at SIGTERM how often it asked
 */
import process from "node:process";

/** A datapath that stands still is unhealthy after two seconds: none escapes. */
const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 60_000;

const [url, mode] = process.argv.slice(2);

async function get(): Promise<{ status: number; body: string }> {
  const response = await fetch(url!, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, body: await response.text() };
}

async function watch(): Promise<never> {
  let asked = 0;
  process.once("SIGTERM", () => {
    console.log(`asked ${asked} times`);
    process.exit(0);
  });
  for (;;) {
    const { status, body } = await get();
    asked++;
    if (status !== 200) console.log(`${status} ${body}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

if (mode === "watch") await watch();
else console.log(JSON.stringify(await get()));
