import { readFileSync } from "node:fs";

/** Asks the Prometheus of this machine every query of the dashboard, and for the state of the rules. */

const API = "http://127.0.0.1:9090/api/v1";
const PATIENCE_MS = 300_000;
/** A relay, a server and a client. */
const DAEMONS = 3;

async function ask(path: string, query: Record<string, string> = {}) {
  const answer = await fetch(`${API}/${path}?${new URLSearchParams(query)}`);
  const document = await answer.json();
  if (document.status !== "success") throw new Error(`${query["query"]}: ${document.error}`);
  return document.data;
}

const results = async (query: string): Promise<number> =>
  (await ask("query", { query })).result.length;

const until = Date.now() + PATIENCE_MS;
const moment = () => new Promise((done) => setTimeout(done, 300));

/** On a busy machine a scrape may come too late: then all series of its target are gone until the next. */
async function tellOf(what: string, query: string): Promise<void> {
  let found = await results(query);
  while (found === 0 && Date.now() < until) {
    await moment();
    found = await results(query);
  }
  console.log(`${found > 0 ? "ok" : "EMPTY"} ${what}: ${query}`);
}

/** Rates need two scrapes of each target, alerts one evaluation of each rule. */
async function ready(): Promise<boolean> {
  const scraped = await results("count_over_time(teredo_ready[1m]) >= 3").catch(() => 0);
  return scraped === DAEMONS &&
    (await rules()).every(({ lastEvaluation }) => !lastEvaluation.startsWith("0001"));
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly lastEvaluation: string;
}

const rules = async (): Promise<Rule[]> =>
  (await ask("rules")).groups.flatMap((group: { rules: Rule[] }) => group.rules);

while (!await ready()) {
  if (Date.now() > until) throw new Error("Prometheus has not scraped every daemon");
  await moment();
}
const dashboard = JSON.parse(readFileSync("docs/examples/grafana/teredo.json", "utf8"));
for (const { title, targets = [] } of dashboard.panels) {
  for (const { expr } of targets) {
    const query = expr.replace(/\$(job|instance)\b/g, ".*").replace("$__rate_interval", "30s");
    await tellOf(title, query);
  }
}
for (
  const variable of dashboard.templating.list.filter((it: { type: string }) => it.type === "query")
) {
  const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(variable.query.query)!;
  const query = `count by (${label}) (${selector.replace("$job", ".*")})`;
  await tellOf(`$${variable.name}`, query);
}
for (const { name, health, lastError } of await rules()) {
  console.log(`${health} ${name} ${lastError ?? ""}`);
}
