import type { Config, LogConfig, Role } from "#src/config/config.ts";
import { diffConfig } from "#src/config/diff.ts";
import { loadConfig, type LoadOptions } from "#src/config/load.ts";
import { partsOf } from "#src/config/problems.ts";
import { type Plan, planReload } from "#src/config/reload.ts";
import { asError, ConfigError, StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import type { SandboxState } from "#src/status/snapshot.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Notifier } from "../notify.ts";
import type { DaemonState } from "../state.ts";
import type { Report } from "./report.ts";

/** Between two reloads that signals ask for: those that come meanwhile are one. */
const PAUSE: Millis = 100;
/** Until what could not be taken back is tried again. */
const AGAIN: Millis = 1_000;

/** What there may be too much of in the rules that a role goes by. */
const MANY: Readonly<Record<Role, string>> = {
  relay: "more addresses of this host",
  server: "more secrets",
  client: "more addresses of this host",
};

/** A daemon that serves, and what of it changes with its configuration. */
export interface Reloadable {
  readonly role: Role;
  /** Where the configuration came from at start. */
  readonly options: Pick<LoadOptions, "path" | "overrides">;
  readonly log: Logger;
  readonly setLog: (config: LogConfig) => void;
  readonly state: DaemonState;
  /** Settings, as `section.key`, that it cannot take as they are there, though others could. */
  beyond(config: Config): readonly string[];
  /** Goes on by another configuration. @returns false when that is too much; then nothing has changed */
  goBy(config: Config): boolean;
  /** A reload has succeeded, whatever has changed. */
  reloaded(): void;
  readonly notifier: Notifier;
}

export interface Wish {
  /** Tell what would change, and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Go back after this time, unless {@link Reloader.confirm} comes. */
  readonly confirmWithin?: Millis | undefined;
}

interface Waiting {
  readonly before: Config;
  /** By the clock of the history. */
  readonly by: Millis;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Why it could not be taken back when it was time. */
  readonly problem?: string;
}

/**
 * Has a daemon go by its configuration file as it is at the moment: all of it that needs no restart, or,
 * where something is wrong, nothing.
 */
export class Reloader {
  readonly #daemon: Reloadable;
  #waiting: Waiting | undefined;
  #lastAt: Millis = -Infinity;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(daemon: Reloadable) {
    this.#daemon = daemon;
  }

  /** As a signal asks for it; its outcome is in log and status. */
  reloadSoon(): void {
    const wait = Math.max(0, this.#lastAt + PAUSE - performance.now());
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.reload();
    }, wait);
  }

  reload(wish: Wish = {}): Report {
    if (wish.dryRun) return this.#reload(wish);
    const { notifier } = this.#daemon;
    notifier.reloading();
    try {
      return this.#reload(wish);
    } finally {
      // The service manager waits for it, however the reload ends.
      notifier.send("READY=1");
    }
  }

  #reload({ dryRun = false, confirmWithin }: Wish): Report {
    this.#lastAt = performance.now();
    try {
      this.#refuseWhileWaiting();
      const { plan, notices } = this.#read();
      if (!dryRun) this.#take(plan, notices, confirmWithin);
      const { file } = plan.config;
      return { ...this.#done({ dryRun, notices }), file, changes: plan.changes };
    } catch (error) {
      return this.#refused(error, dryRun);
    }
  }

  /** Stays with what the last reload brought. */
  confirm(): Report {
    if (this.#waiting === undefined) {
      return this.#refused(new StartError("no reload waits for its confirmation"), true);
    }
    this.#stopWaiting();
    const { state, log } = this.#daemon;
    state.reload = { ...state.reload, ok: true, problems: [] };
    log.info("Reload confirmed");
    return this.#done({ dryRun: false, notices: [] });
  }

  close(): void {
    clearTimeout(this.#soon);
    clearTimeout(this.#waiting?.timer);
  }

  #refuseWhileWaiting(): void {
    if (this.#waiting === undefined) return;
    throw new StartError(
      "an earlier reload waits for its confirmation",
      `\`teredo reload ${this.#daemon.role} --confirm\`, or wait until it is taken back`,
    );
  }

  /** @throws ConfigError, StartError */
  #read(): { readonly plan: Plan; readonly notices: readonly string[] } {
    const { role, options, state } = this.#daemon;
    const running = state.config;
    const { chroot, user } = running[role].process;
    // What it found at start it does not look for again: another place may hold another's file.
    const path = options.path ?? running.file;
    if (chroot !== undefined) {
      throw new StartError(
        `with \`chroot = ${chroot}\` the configuration is out of reach`,
        "restart the daemon",
      );
    }
    try {
      const { config, notices } = loadConfig(role, { ...options, path, whole: true });
      return { plan: planReload(running, config, role, this.#daemon.beyond(config)), notices };
    } catch (error) {
      throw withReaders(error, user, isWalledIn(state.sandbox));
    }
  }

  #take(plan: Plan, notices: readonly string[], confirmWithin: Millis | undefined): void {
    const { state, log } = this.#daemon;
    const before = state.config;
    this.#apply(plan.config);
    this.#daemon.reloaded();
    this.#tell(plan);
    for (const notice of notices) log.warn("Configuration", partsOf(notice));
    if (confirmWithin !== undefined) this.#wait(before, confirmWithin);
  }

  #tell({ config, changes }: Plan): void {
    const { state, log } = this.#daemon;
    const restart = changes.filter(({ reload }) => reload === "restart");
    const needsRestart = restart.map(({ id }) => id);
    state.reload = { ok: true, succeededAt: state.history.time.now(), problems: [], needsRestart };
    log.info("Reloaded", { file: config.file, count: changes.length - restart.length });
    for (const { id, from, to, reload } of changes) {
      const fields = { key: id, value: to ?? "not set", detail: `was ${from ?? "not set"}` };
      if (reload === "yes") log.info("Setting changed", fields);
      else log.warn("Setting needs a restart", fields);
    }
  }

  /** @throws StartError when the rules are too many; then nothing has changed */
  #apply(config: Config): void {
    const { role, state, setLog } = this.#daemon;
    const changes = diffConfig(state.config, config, role);
    const isOf = (section: string) => changes.some(({ id }) => id.startsWith(`${section}.`));
    if (isOf(role) && !this.#daemon.goBy(config)) {
      const problem = `${MANY[role]} than a running ${role} can be given`;
      throw new StartError(problem, "restart the daemon");
    }
    if (isOf("log")) setLog(config.log);
    state.adopt(config);
  }

  #wait(before: Config, within: Millis): void {
    const { state, log } = this.#daemon;
    const by = state.history.time.now() + within;
    this.#waiting = { before, by, timer: setTimeout(() => this.#goBack(), within) };
    state.reload = { ...state.reload, confirmBy: by };
    log.info("Reload waits for its confirmation", { seconds: within / 1000 });
  }

  #goBack(): void {
    const { state, log } = this.#daemon;
    try {
      this.#apply(this.#waiting!.before);
    } catch (error) {
      return this.#goBackLater(error);
    }
    this.#stopWaiting();
    const reason = "it was not confirmed in time";
    state.reload = { ...state.reload, ok: false, problems: [`taken back: ${reason}`] };
    log.warn("Reload taken back", { reason });
  }

  /** What is in the way may pass. It is told once, until there is another problem. */
  #goBackLater(error: unknown): void {
    const waiting = this.#waiting!;
    const problem = `cannot be taken back yet: ${asError(error).message}`;
    if (problem !== waiting.problem) this.#refused(new StartError(problem), false);
    const timer = setTimeout(() => this.#goBack(), AGAIN);
    this.#waiting = { ...waiting, problem, timer };
  }

  #stopWaiting(): void {
    const { state } = this.#daemon;
    clearTimeout(this.#waiting?.timer);
    this.#waiting = undefined;
    const { confirmBy: _, ...rest } = state.reload;
    state.reload = rest;
  }

  #done(made: Pick<Report, "dryRun" | "notices">): Report {
    const { config, history } = this.#daemon.state;
    const by = this.#waiting?.by;
    return {
      ...made,
      ok: true,
      file: config.file,
      changes: [],
      problems: [],
      isConfig: false,
      confirmBy: by === undefined ? undefined : history.time.date(by),
    };
  }

  /** @param quiet it is told to who asked, and no state of the daemon */
  #refused(error: unknown, quiet: boolean): Report {
    const { state, log } = this.#daemon;
    const isConfig = error instanceof ConfigError;
    const problems = isConfig ? error.problems : [asError(error).message];
    if (!quiet) {
      state.reload = { ...state.reload, ok: false, problems };
      for (const problem of problems) log.error("Reload refused", partsOf(problem));
    }
    const made = this.#done({ dryRun: quiet, notices: [] });
    return { ...made, ok: false, problems, isConfig };
  }
}

/** Whether it may read in the folders alone that it read from at start. */
function isWalledIn({ layers }: SandboxState): boolean {
  return layers.some(({ name, holds }) => name === "landlock" && holds);
}

/** A daemon that gave up its privileges, or all files but some, may not read what it read at start. */
function withReaders(error: unknown, user: string | undefined, walledIn: boolean): unknown {
  if (!(error instanceof ConfigError)) return error;
  if (!error.problems.some((problem) => problem.includes("not allowed to read it"))) return error;
  const asUser =
    `a running daemon reads its files as \`user = ${user}\`; let its group read them, as by ` +
    "`chmod 640` and `chgrp`, or restart the daemon";
  const inFolders =
    "a running daemon reads in the folders that it read from at start, and none of a " +
    "whole system, as /etc is (`sandbox`); put the file in one of its own, or restart the daemon";
  const hint = user !== undefined ? [asUser] : walledIn ? [inFolders] : [];
  return new ConfigError([...error.problems, ...hint]);
}
