import { equal, masked } from "../lists.ts";
import type { CommandResult } from "../system.ts";
import type { PaperLink } from "../world.ts";
import { DONE, Exit, type Invocation } from "./commands.ts";
import { errorText } from "./layouts.ts";
import type { BsdMachine } from "./machine.ts";
import { EEXIST, ENETUNREACH, ESRCH, type SystemName } from "./numbers.ts";
import { parseAddress, splitZone } from "./text.ts";

/** What a line of route(8) asks for. */
interface Wish {
  readonly command: "add" | "delete";
  /** As it was typed. */
  readonly text: string;
  readonly destination: Uint8Array;
  readonly length: number;
  readonly gateway: string | undefined;
  /** `-interface`, `-iface`: the gateway is one of ours. */
  readonly isInterface: boolean;
  readonly action: "send" | "reject" | "discard";
}

/** sysexits(3), which FreeBSD's and DragonFly BSD's route(8) end with. */
const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_NOPERM = 77;

/** What route(8) says instead of strerror(3). newroute(), route_strerror() */
const ERRORS: Readonly<Record<SystemName, Readonly<Record<number, string>>>> = {
  "FreeBSD": { [ESRCH]: "not in table", [EEXIST]: "route already in table" },
  "OpenBSD": { [ESRCH]: "not in table" },
  "NetBSD": { [ESRCH]: "not in table" },
  "DragonFly BSD": { [ESRCH]: "not in table" },
};

/** route(8): `add` and `delete` of IPv6, newroute() of sbin/route/route.c of each system. */
export function route({ machine, isRoot, args }: Invocation): CommandResult {
  if (!isRoot) throw notRoot(machine.name);
  const wish = readWish(machine, args);
  const errno = wish.command === "add" ? add(machine, wish) : take(machine, wish);
  return errno === 0 ? { ...DONE, stdout: `${line(wish)}\n` } : refused(machine.name, wish, errno);
}

function notRoot(system: SystemName): Exit {
  const status = system === "FreeBSD" || system === "DragonFly BSD" ? EX_NOPERM : 1;
  return new Exit(status, "route: must be root to alter routing table\n");
}

/** What is printed of a route, on standard output whether or not it worked. */
function line({ command, text, length, gateway }: Wish): string {
  const kind = length === 128 ? "host" : "net";
  return `${command} ${kind} ${text}${gateway === undefined ? "" : `: gateway ${gateway}`}`;
}

function refused(system: SystemName, wish: Wish, errno: number): CommandResult {
  const why = ERRORS[system][errno] ?? errorText(errno);
  // FreeBSD names the table; NetBSD and DragonFly BSD say it twice, the other way by warn(3).
  const fib = system === "FreeBSD" ? " fib 0" : "";
  const told: Partial<Record<SystemName, string>> = {
    "NetBSD": `route: writing to routing socket: ${why}\n`,
    "DragonFly BSD": `route: writing to routing socket: ${errorText(errno)}\n`,
  };
  return { status: 1, stdout: `${line(wish)}${fib}: ${why}\n`, stderr: told[system] ?? "" };
}

function readWish(machine: BsdMachine, args: readonly string[]): Wish {
  const words = [...args];
  while (words[0] === "-n" || words[0] === "-q") words.shift();
  const command = words.shift();
  if (command !== "add" && command !== "delete") throw usage(`bad keyword: ${command}`);
  let [text, gateway]: (string | undefined)[] = [];
  let length: number | undefined;
  let action: Wish["action"] = "send";
  let [isInet6, isInterface] = [false, false];
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === "-inet6") isInet6 = true;
    else if (word === "-interface" || word === "-iface") isInterface = true;
    else if (word === "-reject") action = "reject";
    else if (word === "-blackhole") action = "discard";
    else if (word === "-prefixlen") {
      if (text === undefined) throw usage("-prefixlen must follow destination parameter");
      length = Number(words.shift());
    } else if (word.startsWith("-")) throw usage(`bad keyword: ${word}`);
    else if (text === undefined) text = word;
    else {
      gateway = word;
      // By then FreeBSD and DragonFly BSD must know that it is an interface. getaddr()
      if (!isInterface && parseAddress(splitZone(word).address) === undefined) {
        throw badGateway(word);
      }
    }
  }
  if (text === undefined || !isInet6) throw usage("missing destination specification");
  return wish(machine, { command, text, gateway, length, isInterface, action });
}

function wish(
  machine: BsdMachine,
  given: Omit<Wish, "destination" | "length"> & { readonly length: number | undefined },
): Wish {
  const { command, text, gateway } = given;
  if (command === "add" && gateway === undefined) throw usage("missing gateway specification");
  const [typed, slash] = text === "default" ? ["::", "0"] : text.split("/");
  const bytes = parseAddress(typed!);
  if (bytes?.length !== 16) throw new Exit(1, `route: ${text}: bad value\n`);
  const length = given.length ??
    (slash === undefined ? impliedLength(machine, bytes) : Number(slash));
  return { ...given, length, destination: masked(bytes, length) };
}

/** inet6_makenetandmask(): 64 for a global prefix without host bits on NetBSD and DragonFly BSD. */
function impliedLength({ name }: BsdMachine, bytes: Uint8Array): number {
  if (bytes.every((byte) => byte === 0)) return 0;
  const guesses = name === "NetBSD" || name === "DragonFly BSD";
  const isPrefix = (bytes[0]! & 0xe0) === 0x20 && bytes.slice(8).every((byte) => byte === 0);
  return guesses && isPrefix ? 64 : 128;
}

/** RTM_ADD. @returns 0 or an errno */
function add(
  machine: BsdMachine,
  { destination, length, gateway, isInterface, action }: Wish,
): number {
  const { world } = machine;
  const through = gatewayLink(machine, gateway!, isInterface);
  if (through === undefined) return ENETUNREACH;
  if (world.routesTo({ bytes: destination, length }).length > 0) return EEXIST;
  const bytes = isInterface ? undefined : parseAddress(splitZone(gateway!).address)!;
  world.addRoute({
    destination,
    length,
    link: action === "send" ? through : undefined,
    metric: 0,
    action,
    origin: "static",
    ...(bytes === undefined ? {} : { gateway: bytes }),
  });
  machine.tell("RTM_ADD");
  return 0;
}

/** The interface that a gateway leads to: rt_getifa() and what route(8) makes of its argument. */
function gatewayLink(
  machine: BsdMachine,
  gateway: string,
  isInterface: boolean,
): PaperLink | undefined {
  const { world, name } = machine;
  const { address, zone } = splitZone(gateway);
  const bytes = parseAddress(address);
  if (bytes === undefined) return named(machine, gateway);
  if (!isInterface) {
    const route = world.routeFor(bytes);
    return zone === undefined ? route?.link : world.link(zone);
  }
  // FreeBSD and DragonFly BSD look for an interface of this name; the others for the address.
  if (name === "FreeBSD") throw noInterface(gateway);
  const owner = zone === undefined ? undefined : world.link(zone);
  const candidates = owner === undefined ? world.links : [owner];
  return candidates.find((link) => link.addresses.some((it) => equal(it.bytes, bytes)));
}

/** OpenBSD's and NetBSD's getaddr() know no interface by its name. */
function named(machine: BsdMachine, name: string): PaperLink | undefined {
  const link = machine.world.link(name);
  switch (machine.name) {
    case "FreeBSD":
      if (link === undefined) throw noInterface(name);
      return link;
    case "DragonFly BSD":
      if (link === undefined) throw new Exit(1, `${name}: bad value\n`);
      return link;
    case "OpenBSD":
      throw new Exit(1, `route: ${name}: no address associated with name\n`);
    case "NetBSD":
      throw new Exit(1, `route: ${name}: bad value\n`);
  }
}

/** RTM_DELETE. @returns 0 or an errno */
function take(machine: BsdMachine, { destination, length }: Wish): number {
  const { world } = machine;
  const found = world.routesTo({ bytes: destination, length })[0];
  if (found === undefined) return ESRCH;
  world.removeRoute(found);
  machine.tell("RTM_DELETE");
  return 0;
}

const usage = (text: string) => new Exit(EX_USAGE, `route: ${text}\n`);
const badGateway = (text: string) => new Exit(1, `route: ${text}: bad value\n`);
const noInterface = (name: string) =>
  new Exit(EX_DATAERR, `route: interface '${name}' does not exist\n`);
