import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { Page } from "playwright-core";
import { Lab } from "#src/demo/lab.ts";
import { axe, LabBrowser } from "./browser.ts";
import { RELAY_PORT, startRelay, teredo, writeFile } from "./programs.ts";

/** A relay's pages for who is on another host, in Debian's Chromium. */
const OPTIONS = { timeout: 600_000 };
const SITE = "http://198.51.100.50:9545/";
const TOKEN = "0123456789abcdefghijklmnopqrstuv";

let lab: Lab;
let browser: LabBrowser;

/** What `token_file` holds from the next reload on. */
async function token(text: string): Promise<string> {
  const path = await writeFile(lab, "token", `${text}\n`);
  await lab.sh("rly", `chmod 640 ${path}`);
  return path;
}

async function reload(): Promise<void> {
  const { status, stderr } = await lab.run("rly", teredo("reload", "relay"));
  assert.equal(status, 0, stderr);
}

before(async () => {
  lab = await Lab.create({ nats: ["none"] });
  const status = `[status]\naddress = 0.0.0.0\ntoken_file = ${await token(TOKEN)}\n`;
  await startRelay(lab, "teredo", `[relay]\nbind_port = ${RELAY_PORT}\n${status}`);
  browser = await LabBrowser.start(lab, "srv");
});

after(async () => {
  await browser?.close();
  await lab?.close();
});

/** What went wrong on pages up to now. Chromium tells of each answer that is a refusal. */
const complaints = () =>
  browser.complaints.splice(0).filter((it) => !/status of 4(01|29) /.test(it));

async function logIn(page: Page, text: string): Promise<void> {
  // Where one can type at once. A browser gives the focus when it first draws, not as it loads.
  await page.waitForFunction(() => document.activeElement?.id === "token");
  await page.keyboard.type(text);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

test("GET / on another host asks for the token, and then is the page", OPTIONS, async () => {
  const page = await browser.open(`${SITE}find?sort=received`);
  assert.equal(await page.title(), "Log in · teredo relay");
  await logIn(page, "not the token");
  assert.equal(await page.title(), "Not logged in · teredo relay");
  assert.equal(await page.getByRole("alert").innerText(), "This token is wrong");
  await logIn(page, TOKEN);
  assert.equal(page.url(), `${SITE}find?sort=received`);
  assert.equal(await page.locator("h1").innerText(), "All peers");
  await page.goto(SITE);
  await page.waitForFunction(() =>
    /^Live/.test(document.querySelector("#freshness")?.textContent ?? "")
  );
  const [cookie] = await page.context().cookies();
  assert.deepEqual(
    [cookie?.name, cookie?.path, cookie?.httpOnly, cookie?.sameSite],
    ["teredo_relay", "/", true, "Strict"],
  );
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / asks again when another token is set", OPTIONS, async () => {
  const page = await browser.open(SITE);
  await logIn(page, TOKEN);
  await page.locator("#freshness").waitFor();
  await token(`${TOKEN}2`);
  await reload();
  await page.reload();
  await logIn(page, `${TOKEN}2`);
  assert.match(await page.locator("h1").innerText(), /^Ready/);
  await token(TOKEN);
  await reload();
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`The form has nothing that axe finds, ${colorScheme}`, OPTIONS, async () => {
    const page = await browser.open(`${SITE}login`, { colorScheme });
    assert.deepEqual(await axe(page), []);
    await logIn(page, "not the token");
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(complaints(), []);
    await page.context().close();
  });
}

test("The form fits a window of 320 pixels", OPTIONS, async () => {
  const page = await browser.open(`${SITE}login`, { viewport: { width: 320, height: 640 } });
  const width = await page.evaluate(() => document.scrollingElement?.scrollWidth);
  assert.equal(width, 320);
  await page.context().close();
});
