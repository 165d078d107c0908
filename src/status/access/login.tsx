/** @jsxImportSource hono/jsx */
import { Layout, rootFrom, toHtml } from "../page/layout.tsx";

export interface LoginProps {
  readonly path: string;
  /** Path and query of what was asked for, without its first slash. */
  readonly next: string;
  /** Why an earlier try has failed, in a sentence. */
  readonly problem?: string | undefined;
}

/** Asks a person for the token. */
export function loginPage({ path, next, problem }: LoginProps): string {
  const root = rootFrom(path);
  const isWrong = problem !== undefined;
  return toHtml(
    <Layout title={isWrong ? "Not logged in: teredo" : "Log in: teredo"} root={root}>
      <main>
        <h1>Log in</h1>
        {isWrong && <p id="problem" role="alert">{problem}</p>}
        <form method="post" action={`${root}login`}>
          <input type="hidden" name="next" value={next} />
          <p>
            <label for="token">Token</label>{" "}
            <input
              id="token"
              type="password"
              name="token"
              autocomplete="current-password"
              required
              autofocus
              {...(isWrong ? { "aria-invalid": "true", "aria-describedby": "problem" } : {})}
            />{" "}
            <button type="submit">Log in</button>
          </p>
        </form>
        <p>
          It is what the file holds that <code>token_file</code> of <code>[status]</code> names.
        </p>
      </main>
    </Layout>,
  );
}
