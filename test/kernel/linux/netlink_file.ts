import {
  AF_NETLINK,
  EINVAL,
  NETLINK_EXT_ACK,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGHDR_FLAGS_AT,
  NLMSGHDR_LEN_AT,
  NLMSGHDR_SEQ_AT,
  NLMSGHDR_TYPE_AT,
  SIZEOF_NLMSGHDR,
  SIZEOF_SOCKADDR_NL,
  SIZEOF_TIMESPEC,
  SO_RCVTIMEO,
  SOCKADDR_NL_FAMILY_AT,
  SOCKADDR_NL_GROUPS_AT,
  SOCKADDR_NL_PID_AT,
  SOL_NETLINK,
  SOL_SOCKET,
} from "#ffi/linux/mod.ts";
import { align, message, viewOf } from "#src/datapath/linux/netlink/message.ts";
import { Errno, unknown } from "../errno.ts";
import { type Message, PaperFile } from "../file.ts";
import type { PaperKernel } from "../kernel.ts";
import { concat } from "../lists.ts";
import { dataViewOf } from "../memory.ts";
import { answersTo, type Request } from "./rtnetlink.ts";

/** A socket to the kernel's rtnetlink. netlink(7) */
export class NetlinkFile extends PaperFile {
  readonly kind = "netlink";
  readonly #kernel: PaperKernel;
  readonly #answers: Uint8Array<ArrayBuffer>[] = [];

  constructor(kernel: PaperKernel) {
    super();
    this.#kernel = kernel;
  }

  /** Only to the kernel itself. */
  override connect(name: Uint8Array<ArrayBuffer>): void {
    if (name.length < SIZEOF_SOCKADDR_NL) throw new Errno(EINVAL);
    const view = dataViewOf(name);
    const isKernel = view.getUint16(SOCKADDR_NL_FAMILY_AT, true) === AF_NETLINK &&
      view.getUint32(SOCKADDR_NL_PID_AT, true) === 0 &&
      view.getUint32(SOCKADDR_NL_GROUPS_AT, true) === 0;
    if (!isKernel) unknown("connect of netlink elsewhere than to the kernel");
  }

  override setOption(level: number, name: number, value: Uint8Array<ArrayBuffer>): void {
    const isTimeout = level === SOL_SOCKET && name === SO_RCVTIMEO;
    const isAck = level === SOL_NETLINK && name === NETLINK_EXT_ACK;
    if (!isTimeout && !isAck) unknown(`setsockopt ${level}, ${name} of netlink`);
    if (value.length !== (isTimeout ? SIZEOF_TIMESPEC : 4)) throw new Errno(EINVAL);
  }

  override send({ data, name, control }: Message): number {
    if (name !== undefined || control.length > 0) unknown("a message through netlink to somebody");
    const request = requestOf(data);
    try {
      const list = answersTo(this.#kernel, request);
      const isDump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
      const flags = isDump ? NLM_F_MULTI : 0;
      // As many in one datagram as there are: their number is the kernel's own affair.
      const parts = list.map(({ type, body }) => this.#message(request, type, flags, body));
      if (parts.length > 0) this.#answers.push(concat(...parts));
      if (isDump) this.#answers.push(this.#message(request, NLMSG_DONE, flags, new Uint8Array(4)));
      else this.#acknowledge(request, 0);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.#acknowledge(request, error.errno);
    }
    return data.length;
  }

  override receive(): Message {
    const data = this.#answers.shift();
    if (data === undefined) throw new Errno(this.#kernel.system.layout.EAGAIN);
    return { data, control: [] };
  }

  /** A struct nlmsgerr: the error, and of the request only the header when there is none. */
  #acknowledge(request: Request, errno: number): void {
    const error = message(4, [[0, 4, -errno >>> 0]]);
    const echo = errno === 0 ? request.bytes.subarray(0, SIZEOF_NLMSGHDR) : request.bytes;
    const flags = errno === 0 ? NLM_F_CAPPED : 0;
    this.#answers.push(this.#message(request, NLMSG_ERROR, flags, concat(error, echo)));
  }

  #message({ sequence }: Request, type: number, flags: number, body: Uint8Array) {
    const length = SIZEOF_NLMSGHDR + body.length;
    const header = message(SIZEOF_NLMSGHDR, [
      [NLMSGHDR_LEN_AT, 4, length],
      [NLMSGHDR_TYPE_AT, 2, type],
      [NLMSGHDR_FLAGS_AT, 2, flags],
      [NLMSGHDR_SEQ_AT, 4, sequence],
    ]);
    return concat(header, body, new Uint8Array(align(length) - length));
  }
}

function requestOf(bytes: Uint8Array<ArrayBuffer>): Request {
  const view = viewOf(bytes);
  if (bytes.length < SIZEOF_NLMSGHDR || view.getUint32(NLMSGHDR_LEN_AT, true) !== bytes.length) {
    unknown(`a netlink message of ${bytes.length} bytes`);
  }
  const flags = view.getUint16(NLMSGHDR_FLAGS_AT, true);
  if ((flags & NLM_F_REQUEST) === 0) unknown("a netlink message that is no request");
  return {
    bytes,
    type: view.getUint16(NLMSGHDR_TYPE_AT, true),
    flags,
    sequence: view.getUint32(NLMSGHDR_SEQ_AT, true),
    body: bytes.subarray(SIZEOF_NLMSGHDR),
  };
}
