import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { type ExtensionName, EXTENSIONS, type ServerName } from "../config.ts";
import { type Kind, listIn, type Parsed, quote } from "./mod.ts";
import { HOST_NAME } from "./network.ts";
import { inetAton } from "./inet_aton.ts";

/**
 * A name as resolvers are asked for it: an absolute one without its last point (RFC 1034 §3.1). They take
 * `_` inside a label, too, which is none of a host's name by RFC 1123 §2.1, and so does Miredo.
 */
function nameIn(word: string): string | undefined {
  const name = word.toLowerCase().replace(/\.$/, "");
  // A last label of digits is none of DNS. RFC 1123 §2.1
  return HOST_NAME.test(name.replaceAll("_", "-")) && !/(^|\.)[0-9]+$/.test(name)
    ? name
    : undefined;
}

/** A host with IPv4 addresses, by one of them or by name. */
function hostIn(word: string): Parsed<string> {
  if (parseIpv4(word) !== undefined) return { value: word };
  const shown = quote(word);
  if (word.includes(":")) {
    return {
      problem:
        `${shown} is no IPv4 address; write A.B.C.D alone, as servers are asked at port 3544`,
    };
  }
  const meant = inetAton(word);
  if (meant !== undefined) {
    return {
      problem: `${shown} is short for an IPv4 address; write ${formatIpv4(meant)} in full`,
    };
  }
  const name = nameIn(word);
  if (name !== undefined) return { value: name };
  return {
    problem:
      `${shown} is neither a host name nor an IPv4 address; write e.g. teredo.example or A.B.C.D`,
  };
}

function serverIn(word: string): Parsed<ServerName> {
  const [first = "", second, ...more] = word.split("/");
  if (more.length > 0) {
    return { problem: `${quote(word)} has more than two addresses; write PRIMARY/SECONDARY` };
  }
  const host = hostIn(first);
  if ("problem" in host) return host;
  const secondary = second === undefined ? { value: undefined } : hostIn(second);
  if ("problem" in secondary) return secondary;
  if (host.value === secondary.value) {
    return { problem: `${quote(word)} has one address twice; write the secondary one, or none` };
  }
  return { value: { host: host.value, secondary: secondary.value } };
}

/** Teredo servers, in the order they are preferred, parted by commas or blanks. */
export const servers: Kind<readonly ServerName[] | undefined> = {
  name: "servers",
  placeholder: "SERVERS",
  range: `up to ${SERVERS_MAX} of \`HOST\` or \`HOST/SECONDARY\`, each a name or \`A.B.C.D\``,
  parse(text) {
    const words = listIn(text);
    if (words.length === 0 || words.length > SERVERS_MAX) {
      return { problem: `${words.length} servers; write 1 to ${SERVERS_MAX}` };
    }
    const value: ServerName[] = [];
    for (const word of words) {
      const server = serverIn(word);
      if ("problem" in server) return server;
      if (value.some(({ host }) => host === server.value.host)) {
        return { problem: `${quote(server.value.host)} stands twice; delete one of them` };
      }
      value.push(server.value);
    }
    return { value };
  },
  format: (value = []) =>
    value.map(({ host, secondary }) => secondary === undefined ? host : `${host}/${secondary}`)
      .join(", "),
};

/** What RFC 6081 names, in its order; `none` for none of it. */
export const extensions: Kind<readonly ExtensionName[]> = {
  name: "extensions",
  placeholder: "WORDS",
  words: [...EXTENSIONS, "none"],
  range: `some of ${EXTENSIONS.map((it) => `\`${it}\``).join(", ")}, or \`none\``,
  parse(text) {
    const given = text === "none" ? [] : listIn(text);
    const wrong = given.find((it) => !EXTENSIONS.some((known) => known === it));
    if (wrong === "upnp") {
      return { problem: "`upnp` does not exist yet; write the others, and open the port by hand" };
    }
    if (wrong === undefined && (given.length > 0 || text === "none")) {
      return { value: EXTENSIONS.filter((it) => given.includes(it)) };
    }
    const choices = EXTENSIONS.join(", ");
    return {
      problem: `${quote(wrong ?? text)} is not a choice; write some of ${choices}, or none`,
    };
  },
  format: (value) => value.length === 0 ? "none" : value.join(", "),
};

/** A host of the IPv6 Internet, by name or address. */
export const ipv6Host: Kind<string> = {
  name: "host",
  placeholder: "HOST",
  range: "a host name or an IPv6 address",
  parse(text) {
    const value = parseIpv6(text) === undefined ? nameIn(text) : text.toLowerCase();
    if (value !== undefined) return { value };
    return {
      problem: `${quote(text)} is neither a host name nor an IPv6 address; write e.g. ipv6.example`,
    };
  },
  format: (value) => value,
};

/** Length octets of the authentication encapsulation are one byte each. RFC 4380 §5.1.1 */
const MAX_CLIENT_ID_LENGTH = 255;

/** As it stands in a file of secrets. */
export const clientId: Kind<string> = {
  name: "client identifier",
  placeholder: "NAME",
  range: "up to 255 bytes without blanks",
  parse(text) {
    const length = new TextEncoder().encode(text).length;
    // deno-lint-ignore no-control-regex
    if (length >= 1 && length <= MAX_CLIENT_ID_LENGTH && !/[\s\x00-\x1f\x7f\ufffd]/.test(text)) {
      return { value: text };
    }
    return {
      problem: `${quote(text)} cannot identify a client; write its name of \`secret_file\``,
    };
  },
  format: (value) => value,
};
