/** Labs at a time: more would starve each other on two cores. */
export const SIDE_BY_SIDE = 2;

/**
 * Starts all jobs, a few at a time and in order, and returns their outcomes at once.
 *
 * A test runner runs the tests of a file one after the other; each test waits for its own outcome
 * here, so that labs stand side by side all the same. A failure is its own test's to see.
 */
export function inLanes<T>(
  jobs: readonly (() => Promise<T>)[],
  lanes = SIDE_BY_SIDE,
): Promise<T>[] {
  const outcomes: Promise<T>[] = [];
  for (const [i, job] of jobs.entries()) {
    const before = outcomes[i - lanes]?.catch(() => {}) ?? Promise.resolve();
    const outcome = before.then(job);
    outcome.catch(() => {});
    outcomes.push(outcome);
  }
  return outcomes;
}
