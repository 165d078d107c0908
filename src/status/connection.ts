import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Millis } from "#src/protocol/time.ts";
import { follow } from "./follow.ts";
import { parseRequest, type StatusRequest } from "./request.ts";
import { EVENTS_TYPE } from "./viewers.ts";

export type Answer = (request: StatusRequest, socket: Socket) => Response | Promise<Response>;

export interface Served {
  /** Whether it is the client's turn for too long: to read its answer, or to say what it wants. */
  keepsWaiting(): boolean;
}

/** What one client can take of us. */
const MAX_HEAD_LENGTH = 8_192;
const MAX_BODY_LENGTH = 2_097_152;
/** Of a form; what is longer is none of ours, and not read. */
const MAX_BODY_READ = 4_096;
/** Of what comes behind the request. */
const MAX_UNREAD_LENGTH = 65_536;
/** Where there is a crowd. */
const PATIENCE: Millis = 1_000;
const HEAD_TIME: Millis = 5_000;
const ANSWER_TIME: Millis = 5_000;
/** Of an answer that goes on: the client takes nothing of it for so long. */
const STALLED_TIME: Millis = 30_000;

const HEAD_END = /\r?\n\r?\n/;

/**
 * One request and its answer, after which the connection ends: nothing can queue behind it, and
 * neither a slow writer nor a slow reader holds it longer than two time-outs. Events go on until one
 * side ends them, or the client reads none for a while.
 */
export function serve(socket: Socket, answer: Answer): Served {
  let head = "";
  /** Whose body is still on its way. */
  let request: StatusRequest | undefined;
  let body = "";
  let unread = 0;
  let answered = false;
  /** Since when it is the client's turn. */
  let since: Millis | undefined = performance.now();
  /** Of a client that is told events: whether it reads them. */
  let reads: boolean | undefined;
  let timer = setTimeout(() => refuse(408), HEAD_TIME);
  const send = (response: Response, body: Uint8Array) => {
    socket.write(headOf(response, body.length));
    socket.end(body);
    since = performance.now();
  };
  const closeAfter = (time: Millis) => {
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), time);
  };
  const refuse = (status: number) => {
    answered = true;
    closeAfter(ANSWER_TIME);
    send(problem(status), NOTHING);
  };
  const answerTo = async (request: StatusRequest) => {
    answered = true;
    since = undefined;
    closeAfter(ANSWER_TIME);
    const [response, body] = await answerOf(() => answer(request, socket));
    if (body instanceof ReadableStream) await tell(response, body);
    else if (!socket.destroyed) send(response, body);
  };
  const tell = async (response: Response, events: ReadableStream<Uint8Array>) => {
    const onWait = (waits: boolean) => {
      reads = !waits;
      if (waits) closeAfter(STALLED_TIME);
      else clearTimeout(timer);
    };
    onWait(false);
    if (socket.readableEnded) socket.destroy();
    else socket.write(headOf(response, 0));
    await follow(socket, events, onWait);
    reads = false;
    closeAfter(ANSWER_TIME);
  };
  socket.on("data", (bytes: Buffer) => {
    if (answered) {
      unread += bytes.length;
      if (unread > MAX_UNREAD_LENGTH) socket.destroy();
      return;
    }
    if (request === undefined) {
      const before = head.length;
      head += bytes.toString("latin1", 0, MAX_HEAD_LENGTH + 1 - before);
      const end = HEAD_END.exec(head);
      if (end === null) return head.length > MAX_HEAD_LENGTH ? refuse(431) : undefined;
      request = parseRequest(head.slice(0, end.index));
      if (request === undefined) return refuse(400);
      bytes = bytes.subarray(end.index + end[0].length - before);
    }
    const length = bodyLengthOf(request);
    body += bytes.toString("latin1", 0, length - body.length);
    if (body.length < length) return;
    void answerTo(length === 0 ? request : { ...request, body: Buffer.from(body, "latin1") });
  });
  // A client may close its side behind its request, and still wants the answer. Who looks on is gone.
  socket.on("end", () => void (answered && reads === undefined || socket.destroy()));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => clearTimeout(timer));
  return {
    keepsWaiting: () => {
      if (reads !== undefined) return !reads;
      // The kernel has the answer: it is read with the connection closed as well.
      if (answered && since !== undefined && socket.writableLength === 0) return true;
      return since !== undefined && performance.now() - since > PATIENCE;
    },
  };
}

const NOTHING = new Uint8Array(0);

/** Of the body that is waited for: a form that says how long it is and asks for no leave. */
function bodyLengthOf({ method, headers }: StatusRequest): number {
  if (method !== "POST" || headers.has("Transfer-Encoding") || headers.has("Expect")) return 0;
  const text = headers.get("Content-Length") ?? "";
  const length = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return length > MAX_BODY_READ ? 0 : length;
}

/** The answer and its body. The client never learns what went wrong inside. */
async function answerOf(
  answer: () => Response | Promise<Response>,
): Promise<[Response, Uint8Array | ReadableStream<Uint8Array>]> {
  try {
    const response = await answer();
    const isEvents = response.headers.get("content-type")?.startsWith(EVENTS_TYPE);
    if (isEvents && response.body !== null) return [response, response.body];
    const body = new Uint8Array(await response.arrayBuffer());
    return body.length > MAX_BODY_LENGTH ? [problem(500), NOTHING] : [response, body];
  } catch {
    return [problem(500), NOTHING];
  }
}

function problem(status: number): Response {
  return new Response(null, { status });
}

function headOf(response: Response, length: number): string {
  const { status, headers } = response;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
  headers.forEach((value, name) => void lines.push(`${name}: ${value}`));
  lines.push(`date: ${new Date().toUTCString()}`, "connection: close");
  // An answer to HEAD has none, which says nothing of what GET would give.
  if (length > 0) lines.push(`content-length: ${length}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
