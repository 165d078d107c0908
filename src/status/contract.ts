/** What a page that is asked with parameters answers. */
export type PageAnswer = {
  readonly status: 200 | 400 | 403 | 404 | 503;
  readonly document: object;
} | {
  readonly status: 200;
  /** A document that is text already. */
  readonly json: string;
} | PageFile;

/** What is to be kept as a file. */
export interface PageFile {
  readonly status: 200;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly name: string;
}

/**
 * A page that somebody else makes; it may wait for the datapath, for seconds at the most.
 *
 * @param named what the path says where it has names, as in `/recordings/:id`
 */
export type Page = (
  parameters: URLSearchParams,
  named?: Readonly<Record<string, string>>,
) => Promise<PageAnswer>;

export interface StreamRequest {
  readonly parameters: URLSearchParams;
  /** Of the last event that the client had. */
  readonly lastEventId: string | undefined;
}

/** Events that somebody else tells, one after the other, or why there are none for this client. */
export type Stream = (request: StreamRequest) => ReadableStream<Uint8Array> | PageAnswer;
