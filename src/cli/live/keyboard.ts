import { isatty } from "node:tty";
import process from "node:process";

/** The keys of a terminal, as they are pressed. */
export class Keyboard {
  readonly #onKey: (key: string) => void;
  #open = false;

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey;
  }

  /** Whether there are any: standard input may be something else. */
  static get isThere(): boolean {
    return isatty(0);
  }

  /** From here on the terminal shows no key and makes none a signal. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    const { stdin } = process;
    stdin.setRawMode(true);
    stdin.on("data", this.#read);
    stdin.on("error", () => {});
    stdin.resume();
  }

  /** The terminal is as it was. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const { stdin } = process;
    stdin.off("data", this.#read);
    stdin.pause();
    stdin.setRawMode(false);
  }

  readonly #read = (bytes: Uint8Array): void => {
    const text = new TextDecoder().decode(bytes);
    // A function key is told by several characters.
    for (const key of text.startsWith("\x1b") ? [text] : text) this.#onKey(key);
  };
}
