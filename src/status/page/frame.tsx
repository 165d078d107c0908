/** @jsxImportSource hono/jsx */
import type { Child } from "hono/jsx";
import type { StatusDocument } from "../document.ts";
import { Layout } from "./layout.tsx";

export interface FrameProps {
  readonly title: string;
  readonly status: Pick<StatusDocument, "role" | "program_version">;
  /** What is searched for. */
  readonly query?: string;
  readonly scripts?: readonly string[];
  readonly refresh?: number | undefined;
  /** Unix time of what the page says. */
  readonly now: number;
  readonly children?: Child;
}

/** A page of a daemon: all are at the root, so that whatever they name is beside them. */
export function Frame({ title, status, query, scripts, refresh, now, children }: FrameProps) {
  const { role, program_version } = status;
  return (
    <Layout title={title} root="./" scripts={scripts ?? []} refresh={refresh}>
      <a class="skip" href="#main">Skip to the page</a>
      <header>
        <p class="brand">
          <a href="./">teredo {role}</a> <span class="version">{program_version}</span>
        </p>
        {role !== "server" && <Search query={query ?? ""} />}
      </header>
      <main id="main" data-now={now}>{children}</main>
      <footer>
        <nav aria-label="For programs">
          For programs: {FOR_PROGRAMS[role].map((path) => <a href={path}>{path}</a>)}
        </nav>
        <p>This page changes nothing.</p>
      </footer>
    </Layout>
  );
}

const COMMON = ["status", "history", "recordings", "metrics", "healthz", "readyz"];
const WITH_PEERS = [...COMMON, "peers"];
const FOR_PROGRAMS = { relay: WITH_PEERS, server: COMMON, client: WITH_PEERS } as const;

/** Of peers. */
function Search({ query }: { readonly query: string }) {
  return (
    <form role="search" action="find">
      <label for="q">Find peers</label>
      <input
        id="q"
        name="q"
        type="search"
        value={query}
        placeholder="Teredo, IPv4 or IPv6 address, or prefix"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxlength={100}
      />
      <button type="submit">Find</button>
    </form>
  );
}
