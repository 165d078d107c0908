import { ConfigError } from "#src/errors.ts";

const MAX_PROBLEMS = 100;

/**
 * Collects what is wrong with a configuration, so that the operator sees all of it at once: errors
 * keep the daemon from starting, notices do not. Each is `where: key: problem; what to do`.
 */
export class Problems {
  readonly errors: string[] = [];
  readonly notices: string[] = [];

  error(where: string, problem: string): void {
    add(this.errors, `${where}: ${problem}`);
  }

  notice(where: string, problem: string): void {
    add(this.notices, `${where}: ${problem}`);
  }

  /** @throws ConfigError naming every error, if there is one */
  throwIfAny(): void {
    if (this.errors.length > 0) throw new ConfigError(this.errors);
  }
}

/** A wrong file, e.g. a binary one, can be wrong in each line. */
function add(list: string[], text: string): void {
  if (list.length < MAX_PROBLEMS) list.push(text);
  else if (list.length === MAX_PROBLEMS) list.push(`${text} (more left out)`);
}
