/** @jsxImportSource hono/jsx */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { ErrorDocument } from "../document.ts";
import { Layout, rootFrom, toHtml } from "./layout.tsx";

/** Whether somebody looks at the answer in a browser. Programs, and curl, do not say so. */
export function wantsHtml(c: Context): boolean {
  const types = ["text/html", "application/json"];
  return accepts(c, { header: "Accept", supports: types, default: types[1]! }) === types[0];
}

/** What a browser is shown where a program gets `problem` itself. */
export function problemPage(path: string, { error, paths = [] }: ErrorDocument): string {
  const root = rootFrom(path);
  return toHtml(
    <Layout title="teredo" root={root}>
      <main>
        <h1>{error}</h1>
        {paths.length > 0 && (
          <ul>
            {paths.map((it) => (
              <li>
                <a href={`${root}${it.slice(1)}`}>{it}</a>
              </li>
            ))}
          </ul>
        )}
      </main>
    </Layout>,
  );
}
