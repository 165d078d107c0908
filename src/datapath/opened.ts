/** Runs set-up steps; when one fails, what the earlier ones opened is closed again, last first. */
export class Opened {
  readonly #closers: (() => void)[] = [];

  add<T>(value: T, close: (value: T) => void): T {
    this.#closers.push(() => close(value));
    return value;
  }

  close(): void {
    for (const close of this.#closers.splice(0).reverse()) close();
  }

  run<T>(steps: () => T): T {
    try {
      return steps();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
