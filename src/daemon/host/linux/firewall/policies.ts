import {
  NETLINK_XFRM,
  XFRM_MSG_GETSPDINFO,
  XFRMA_SPD_INFO,
  XFRMU_SPDINFO_INCNT_AT,
  XFRMU_SPDINFO_OUTCNT_AT,
} from "#ffi/linux/mod.ts";
import type { Libc } from "#ffi/libc.ts";
import { message, readAttributes, readU32 } from "#src/datapath/linux/netlink/message.ts";
import { Netlink } from "#src/datapath/linux/netlink/socket.ts";

/** Flags of the question, which has none. */
const FLAGS = 4;

/**
 * How many policies of IPsec there are for what this host receives and sends. @throws SyscallError, of
 * a kernel without IPsec as well
 */
export class Policies {
  readonly #libc: Libc;
  #netlink: Netlink | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  count(): number {
    const netlink = this.#netlink ??= new Netlink(this.#libc, NETLINK_XFRM);
    const counted = netlink.ask(
      XFRM_MSG_GETSPDINFO,
      message(FLAGS, []),
      "count IPsec policies",
      (payload) => readAttributes(payload, FLAGS).get(XFRMA_SPD_INFO)?.slice(),
    );
    return [XFRMU_SPDINFO_INCNT_AT, XFRMU_SPDINFO_OUTCNT_AT]
      .reduce((sum, at) => sum + (readU32(counted, at) ?? 0), 0);
  }
}
