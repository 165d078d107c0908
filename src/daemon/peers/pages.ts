import { randomBytes } from "node:crypto";
import type { Role } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { NoAnswer, Turns } from "#src/datapath/peers/turns.ts";
import type { Page, PageAnswer } from "#src/status/app.ts";
import { errorDocument } from "#src/status/document.ts";
import type { Host } from "../host/contract.ts";
import type { DaemonState } from "../state.ts";
import { PeerBook } from "./page.ts";
import { clientWhy } from "./client_why.ts";
import { BadParameters } from "./parameters.ts";
import { why } from "./why.ts";

/** Explanations that wait for their turn; see docs/limits.md. */
const MOST_WAITING = 8;

/** A relay or a client that serves. */
interface Serving {
  readonly book: PeerBook;
  why(parameters: URLSearchParams): Promise<object>;
}

/** `GET /peers` and `GET /why`: of a daemon that starts there is nothing to tell yet. */
export class PeerPages {
  readonly pages: Readonly<Record<"/peers" | "/why", Page>> = {
    "/peers": (parameters) => this.#answer((serving) => serving.book.page(parameters)),
    "/why": (parameters) =>
      this.#answer((serving) => this.#turns.take(() => serving.why(parameters))),
  };
  readonly #role: Role;
  #serving: Serving | undefined;
  /** To look at packet filters and routes takes the main thread a while. */
  readonly #turns = new Turns(MOST_WAITING, "Too many ask why at once: ask again");

  constructor(role: Role) {
    this.#role = role;
  }

  /** @param state for what the relay goes by, and how ready it is, at each moment */
  serve(
    host: Host,
    state: Pick<DaemonState, "config" | "read">,
    open: OpenRole,
    datapath: Datapath,
  ): void {
    const workers = datapath.peers ?? [];
    const [rules] = workers;
    if (rules === undefined) return;
    const book = new PeerBook(workers, randomBytes(4).toString("hex"));
    this.#serving = {
      book,
      why: (parameters) => {
        const { relay, client } = state.config;
        if (this.#role === "client") {
          const { checks, client: view } = state.read();
          return clientWhy({ host, client, open, book, rules, checks, view }, parameters);
        }
        return why({ host, relay, open, book, rules, checks: state.read().checks }, parameters);
      },
    };
  }

  async #answer(
    make: (serving: Serving) => Promise<object>,
  ): Promise<PageAnswer> {
    if (this.#role === "server") {
      return refusal(404, "A server has no peers: ask a relay or a client");
    }
    if (this.#serving === undefined) return refusal(503, "The daemon is starting");
    try {
      return { status: 200, document: await make(this.#serving) };
    } catch (error) {
      if (error instanceof BadParameters) return refusal(400, error.message);
      if (error instanceof NoAnswer) return refusal(503, error.message);
      throw error;
    }
  }
}

function refusal(status: PageAnswer["status"], error: string): PageAnswer {
  return { status, document: errorDocument(error) };
}
