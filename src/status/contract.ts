/** What a page that is asked with parameters answers. */
export type PageAnswer = {
  readonly status: 200 | 400 | 403 | 404 | 503;
  readonly document: object;
} | {
  readonly status: 200;
  /** A document that is text already. */
  readonly json: string;
};

/** A page that somebody else makes; it may wait for the datapath, for seconds at the most. */
export type Page = (parameters: URLSearchParams) => Promise<PageAnswer>;

export interface StreamRequest {
  readonly parameters: URLSearchParams;
  /** Of the last event that the client had. */
  readonly lastEventId: string | undefined;
}

/** Events that somebody else tells, one after the other, or why there are none for this client. */
export type Stream = (request: StreamRequest) => ReadableStream<Uint8Array> | PageAnswer;
