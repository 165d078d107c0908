import type { Values } from "./assemble.ts";
import type { Role } from "./config.ts";
import type { Problems } from "./problems.ts";
import {
  entriesOfDirective,
  isClientDirective,
  spellingOf,
  splitDirective,
  TYPE,
} from "./syntax/directives.ts";
import { isKnown } from "./syntax/miredo.ts";
import type { Document } from "./syntax/mod.ts";

/** What a file's directives are for, of those that fit one of Miredo's programs only. */
interface MiredoPurpose {
  /** Miredo's relay and its client are one program, `miredo`; the server is another. */
  readonly miredo: boolean;
  readonly server: boolean;
  /** First directive that only a client has, where no `RelayType` is given. */
  readonly client: string | undefined;
  /** The first `RelayType` that is given, right or wrong, in lower case. */
  readonly type: string | undefined;
}

/** The program's own default, which is a client, has no name here. */
function purposeOf({ lines }: Document): MiredoPurpose {
  const directives = lines.flatMap(({ text }) => {
    const { name = "", value } = splitDirective(text) ?? {};
    const known = spellingOf(name);
    return value === undefined || known === undefined ? [] : [{ name: known, value }];
  });
  const isOf = (name: string, role: Role) => entriesOfDirective(name, role).length > 0;
  const type = directives.find(({ name }) => name === TYPE)?.value.toLowerCase();
  const client = directives.find(({ name }) => isClientDirective(name))?.name;
  return {
    miredo: directives.some(({ name }) => isOf(name, "relay") && !isOf(name, "server")),
    server: directives.some(({ name }) => isOf(name, "server") && !isOf(name, "relay")),
    client: type === undefined ? client : undefined,
    type,
  };
}

/** Which daemon's file this is, by its directives; undefined when they fit any. */
export function roleOfMiredo(document: Document): Role | undefined {
  const { miredo, server, client, type } = purposeOf(document);
  if (type !== undefined) return isClientType(type) ? "client" : "relay";
  if (client !== undefined) return "client";
  if (miredo) return "relay";
  return server ? "server" : undefined;
}

function isClientType(type: string): boolean {
  return type === "client" || type === "autoclient";
}

/** Refuses a Miredo file of another daemon. Miredo is a client unless told otherwise; here the command
 * says what runs. */
export function checkDirectives(
  role: Role,
  document: Document,
  values: Values,
  problems: Problems,
): void {
  const { file } = document;
  const { miredo, server, client, type } = purposeOf(document);
  const isMiredo = miredo || client !== undefined;
  const isTyped = values.get("relay.type")!.origin !== undefined;
  if (role !== "server" && !isMiredo && server) {
    problems.error(file, "this is a miredo-server.conf; run `teredo server`");
  } else if (role === "client") {
    // A wrong `RelayType` has its own problem, here as well as in a relay's file.
    return;
  } else if (client !== undefined && !(isTyped || server)) {
    problems.error(
      file,
      `with \`${client}\` and without \`RelayType\` this is a Teredo client's file; run ` +
        "`teredo client`, or write `RelayType relay` for a relay",
    );
  } else if (role === "server" && !server && isMiredo) {
    const meant = type !== undefined && isClientType(type) ? "client" : "relay";
    problems.error(file, `this is the miredo.conf of a ${meant}; run \`teredo ${meant}\``);
  } else if (role === "relay" && !isTyped && type === undefined && isKnown(document)) {
    problems.notice(
      file,
      "RelayType: not given, which makes Miredo a client, but this is a relay; " +
        "write `RelayType relay`",
    );
  }
}
