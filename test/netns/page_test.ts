import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { Page } from "playwright-core";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { axe, LabBrowser } from "./browser.ts";
import {
  metric,
  RELAY_PORT,
  startRelay,
  startServer,
  startSuccessor,
  teredo,
  until,
  writeFile,
} from "./programs.ts";

/** The pages for people in Debian's Chromium, of a relay and a server with traffic. */
const OPTIONS = { timeout: 900_000 };
const RELAY = "http://127.0.0.1:9545/";
const SERVER = "http://127.0.0.1:9544/";
const CONF = `[relay]\nbind_port = ${RELAY_PORT}\ndrain_time = 0s\n[status]\nrecord = yes\n`;
const CLIENTS = 256;
/** It ends with the lab: a peer that nothing passes for has no entry for long. */
const TRAFFIC = { clients: CLIENTS, up: 400, down: 200, seconds: 7_200 };

const NGINX = `daemon off; user root; worker_processes 1; pid /run/nginx/pid; error_log stderr;
events {}
http {
  access_log off;
${
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `  ${it}_temp_path ${it};`).join(
    "\n",
  )
}
  server {
    listen 127.0.0.1:8080;
    location /some/where/ {
      proxy_pass http://127.0.0.1:9545/;
      proxy_buffering off;
    }
  }
}
`;

let load: LoadLab;
let relay: LabProcess;
let browser: LabBrowser;

before(async () => {
  load = await LoadLab.create();
  relay = await startRelay(load.lab, "teredo", CONF);
  load.exchange(TRAFFIC).catch(() => {});
  browser = await LabBrowser.start(load.lab, "rly");
  await until(
    "all clients are trusted",
    async () => await metric(load.lab, "rly", 9545, "teredo_trusted_peers") === CLIENTS,
  );
});

after(async () => {
  await browser?.close();
  await load?.close();
});

const text = async (page: Page, selector: string) =>
  (await page.locator(selector).first().innerText()).trim();

/** Waits until what the page says there is as wanted. */
async function untilText(page: Page, selector: string, wanted: RegExp): Promise<void> {
  await page.waitForFunction(
    ([selector, source]) =>
      new RegExp(source!).test(document.querySelector(selector!)?.textContent ?? ""),
    [selector, wanted.source],
  );
}

/** What went wrong on pages up to now; later tests begin anew. */
const complaints = () => browser.complaints.splice(0);

test("GET / says in a sentence how the relay is, with each check, and lives", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  await untilText(page, "#freshness", /^Live, \d\d:\d\d:\d\d$/);
  assert.match(await text(page, "h1"), new RegExp(`^Ready.*: ${CLIENTS} peers`));
  assert.equal(await page.title(), "ready · teredo relay");
  assert.match(await text(page, "#checks h2"), /^All \d+ checks pass$/);
  const checks = await page.locator("#checks li").allInnerTexts();
  assert.ok(checks.some((it) => /route\s+2001::\/32 leads to teredo\s+for /.test(it)), `${checks}`);
  assert.match(await text(page, "#changes"), /Ready: /);
  const first = await text(page, "#freshness");
  await page.waitForFunction(
    (first) => document.querySelector("#freshness")?.textContent !== first,
    first,
  );
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / draws what passes, while it passes", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  assert.equal(await page.locator(".chart").count(), 7);
  await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length === 7);
  await untilText(
    page,
    "#chart-bits .legend",
    /from clients [1-9][\d.]* kbit\/s.*to clients [1-9]/,
  );
  await untilText(page, "h1", /[1-9][\d.]* kbit\/s up/);
  await untilText(page, "#chart-peers .legend", new RegExp(`trusted ${CLIENTS}`));
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / points at one moment in all charts, by keyboard", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length === 7);
  await page.locator("#moment").focus();
  assert.equal(await text(page, ".moment .chosen"), "now");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
  await untilText(page, ".moment .chosen", /^\d\d:\d\d:\d\d/);
  const cursors = await page.locator(".u-cursor-x").evaluateAll((all) =>
    all.map((it) => it.getBoundingClientRect().width > 0 || getComputedStyle(it).display !== "none")
  );
  assert.deepEqual(cursors, new Array(7).fill(true));
  await page.keyboard.press("End");
  await untilText(page, ".moment .chosen", /^now$/);
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / shows 24 hours when it is asked to, and stays where it is", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  await page.getByRole("link", { name: "24 hours" }).click();
  await page.waitForURL(/step=60/);
  await untilText(page, "#chart-bits .words caption", /hour/);
  assert.equal(await text(page, ".switch [aria-current]"), "24 hours");
  await page.reload();
  assert.equal(await text(page, ".switch [aria-current]"), "24 hours");
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET /find leads from the first view to a client, and says why", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  // All by keyboard: past the link to the page and its name stands the search.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.className), "skip");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "q");
  await page.keyboard.press("Enter");
  await page.waitForURL(/find/);
  assert.equal(await text(page, "h1"), "All peers");
  const [row] = await page.locator("tbody tr").allInnerTexts();
  const [address, mapping] = [/^\S+/.exec(row!)![0], /\S+:\d+(?=\s)/.exec(row!.slice(20))![0]];
  for (const query of [address, mapping]) {
    await page.locator("#q").fill(query);
    await page.keyboard.press("Enter");
    await untilText(page, "h1", new RegExp(`^Peers of ${query.replaceAll(".", "\\.")}$`));
    assert.deepEqual(await page.locator("tbody th").allInnerTexts(), [address]);
  }
  await page.getByRole("link", { name: address, exact: true }).click();
  await untilText(page, "h1", /^Packets pass both ways/);
  assert.match(await text(page, ".entry"), /trusted/);
  assert.match(await text(page, ".steps"), /to_client/);
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET /peer shows a client's packets live, once the relay may", OPTIONS, async () => {
  const page = await browser.open(`${RELAY}find`);
  await page.locator("tbody a").first().click();
  const trace = page.locator("#trace");
  await trace.getByRole("button").click();
  await untilText(page, "#trace .outcome", /not traced.*trace = no/);
  // Chromium tells of each answer that is a refusal.
  assert.equal(complaints().length, 1);
  await writeFile(load.lab, "rly-relay.conf", `${CONF}trace = yes\n`);
  const reloaded = await load.lab.run("rly", teredo("reload", "relay"));
  assert.equal(reloaded.status, 0, reloaded.stderr);
  await trace.getByRole("button").click();
  await untilText(page, "#trace .count", /^([3-9]|\d\d+) packets/);
  assert.match(await text(page, "#trace tbody"), /passed to the IPv6 side|sent/);
  assert.deepEqual(await axe(page), []);
  await trace.getByRole("button").click();
  await untilText(page, "#trace .outcome", /^Stopped$/);
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET /find sorts, and goes through all pages", OPTIONS, async () => {
  const page = await browser.open(`${RELAY}find`);
  const seen = new Set<string>();
  for (let more = true; more;) {
    for (const address of await page.locator("tbody th").allInnerTexts()) seen.add(address);
    const next = page.getByRole("link", { name: "Next page" });
    more = await next.count() > 0;
    if (more) await Promise.all([page.waitForNavigation(), next.click()]);
  }
  assert.equal(seen.size, CLIENTS);
  await page.goto(`${RELAY}find`);
  await page.getByRole("link", { name: "Mapped to" }).click();
  await page.waitForURL(/sort=mapping/);
  assert.equal(await page.locator("th[aria-sort]").innerText(), "Mapped to");
  const mapped = await page.locator("tbody td:nth-child(3)").allInnerTexts();
  const numbers = mapped.map((it) =>
    it.split(":")[0]!.split(".").reduce((a, b) => 256 * a + +b, 0)
  );
  assert.equal(numbers.length, 100);
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  await page.goto(`${RELAY}find?q=203.0.113.0%2F24`);
  assert.match(await text(page, ".peers"), /None/);
  assert.deepEqual(complaints(), []);
  await page.goto(`${RELAY}find?q=zebra`);
  assert.match(await text(page, "[role=alert]"), /neither an address/);
  // Chromium tells of each answer that is a refusal.
  assert.equal(complaints().length, 1);
  await page.context().close();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`Pages have nothing that axe finds, ${colorScheme}`, OPTIONS, async () => {
    const page = await browser.open(RELAY, { colorScheme });
    await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length === 7);
    await page.locator("details").first().click();
    assert.deepEqual(await axe(page), []);
    await page.goto(`${RELAY}find?sort=received`);
    assert.deepEqual(await axe(page), []);
    await page.goto(`${RELAY}peer?address=203.0.113.7:4000`);
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(complaints(), []);
    await page.context().close();
  });
}

test("Pages fit a window of 320 pixels, where only tables scroll", OPTIONS, async () => {
  const page = await browser.open(RELAY, { viewport: { width: 320, height: 640 } });
  for (const path of ["", "find", "peer?address=203.0.113.7:4000"]) {
    await page.goto(RELAY + path);
    const width = await page.evaluate(() => document.scrollingElement?.scrollWidth);
    assert.equal(width, 320, path);
  }
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / without a script has the same numbers, and asks again by itself", OPTIONS, async () => {
  const page = await browser.open(RELAY, { javaScriptEnabled: false });
  assert.match(await text(page, "h1"), new RegExp(`^Ready.*: ${CLIENTS} peers`));
  assert.equal(await page.locator(".chart svg[role=img]").count(), 7);
  assert.match(await text(page, "#chart-peers .legend"), new RegExp(`trusted ${CLIENTS}`));
  const first = await text(page, "#freshness");
  await until("the page asks again", async () => (await text(page, "#freshness")) !== first);
  await page.getByRole("link", { name: "Stop that" }).click();
  await page.waitForURL(/refresh=no/);
  assert.equal(await page.locator("meta[http-equiv=refresh]").count(), 0);
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("Pages work below another site, behind nginx", OPTIONS, async () => {
  await load.lab.sh("rly", "mkdir /run/nginx");
  const web = await writeFile(load.lab, "nginx.conf", NGINX);
  const nginx = load.lab.spawn("rly", ["nginx", "-c", web, "-p", "/run/nginx"]);
  try {
    const site = "http://127.0.0.1:8080/some/where/";
    await until(
      "nginx listens",
      async () => (await load.lab.sh("rly", "ss -Hlnt sport = :8080")) !== "",
    );
    const page = await browser.open(site);
    await untilText(page, "#freshness", /^Live, /);
    await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length === 7);
    await page.locator("#q").press("Enter");
    await page.locator("tbody a").first().click();
    await untilText(page, "h1", /^Packets pass both ways/);
    assert.ok(page.url().startsWith(`${site}peer?`), page.url());
    await page.locator(".brand a").click();
    await untilText(page, "#freshness", /^Live, /);
    assert.equal(page.url(), site);
    assert.deepEqual(complaints(), []);
    await page.context().close();
  } finally {
    await nginx.stop();
  }
});

test("GET / lists what was recorded at trouble, and shows its packets", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  // A client that never answers: so it fails.
  const nobody = formatIpv6(toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: parseIpv4(SERVER_ADDRESS)!,
    flags: 0,
    mappedAddress: parseIpv4("198.51.100.99")!,
    mappedPort: 40_000,
  }));
  await load.lab.run("host6", ["ping", "-6", "-n", "-c", "1", "-W", "0.1", nobody]);
  const recordings = page.locator("#recordings li a");
  await recordings.first().waitFor();
  assert.equal(await page.locator(".marks-legend li").count(), 5);
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "pcapng" }).first().click();
  assert.match((await download).suggestedFilename(), /^teredo-relay-.*\.pcapng$/);
  const why = await recordings.first().innerText();
  await recordings.first().click();
  await page.waitForURL(/recording\?id=/);
  assert.equal(await text(page, "h1"), why);
  assert.ok(await page.locator("tbody tr").count() > 10);
  assert.match(await text(page, "tbody"), new RegExp(nobody));
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(complaints(), []);
  await page.context().close();
});

test("GET / says how old its numbers are, and goes on with the next daemon", OPTIONS, async () => {
  const page = await browser.open(RELAY);
  await untilText(page, "#freshness", /^Live, /);
  await relay.stop();
  await untilText(page, "#freshness", /^Numbers are \d+ s old: connecting again$/);
  relay = await startSuccessor(load.lab, "teredo", CONF);
  await untilText(page, "#freshness", /^Live, /);
  // What was before the restart is there still, and the restart is marked.
  await untilText(page, "#changes", /Ending.*Ready: |Ready: .*Ending/s);
  await untilText(page, "#chart-peers .legend", new RegExp(`trusted ${CLIENTS}`));
  // What the browser itself says of a daemon that is not there, and of one that starts.
  const expected = /ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|503 \(Service Unavailable\)/;
  const others = complaints().filter((it) => !expected.test(it));
  assert.deepEqual(others, []);
  await page.context().close();
});

test("GET / of a server shows what clients ask it", OPTIONS, async () => {
  await startServer(load.lab, "teredo");
  const own = await LabBrowser.start(load.lab, "srv");
  try {
    const page = await own.open(SERVER);
    await untilText(page, "#freshness", /^Live, /);
    assert.equal(await page.title(), "ready · teredo server");
    const solicited = load.solicit({ rate: 200, seconds: 6, sources: 64 });
    await untilText(page, "#chart-advertisements .legend", /sent [1-9]/);
    await untilText(page, "#chart-solicitations .legend", /(cone|restricted) [1-9]/);
    await solicited;
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(own.complaints, []);
  } finally {
    await own.close();
  }
});
