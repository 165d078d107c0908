/** @jsxImportSource hono/jsx */
import type { Child } from "hono/jsx";

export interface LayoutProps {
  readonly title: string;
  /** What leads from the page to where the pages begin: {@link rootFrom}. */
  readonly root: string;
  /** Modules of `client/`. */
  readonly scripts?: readonly string[];
  /** Seconds after which it is asked for again where no script does. */
  readonly refresh?: number | undefined;
  readonly children?: Child;
}

/** What all pages for people have in common. A `<!doctype html>` stands before it: `toHtml()`. */
export function Layout({ title, root, scripts = [], refresh, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href={`${root}assets/icon.svg`} />
        <link rel="stylesheet" href={`${root}assets/style.css`} />
        {scripts.map((name) => <script type="module" src={`${root}assets/${name}.js`}></script>)}
        {refresh !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={String(refresh)} />
          </noscript>
        )}
      </head>
      <body>{children}</body>
    </html>
  );
}

/**
 * The relative address of where the pages begin, from one at `path`. A reverse proxy may have them
 * anywhere: what the browser asked for ends as `path` does, and begins as nobody here knows.
 */
export function rootFrom(path: string): string {
  const depth = path.split("/").length - 2;
  return depth <= 0 ? "./" : "../".repeat(depth);
}

/** A whole page as text. */
export function toHtml(page: Child): string {
  return `<!doctype html>${String(page)}`;
}
