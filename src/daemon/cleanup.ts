export type Step = () => void | Promise<void>;

/** What has to be undone at the end, however it comes; last first. */
export class Cleanup {
  #steps: Step[] = [];

  /** @returns the step, for {@link remove} */
  add(step: Step): Step {
    this.#steps.push(step);
    return step;
  }

  remove(step: Step): void {
    this.#steps = this.#steps.filter((it) => it !== step);
  }

  /** Runs every step once, also after one that fails. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch {
        // The others still have to be undone, and the error that counts is the one that led here.
      }
    }
  }
}
