/** The routes by which an interface has the service prefix. */
export interface ServiceRoutes {
  /** Of the one that is always there. Of two routes of one prefix the kernel takes the lower metric. */
  readonly metric: number;
  /** Who made that: RTPROT_ of <linux/rtnetlink.h>; default: RTPROT_BOOT. */
  readonly protocol?: number | undefined;
  /**
   * Of the one that routing daemons learn, there while the relay is ready. Its metric is the lower one: of
   * several routes that others made they see the one that the kernel takes.
   */
  readonly announced?: RouteMark | undefined;
}

/** What tells a route from others of its prefix. */
export interface RouteMark {
  readonly metric: number;
  /** Who made it: RTPROT_BIRD and the like. */
  readonly protocol: number;
}
