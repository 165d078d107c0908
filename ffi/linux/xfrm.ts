/** IPsec policies, by netlink(7): <linux/xfrm.h>. */

export const NETLINK_XFRM = 6;
export const XFRM_MSG_GETSPDINFO = 0x25;
export const XFRMA_SPD_INFO = 1;

// struct xfrmu_spdinfo: how many policies there are
export const XFRMU_SPDINFO_INCNT_AT = 0;
export const XFRMU_SPDINFO_OUTCNT_AT = 4;
