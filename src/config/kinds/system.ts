import { type Kind, quote } from "./mod.ts";

/** An absolute path: the daemon works from `/`. */
export const path: Kind<string> = {
  name: "path",
  placeholder: "PATH",
  range: "an absolute path",
  parse(text) {
    // The last of these stands for bytes that are no UTF-8.
    // deno-lint-ignore no-control-regex
    if (!text.startsWith("/") || /[\x00-\x1f\x7f"\ufffd]/.test(text) || text.length > 1023) {
      return { problem: `${quote(text)} is not an absolute path; write it from \`/\`` };
    }
    return { value: text };
  },
  format: (value) => value,
};

/** An absolute path, or `no` for none. */
export const pathOrNo: Kind<string> = {
  ...path,
  range: "an absolute path, or `no`",
  parse: (text, syntax) => text === "no" ? { value: text } : path.parse(text, syntax),
};

/**
 * An absolute path, or the name of a credential: a file name. systemd.exec(5), CREDENTIALS
 *
 * @param example what the file could be called
 */
export const secretFile = (example: string): Kind<string> => ({
  ...path,
  range: "an absolute path, or the name of a credential",
  parse(text, syntax) {
    if (/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,254}$/.test(text)) return { value: text };
    if (text.startsWith("/")) return path.parse(text, syntax);
    const problem = `${quote(text)} is neither an absolute path nor the name of a credential`;
    return { problem: `${problem}; write e.g. /etc/teredo/${example}, or \`${example}\`` };
  },
});

export const userName: Kind<string> = {
  name: "user name",
  placeholder: "USER",
  range: "a user of this system",
  parse(text) {
    if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}\$?$/.test(text)) return { value: text };
    return { problem: `${quote(text)} cannot be a user name; write one that \`id\` knows` };
  },
  format: (value) => value,
};

/** Facilities of syslog(3), by the names that Miredo takes. */
export const FACILITIES = [
  ...["auth", "authpriv", "cron", "daemon", "ftp", "kern"],
  ...Array.from({ length: 8 }, (_, i) => `local${i}`),
  ...["lpr", "mail", "news", "syslog", "user", "uucp"],
];

/** Miredo goes on as `daemon` when it does not know a facility, and so do we in its syntax. */
export const facility: Kind<string> = {
  name: "syslog facility",
  placeholder: "FACILITY",
  words: FACILITIES,
  range: FACILITIES.map((name) => `\`${name}\``).join(", "),
  parse(text, syntax) {
    const name = syntax === "miredo" ? text.toLowerCase() : text;
    if (FACILITIES.includes(name)) return { value: name };
    const problem = `${quote(text)} is not a syslog facility`;
    const mend = `write ${FACILITIES.join(", ")}`;
    if (syntax === "native") return { problem: `${problem}; ${mend}` };
    return { value: "daemon", warning: `${problem}, \`daemon\` is used; ${mend}` };
  },
  format: (value) => value,
};
