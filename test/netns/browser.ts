import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type ConsoleMessage,
  type Page,
} from "playwright-core";
import type { Lab } from "#src/demo/lab.ts";

const CHROMIUM = "/usr/bin/chromium";

/** It would otherwise look for its maker's hosts, which no namespace of a lab leads to. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.2 AA, and what axe finds good besides. */
const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Chromium in a namespace of a lab. */
export class LabBrowser {
  readonly #browser: Browser;
  readonly #folder: string;
  /** What pages complained of, which none should. */
  readonly complaints: string[] = [];

  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async start(lab: Lab, namespace: string): Promise<LabBrowser> {
    const folder = mkdtempSync(join(tmpdir(), "teredo-browser-"));
    const executablePath = join(folder, "chromium");
    // It is spoken to by pipes, which lead into a namespace as they lead anywhere.
    const command = `exec ${lab.enterCommand(namespace)} ${CHROMIUM} "$@"`;
    writeFileSync(executablePath, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const browser = await chromium.launch({ executablePath, args: FLAGS, timeout: 600_000 });
    return new LabBrowser(browser, folder);
  }

  /** A page in a profile of its own. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    page.on("console", (message) => this.#hear(message));
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    await page.goto(url);
    return page;
  }

  #hear(message: ConsoleMessage): void {
    if (["error", "warning"].includes(message.type())) {
      this.complaints.push(`${message.text()} (${message.location().url})`);
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** What axe has against a page, a line each: the rule, and where. */
export async function axe(page: Page): Promise<string[]> {
  // Not as a script of the page, which its policy would forbid.
  await page.evaluate(AXE);
  return await page.evaluate(async (tags) => {
    // @ts-expect-error axe is of the page.
    const { violations } = await globalThis.axe.run({ runOnly: tags });
    return violations.flatMap(({ id, nodes }: { id: string; nodes: { html: string }[] }) =>
      nodes.map(({ html }) => `${id}: ${html}`)
    );
  }, AXE_TAGS);
}
