import { Hono } from "hono";
import type { StatusApp } from "#src/status/app.ts";
import { errorDocument } from "#src/status/document.ts";

/**
 * What is asked by the control socket: the status pages, and commands, which change something. Until
 * {@link serve} there are only the pages.
 */
export class ControlApp {
  readonly #pages: StatusApp;
  #commands: Hono | undefined;

  constructor(pages: StatusApp) {
    this.#pages = pages;
  }

  /** @param commands routes of `POST`; all else goes to the pages */
  serve(commands: Hono): void {
    commands.notFound((c) => this.#pages.fetch(c.req.raw));
    commands.onError((error, c) => c.json(errorDocument(error.message), 500));
    this.#commands = commands;
  }

  readonly fetch = (request: Request): Response | Promise<Response> => {
    if (this.#commands !== undefined) return this.#commands.fetch(request);
    if (request.method !== "POST") return this.#pages.fetch(request);
    return Response.json(errorDocument("The daemon is starting"), { status: 503 });
  };
}
