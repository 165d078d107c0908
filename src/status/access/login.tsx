/** @jsxImportSource hono/jsx */
import { Layout, rootFrom, toHtml } from "../page/layout.tsx";

export interface LoginProps {
  /** Whose pages these are: `relay`. */
  readonly of: string;
  readonly path: string;
  /** Path and query of what was asked for, without its first slash. */
  readonly next: string;
  /** Why an earlier try has failed, in a sentence. */
  readonly problem?: string | undefined;
}

/** Asks a person for the token. */
export function loginPage({ of, path, next, problem }: LoginProps): string {
  const root = rootFrom(path);
  const title = problem === undefined ? "Log in" : "Not logged in";
  const wrong = { "aria-invalid": "true", "aria-describedby": "problem hint" } as const;
  return toHtml(
    <Layout title={`${title} · teredo ${of}`} root={root}>
      <header>
        <p class="brand">teredo {of}</p>
      </header>
      <main>
        <section class="login">
          <h1>Log in</h1>
          {problem !== undefined && <p id="problem" role="alert">{problem}</p>}
          <form method="post" action={`${root}login`}>
            <input type="hidden" name="next" value={next} />
            <label for="token">Token</label>
            <input
              id="token"
              type="password"
              name="token"
              autocomplete="current-password"
              required
              autofocus
              {...(problem === undefined ? { "aria-describedby": "hint" } : wrong)}
            />
            <button type="submit">Log in</button>
          </form>
          <p id="hint" class="hint">
            What stands in the file that <code>token_file</code> names, in the section{" "}
            <code>[status]</code> of the configuration.
          </p>
        </section>
      </main>
    </Layout>,
  );
}
