/** How the fast path is, for people. */
export interface FastPathReport {
  readonly on: boolean;
  /** Why it is off; what somebody should know of one that is on. */
  readonly note?: string | undefined;
  /** Peers that may be lent to the kernel at once. */
  readonly leasesLimit: number;
  /** Packets that its programs left to the relay since the start, by why. */
  readonly leftAlone: Readonly<Record<string, number>>;
}

/**
 * Programs in the kernel that carry packets of peers which the threads lend to them; or why there are
 * none. Of the main thread.
 */
export interface FastPath {
  report(): FastPathReport;
}
