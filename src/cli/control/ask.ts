import { type Role, ROLES } from "#src/config/config.ts";
import { rolesOfFile } from "#src/config/inspect.ts";
import { controlPath } from "#src/daemon/runtime_folder.ts";
import { errorOf, exchange, parseJson, type Question, stranger } from "../status/exchange.ts";
import { noneOf, NoStatus } from "../status/no_status.ts";
import { type Place, socketPlace } from "../status/place.ts";
import { statusOf } from "../status/targets.ts";

/** Which daemons are meant. */
export interface Meant {
  /** Undefined: those that run. */
  readonly role?: Role | undefined;
  /** `-c FILE`; without it the usual places are searched. */
  readonly config?: string | undefined;
}

/** What a daemon answered. */
export interface Reply {
  readonly role: Role;
  /** Of HTTP. */
  readonly status: number;
  /** A JSON object; its form is the page's. */
  readonly document: Readonly<Record<string, unknown>>;
}

/**
 * Asks each daemon that is meant, over its control socket. Where none was named, one that does not run
 * is passed over, if another one does.
 *
 * @throws ConfigError; NoStatus when a daemon cannot be asked, or is not one to be asked so
 */
export async function askControl(meant: Meant, question: Question): Promise<readonly Reply[]> {
  const { role, config } = meant;
  const roles = role !== undefined ? [role] : config === undefined ? ROLES : rolesOfFile(config);
  const answers = await Promise.all(roles.map(async (one) => {
    try {
      return await askOne(one, config, question);
    } catch (error) {
      if (error instanceof NoStatus && error.isNotRunning) return error;
      throw error;
    }
  }));
  const replies = answers.filter((it): it is Reply => !(it instanceof NoStatus));
  if (replies.length === 0) throw noneOf(answers.filter((it) => it instanceof NoStatus));
  return replies;
}

async function askOne(role: Role, config: string | undefined, question: Question): Promise<Reply> {
  const place = controlPlace(role, config);
  const answer = await exchange(place, question);
  const document = parseJson(answer.body);
  if (typeof document !== "object" || document === null) throw new NoStatus(stranger(place.url));
  if (answer.status === 404 || answer.status === 405) {
    throw new NoStatus(`${place.url} is of another version of this program: ${errorOf(answer)}`);
  }
  return { role, status: answer.status, document: document as Reply["document"] };
}

/** @throws ConfigError, NoStatus */
function controlPlace(role: Role, config: string | undefined): Place {
  const path = controlPath(role, statusOf(role, config));
  if (path !== undefined) return socketPlace(path);
  throw new NoStatus(`the ${role} has no control socket: \`control = no\` in [status]`);
}
