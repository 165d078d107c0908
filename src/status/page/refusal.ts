/** Why a page has nothing to show. */
export interface Refusal {
  readonly status: 400 | 403 | 404 | 503;
  readonly error: string;
}
