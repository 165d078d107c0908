import { type Context, Hono } from "hono";
import { errorDocument } from "../document.ts";
import type { App } from "../listen.ts";
import { problemPage, wantsHtml } from "../page/problem.tsx";
import type { Client } from "./client.ts";
import { Credentials, type CredentialsOptions, type Judgement } from "./credentials.ts";
import { HEADERS } from "./headers.ts";
import { loginPage } from "./login.tsx";
import { type AccessRules, isForOtherSite, isKnownHost, needOf } from "./rules.ts";

export interface GuardOptions extends CredentialsOptions {
  /** As they are at the moment. */
  readonly rules: () => AccessRules;
}

type Asked = Context<{ Bindings: Client }>;

const FOREIGN_HOST = "This Host is not answered here; ask by address or as localhost, or name it " +
  "in `hosts` of [status]";
const OTHER_SITE = "Pages of other sites are not answered here";
const CLOSED = "Nobody is answered here: [status] has no `token_file`";
const NO_TOKEN = "A token is needed; send it as `Authorization: Bearer TOKEN`";
const WRONG_TOKEN = "This token is wrong";
const TOO_MANY = "Too many wrong tokens came from where you are";

/** Lets those ask `pages` who may by the rules, which docs/access.md explains. */
export function guard(pages: App, options: GuardOptions): App {
  const { rules, scope } = options;
  const credentials = new Credentials(options);
  const pass = (c: Asked) => pages.fetch(c.req.raw, c.env);
  const needIn = (c: Asked) => needOf(c.req.path, c.req.raw.headers, c.env, rules());
  const app = new Hono<{ Bindings: Client }>();

  app.use(async (c, next) => {
    // What `pages` answer has its own.
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    const { headers } = c.req.raw;
    if (!isKnownHost(headers, c.env, rules())) return refuse(c, 403, FOREIGN_HOST);
    if (isForOtherSite(headers)) return refuse(c, 403, OTHER_SITE);
    return await next();
  });

  // Browsers load them before anybody has logged in. They tell nothing of this daemon.
  app.get("/assets/*", pass);

  app.on(["GET", "POST"], "/login", async (c) => {
    const { token } = rules();
    if (needIn(c) === "nothing") return c.redirect("./", 303);
    if (token === undefined) return refuse(c, 403, CLOSED);
    if (c.req.method !== "POST") {
      return c.html(loginPage({ of: scope, path: c.req.path, next: "" }));
    }
    const form = new URLSearchParams(await c.req.text());
    const next = /^[!-~]*$/.exec(form.get("next") ?? "")?.[0] ?? "";
    const { headers } = c.req.raw;
    const given = form.get("token")?.trim() ?? "";
    const judgement = credentials.compare(token, given, headers, c.env);
    if (judgement.is !== "right") return unauthorized(c, judgement, scope, next);
    c.header("Set-Cookie", credentials.cookieFor(token, headers));
    return c.redirect(`./${next}`, 303);
  });

  app.all("*", (c) => {
    const { token } = rules();
    if (needIn(c) === "nothing") return pass(c);
    if (token === undefined) return refuse(c, 403, CLOSED);
    const judgement = credentials.judge(token, c.req.raw.headers, c.env);
    if (judgement.is === "right") return pass(c);
    const { pathname, search } = new URL(c.req.url);
    return unauthorized(c, judgement, scope, `${pathname}${search}`.slice(1));
  });

  app.onError((error) => {
    throw error;
  });
  return { fetch: (request, client) => app.fetch(request, client) };
}

/** @param next where the form leads then, from where the pages begin */
function unauthorized(c: Asked, judgement: Judgement, scope: string, next: string): Response {
  const wait = judgement.is === "wrong" ? judgement.wait : 0;
  const problem = judgement.is === "missing" ? undefined : wait === 0 ? WRONG_TOKEN : TOO_MANY;
  if (wait > 0) c.header("Retry-After", `${Math.ceil(wait / 1000)}`);
  else c.header("WWW-Authenticate", `Bearer realm="teredo"`);
  const status = wait > 0 ? 429 : 401;
  if (!wantsHtml(c)) return c.json(errorDocument(problem ?? NO_TOKEN), status);
  return c.html(loginPage({ of: scope, path: c.req.path, next, problem }), status);
}

function refuse(c: Asked, status: 403, error: string): Response {
  const problem = errorDocument(error);
  return wantsHtml(c) ? c.html(problemPage(c.req.path, problem), status) : c.json(problem, status);
}
