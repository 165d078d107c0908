import assert from "node:assert/strict";
import test from "node:test";
import type { Config } from "#src/config/config.ts";
import { Cleanup } from "#src/daemon/cleanup.ts";
import { guardedPages } from "#src/daemon/guarded_pages.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";

test("guardedPages() says of wrong tokens how many more there were, while no other comes", async () => {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const rules = { token: "t".repeat(22), allowAnonymous: false, public: undefined };
  const state = { config: { status: { ...rules, hosts: undefined } } as Config };
  const cleanup = new Cleanup();
  let now = 0;
  const pages = { fetch: () => new Response("a page") };
  const guarded = guardedPages(pages, { role: "relay", log, state, cleanup }, () => now);
  for (let i = 0; i < 7; i++) {
    const headers = { Authorization: `Bearer wrong${i}` };
    const request = new Request("http://192.0.2.1/status", { headers });
    await guarded.fetch(request, { way: "network", address: `198.51.100.${i}` });
  }
  const limit = 5;
  assert.equal(lines.length, limit);
  now = 60_000;
  while (lines.length === limit) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(lines.at(-1), 'level=warn msg="Wrong token" suppressed=2');
  await cleanup.run();
});
