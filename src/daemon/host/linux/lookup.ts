import { SyscallError } from "#ffi/errors.ts";
import {
  AF_INET,
  AF_INET6,
  RTA_DST,
  RTA_IIF,
  RTA_OIF,
  RTA_SRC,
  RTM_GETROUTE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_SRC_LEN_AT,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import {
  attribute,
  message,
  readAttributes,
  readU32,
  u32,
} from "#src/datapath/linux/netlink/message.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";

/** A packet whose way is asked for. Addresses have 4 or 16 bytes. */
export interface Question {
  readonly to: Uint8Array;
  readonly from?: Uint8Array;
  /** Index of the interface it comes in by; without one it is sent by this host. */
  readonly in?: number;
}

/** What the kernel would do with the packet. */
export interface Way {
  /** 0: it goes. Else why it is refused: EXDEV for a source that reverse-path filtering refuses. */
  readonly errno: number;
  /** Index of the interface that it leaves by. */
  readonly out: number | undefined;
}

/** One look-up in the kernel's routing tables, with all that decides it. */
export function wayOf(netlink: Netlink, question: Question): Way {
  const { to, from } = question;
  const bits = 8 * to.length;
  const body = message(
    SIZEOF_RTMSG,
    [
      [RTMSG_FAMILY_AT, 1, to.length === 4 ? AF_INET : AF_INET6],
      [RTMSG_DST_LEN_AT, 1, bits],
      [RTMSG_SRC_LEN_AT, 1, from === undefined ? 0 : bits],
    ],
    attribute(RTA_DST, to),
    ...from === undefined ? [] : [attribute(RTA_SRC, from)],
    ...question.in === undefined ? [] : [attribute(RTA_IIF, u32(question.in))],
  );
  try {
    const out = netlink.ask(
      RTM_GETROUTE,
      body,
      "look up a route",
      (payload) => readU32(readAttributes(payload, SIZEOF_RTMSG).get(RTA_OIF)),
    );
    return { errno: 0, out };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { errno: error.errno, out: undefined };
  }
}
