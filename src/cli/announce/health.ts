/** How readiness is asked for where no route tells of it. */

/** Seconds between two questions, and for an answer. */
export const INTERVAL = 1;
export const PATIENCE = 2;
/** Good answers in a row before the prefix is announced, and bad ones before it is withdrawn. */
export const RISE = 5;
export const FALL = 2;
