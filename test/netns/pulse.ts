import process from "node:process";

/**
 * A program of its own, run inside a namespace: takes a daemon's pulse.
 *
 *     STATUS-PORT SECONDS
 *
 * Asks for /healthz four times a second and for its memory once a second. Prints one line of JSON
 * each: `{"health": 200}` or `{"memory": BYTES}`; 0 stands for no answer within ten seconds,
 * as long as a busy machine may take.
 */
const [port, seconds] = process.argv.slice(2).map(Number);
const base = `http://127.0.0.1:${port}`;
const INTERVAL = 250;
const MEMORY = /^process_resident_memory_bytes (\S+)$/m;

async function ask(path: string): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(10_000) });
    return { status: response.status, body: await response.text() };
  } catch {
    return { status: 0, body: "" };
  }
}

for (let i = 0; i < 4 * seconds!; i++) {
  const next = new Promise((resolve) => setTimeout(resolve, INTERVAL));
  console.log(JSON.stringify({ health: (await ask("/healthz")).status }));
  if (i % 4 === 0) {
    const memory = MEMORY.exec((await ask("/metrics")).body)?.[1];
    console.log(JSON.stringify({ memory: Number(memory ?? 0) }));
  }
  await next;
}
