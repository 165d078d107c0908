/** Work for two sites. */
export interface Task {
  readonly sites: readonly [number, number];
  /** Sites of these two that must have nothing else to do meanwhile. */
  readonly alone: readonly number[];
  readonly run: () => Promise<void>;
}

/** Tasks that one site has at a time. */
const AT_ONCE = 4;

/** Runs all of them, as many at once as the sites take; in order, but that none waits for nothing. */
export async function runAll(tasks: readonly Task[]): Promise<void> {
  const waiting = new Set(tasks);
  const load = new Map<number, number>();
  const running = new Set<Promise<void>>();
  const weights = ({ sites, alone }: Task) =>
    sites.map((site) => [site, alone.includes(site) ? AT_ONCE : 1] as const);
  const shift = (task: Task, sign: number) => {
    for (const [site, weight] of weights(task)) {
      load.set(site, (load.get(site) ?? 0) + sign * weight);
    }
  };
  const fits = (task: Task) =>
    weights(task).every(([site, weight]) => (load.get(site) ?? 0) + weight <= AT_ONCE);
  while (waiting.size > 0) {
    for (const task of waiting) {
      if (!fits(task)) continue;
      waiting.delete(task);
      shift(task, 1);
      const done: Promise<void> = task.run().finally(() => {
        shift(task, -1);
        running.delete(done);
      });
      running.add(done);
    }
    await Promise.race(running);
  }
  await Promise.all(running);
}
