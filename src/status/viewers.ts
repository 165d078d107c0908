import type { Millis } from "#src/protocol/time.ts";

/** Of a body whose media type is this the connection sends each piece as it comes. */
export const EVENTS_TYPE = "text/event-stream";

/** Bytes that wait for a viewer who does not read; see docs/limits.md. */
const BEHIND_MOST = 1_048_576;
/** So that what is between keeps a connection open that has nothing to tell. */
const COMMENT_EVERY: Millis = 15_000;
const COMMENT = new TextEncoder().encode(":\n\n");

/** One server-sent event. @param data text without line feeds */
export function formatEvent(event: string, data: string, id?: number): Uint8Array {
  const line = id === undefined ? "" : `id: ${id}\n`;
  return new TextEncoder().encode(`event: ${event}\n${line}data: ${data}\n\n`);
}

type Viewer = ReadableStreamDefaultController<Uint8Array>;

/**
 * Those who look on at one thing as it happens. All are told the same bytes, and none is waited for:
 * who is too far behind is closed.
 */
export class Viewers {
  readonly #most: number;
  readonly #commentEvery: Millis;
  readonly #viewers = new Set<Viewer>();
  #comments: ReturnType<typeof setInterval> | undefined;

  constructor(most: number, commentEvery: Millis = COMMENT_EVERY) {
    this.#most = most;
    this.#commentEvery = commentEvery;
  }

  get count(): number {
    return this.#viewers.size;
  }

  get isFull(): boolean {
    return this.#viewers.size >= this.#most;
  }

  /**
   * A body for one more of them, who leaves when it is cancelled.
   *
   * @param first what this one is told before anything else
   * @throws Error when there are too many
   */
  open(first: readonly Uint8Array[]): ReadableStream<Uint8Array> {
    if (this.isFull) throw new Error("Too many viewers");
    let viewer: Viewer;
    return new ReadableStream({
      start: (controller) => {
        viewer = controller;
        this.#viewers.add(viewer);
        this.#comments ??= setInterval(() => this.tell(COMMENT), this.#commentEvery);
        for (const bytes of first) viewer.enqueue(bytes);
      },
      cancel: () => this.#leave(viewer),
    }, { highWaterMark: BEHIND_MOST, size: (bytes) => bytes!.length });
  }

  /** @param bytes of one event or more, which nobody changes any more */
  tell(bytes: Uint8Array): void {
    for (const viewer of this.#viewers) {
      if (viewer.desiredSize! > 0) viewer.enqueue(bytes);
      else this.#drop(viewer);
    }
  }

  /** There is nothing more to tell. */
  end(): void {
    for (const viewer of this.#viewers) {
      this.#leave(viewer);
      viewer.close();
    }
  }

  #drop(viewer: Viewer): void {
    this.#leave(viewer);
    viewer.error(new Error("The viewer does not read"));
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#comments);
    this.#comments = undefined;
  }
}
