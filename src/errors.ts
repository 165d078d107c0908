/** Base of every error this program raises on purpose; `message` is for people, `code` is stable. */
export abstract class TeredoError extends Error {
  abstract readonly code: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/** A configuration that the operator has to fix. Exit status 78 (EX_CONFIG). */
export class ConfigError extends TeredoError {
  readonly code = "ERR_CONFIG";
  readonly problems: readonly string[];

  /** @param problems one line each: `file:line: key: problem; what to do` */
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Something about this machine that keeps a daemon from starting. Exit status 1. */
export class StartError extends TeredoError {
  readonly code = "ERR_START";
  readonly problem: string;
  /** The command or step that mends it, as the operator would type it. */
  readonly mend: string | undefined;

  constructor(problem: string, mend?: string) {
    super(mend === undefined ? problem : `${problem}; ${mend}`);
    this.problem = problem;
    this.mend = mend;
  }
}

/**
 * That the kernel makes no namespaces for us.
 *
 * @param what needs them, as at the start of a sentence
 * @param why in the words of whoever tried
 */
export function namespacesRefused(what: string, why: string, isRoot: boolean): StartError {
  return new StartError(
    `${what} needs namespaces, which this system refused (${why})`,
    /ENOSPC|No space left/.test(why)
      ? "there are as many as it allows: raise user.max_user_namespaces, user.max_net_namespaces and " +
        "the like, which `sysctl user` lists"
      : isRoot
      ? "in a container give it CAP_SYS_ADMIN and CAP_NET_ADMIN"
      : "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 " +
        "kernel.apparmor_restrict_unprivileged_userns=0",
  );
}

/** What was thrown, which may be anything, as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
