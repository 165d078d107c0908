/** Changes that no test can notice, because they change nothing that anybody sees, each with its reason. */
export interface Explained {
  readonly path: string;
  /** Part of the line that was changed. */
  readonly code: string;
  readonly was: string;
  readonly text: string;
  readonly why: string;
}

export const EXPLAINED: readonly Explained[] = [];
