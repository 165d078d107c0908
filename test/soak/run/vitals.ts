/** What the kernel says of a daemon at one moment. */
export interface Vitals {
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly role: string;
  readonly pid: number;
  /** MiB: all of it, and of that what is no file's, where all heaps lie. */
  readonly resident: number;
  readonly heap: number;
  readonly descriptors: number;
  readonly threads: number;
}
