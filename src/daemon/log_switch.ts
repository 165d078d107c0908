import type { LogConfig } from "#src/config/config.ts";
import type { Logger } from "#src/log/logger.ts";
import { formatPeerPattern, type PeerPattern } from "#src/protocol/peers/pattern.ts";
import { FateLog } from "./fates/log.ts";
import type { Observer } from "./fates/observer.ts";

export interface LogSwitchOptions {
  readonly log: Logger;
  /** From here on the log is as this configuration asks for. */
  readonly setLog: (config: LogConfig) => void;
  readonly observer: Pick<Observer, "add" | "remove">;
  /** What the log is by now. */
  readonly config: LogConfig;
}

/**
 * How much is logged, and whose packets: what the configuration says, or level debug where a command
 * asks for it, until another takes that back or the configuration changes.
 */
export class LogSwitch {
  readonly #options: LogSwitchOptions;
  #configured: LogConfig;
  /** What is gone by instead. */
  #asked: LogConfig | undefined;
  #fates: FateLog | undefined;

  constructor(options: LogSwitchOptions) {
    this.#options = options;
    this.#configured = options.config;
    this.#watch(options.config);
  }

  /** What the log goes by. */
  get config(): LogConfig {
    return this.#asked ?? this.#configured;
  }

  /** The configuration is another one. */
  configure(config: LogConfig): void {
    this.#configured = config;
    if (this.#asked === undefined) this.#set(config);
    else this.off();
  }

  /** @param peer whose packets are told of; undefined: those that the configuration names */
  debug(peer?: PeerPattern): void {
    const { log } = this.#options;
    const debugPeer = peer ?? this.#configured.debugPeer;
    this.#asked = { ...this.#configured, level: "debug", debugPeer };
    this.#set(this.#asked);
    log.info("Logging at debug until told otherwise", {
      peer: debugPeer && formatPeerPattern(debugPeer),
    });
  }

  /** As configured again. */
  off(): void {
    if (this.#asked === undefined) return;
    this.#asked = undefined;
    this.#options.log.info("Logging as configured again");
    this.#set(this.#configured);
  }

  close(): void {
    this.#watch(undefined);
  }

  #set(config: LogConfig): void {
    // What waits is told as it was asked for.
    this.#watch(undefined);
    this.#options.setLog(config);
    this.#watch(config);
  }

  #watch(config: LogConfig | undefined): void {
    const { log, observer } = this.#options;
    if (this.#fates !== undefined) {
      observer.remove(this.#fates);
      this.#fates.close();
      this.#fates = undefined;
    }
    if (config?.level !== "debug" || config.debugPeer === undefined) return;
    this.#fates = new FateLog(config.debugPeer, log);
    observer.add(this.#fates);
  }
}
