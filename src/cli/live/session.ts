import process from "node:process";
import type { Context } from "../context.ts";
import { isColoured } from "../output.ts";
import { frame } from "./frame.ts";
import { Keyboard } from "./keyboard.ts";
import { type Look, movesCursor, showsBlocks } from "./look.ts";
import { Screen, terminalSize } from "./screen.ts";
import type { Watch } from "./watch.ts";

/** What a screen waits for answers before it shows that there are none yet, in milliseconds. */
const PATIENCE = 500;
/** What a process may go on until it is stopped, in milliseconds. */
const STOPPED = 200;
const INTERRUPT = "\x03";
const SUSPEND = "\x1a";
/** Signals that end the program at once, and their numbers. */
const DEADLY = { SIGHUP: 1, SIGQUIT: 3, SIGTERM: 15 } as const;

/** How frames look on standard output. */
export function lookOf({ process: { stdout, env } }: Context): Look {
  return { colours: isColoured(stdout), blocks: showsBlocks(env, stdout.isTerminal) };
}

/** A frame behind what was written before. @param rows of it; default: all there is to say */
export function writeFrame(context: Context, watch: Watch, rows = Infinity): void {
  const { stdout, env } = context.process;
  const size = { ...terminalSize(env), rows };
  const view = { ...watch.view(), time: new Date(), keys: undefined };
  stdout.write(frame(view, size, lookOf(context)).map((line) => `${line}\n`).join(""));
}

/** A view that is shown again and again: in place where the terminal can, else frame below frame. */
export class Session {
  readonly #context: Context;
  readonly #watch: Watch;
  readonly #interval: number;
  readonly #screen: Screen | undefined;
  readonly #keyboard: Keyboard | undefined;
  #isEnded = false;
  /** Ends what is waited for. */
  #wake = (): void => {};

  /** @param interval between two frames, in milliseconds */
  constructor(context: Context, watch: Watch, interval: number) {
    const { stdout, env } = context.process;
    this.#context = context;
    this.#watch = watch;
    this.#interval = interval;
    if (!stdout.isTerminal) return;
    if (movesCursor(env)) this.#screen = new Screen(stdout);
    if (Keyboard.isThere) this.#keyboard = new Keyboard((key) => this.#press(key));
  }

  /** Runs until somebody ends it. */
  async run(): Promise<void> {
    const forget = this.#obey();
    try {
      this.#open();
      while (!this.#isOver) {
        const next = performance.now() + this.#interval;
        const patience = this.#screen === undefined ? Infinity : Math.min(PATIENCE, this.#interval);
        await this.#pass(patience, this.#watch.ask());
        if (this.#isOver) break;
        this.#show();
        await this.#pass(Math.max(0, next - performance.now()));
      }
    } finally {
      forget();
      this.#close();
    }
  }

  get #isOver(): boolean {
    return this.#isEnded || this.#context.process.stdout.isClosed;
  }

  /** Waits for so many milliseconds, for `work` to be done, or for the end. */
  async #pass(milliseconds: number, work: Promise<void> = new Promise(() => {})): Promise<void> {
    let timer;
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (milliseconds !== Infinity) timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([work, woken]);
    clearTimeout(timer);
  }

  #show(): void {
    const { stdout, env } = this.#context.process;
    const size = terminalSize(env);
    if (this.#screen === undefined) {
      writeFrame(this.#context, this.#watch, stdout.isTerminal ? size.rows - 1 : Infinity);
      return stdout.write("\n");
    }
    const keys = this.#keyboard === undefined ? undefined : "q quits";
    const view = { ...this.#watch.view(), time: new Date(), keys };
    this.#screen.draw(frame(view, size, lookOf(this.#context)), size);
  }

  /** After somebody else wrote to the terminal, or it has another size. */
  readonly #showAgain = (): void => {
    if (this.#screen === undefined) return;
    this.#screen.spoil();
    this.#show();
  };

  #press(key: string): void {
    if (key === "q" || key === "Q" || key === INTERRUPT) this.#end();
    else if (key === SUSPEND) process.kill(0, "SIGTSTP"); // as the terminal does, to all of a pipe
    else this.#showAgain();
  }

  readonly #end = (): void => {
    this.#isEnded = true;
    this.#wake();
  };

  #open(): void {
    this.#keyboard?.open();
    this.#screen?.enter();
  }

  readonly #close = (): void => {
    this.#screen?.leave();
    this.#keyboard?.close();
  };

  /** Whoever had the terminal meanwhile may have left it in any state. */
  readonly #goOn = (): void => {
    if (this.#isOver) return;
    this.#close();
    this.#open();
    this.#showAgain();
  };

  /** Follows the signals that a terminal's user sends. @returns what gives that up */
  #obey(): () => void {
    const handlers: Record<string, () => void> = { SIGINT: this.#end };
    if (this.#screen !== undefined || this.#keyboard !== undefined) {
      handlers["SIGTSTP"] = () => {
        this.#close();
        process.kill(process.pid, "SIGSTOP");
        // The first process of a container is not stopped.
        setTimeout(this.#goOn, STOPPED);
      };
      handlers["SIGCONT"] = this.#goOn;
      for (const [name, number] of Object.entries(DEADLY)) {
        handlers[name] = () => process.exit(128 + number);
      }
      // Whatever ends the program.
      handlers["exit"] = this.#close;
    }
    for (const [name, handler] of Object.entries(handlers)) process.on(name, handler);
    // At SIGWINCH itself not every runtime knows the new size.
    process.stdout.on("resize", this.#showAgain);
    return () => {
      process.stdout.off("resize", this.#showAgain);
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
    };
  }
}
