import { Arena } from "#ffi/arena.ts";
import { Routes } from "#src/datapath/bsd/routing/socket.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Errno } from "../../errno.ts";
import { runCommand, typeAsRoot } from "../commands.ts";
import type { Device } from "../device.ts";
import { HOSTS } from "../hosts.ts";
import type { BsdMachine } from "../machine.ts";
import { BsdProcess } from "../process.ts";
import { RouteSocket } from "../route_socket.ts";
import { type } from "../rules.ts";
import type { Statement } from "./statement.ts";

const ADD = "route -n add -inet6 2001::/32 2001:db8::1";
const DELETE = "route -n delete -inet6 2001::/32";
const OPENBSD_DELETE = "route -n delete -inet6 2001:: -prefixlen 32";
const CLIENT = parseIpv6("2001:0:4::7")!;

const deletion = ({ machine }: Device) => machine.name === "OpenBSD" ? OPENBSD_DELETE : DELETE;
const said = (device: Device, line: string) => {
  const { stdout, stderr } = typeAsRoot(device.machine, line);
  return stdout + stderr;
};

/** The interface of the best route to a client, `rejects`, or undefined. */
function wayTo({ machine }: Device): string | undefined {
  const { libc } = new BsdProcess(machine);
  const route = new Routes(libc, new Arena(libc, 4_096)).to(CLIENT);
  return route?.rejects === true ? "rejects" : route?.interfaceName;
}

/** Types of the messages that wait in a routing socket. */
function heard(socket: RouteSocket): number[] {
  const types: number[] = [];
  for (;;) {
    try {
      types.push(socket.receive().data[3]!);
    } catch {
      return types;
    }
  }
}

/** RTM_GET for the route to a client, as the program asks. @returns errno, or 0 */
function ask(machine: BsdMachine, socket: RouteSocket): number {
  const { rtm, AF_INET6 } = machine.numbers;
  const message = new Uint8Array(rtm.size + 32);
  const view = new DataView(message.buffer);
  view.setUint16(0, message.length, true);
  message.set([rtm.version, 4], 2); // RTM_GET
  if (rtm.hdrlenAt !== undefined) view.setUint16(rtm.hdrlenAt, rtm.size, true);
  view.setInt32(rtm.addrsAt, 1, true); // RTA_DST
  message.set([28, AF_INET6, 0, 0, 0, 0, 0, 0, ...CLIENT], rtm.size);
  try {
    socket.write(message);
    return 0;
  } catch (error) {
    if (error instanceof Errno) return error.errno;
    throw error;
  }
}

const ESRCH = 3;
const RTM_GET = 4;
const WITHOUT_ROUTES = { gateways: [] };

/** What changes, what an operator types, and the message that tells of it. */
const TOLD = [
  ["an interface that goes up or down", "ifconfig wan0 down", "RTM_IFINFO"],
  ["a new address", "ifconfig wan0 inet6 2001:db8::77 prefixlen 64", "RTM_NEWADDR"],
  ["an address that goes", "ifconfig wan0 inet6 2001:db8::53 -alias", "RTM_DELADDR"],
  ["an interface that comes", "ifconfig tun3 create", "RTM_IFANNOUNCE"],
] as const;

export const ROUTE: readonly Statement[] = [
  {
    page: "route(4)",
    says: "A route that is there cannot be added again: EEXIST",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION; route_strerror() of FreeBSD's route(8)",
    play: (device) => [
      type(device, ADD),
      /File exists|already in table/.test(said(device, ADD)),
      type(device, ADD),
    ],
    want: [0, true, 1],
  },
  {
    page: "route(4)",
    says: "A route that is not there cannot be deleted: ESRCH",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION; rtmsg() of route(8)",
    play: (device) => [/not in table/.test(said(device, deletion(device)))],
    want: [true],
  },
  {
    page: "route(4)",
    says: "Only the superuser changes routes",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION",
    play: ({ machine }) => {
      const process = new BsdProcess(machine);
      process.dropPrivileges();
      const before = machine.world.routes.length;
      const { status } = runCommand(machine, process.kernel, `/sbin/${ADD}`.split(" "));
      return [status !== 0, machine.world.routes.length - before];
    },
    want: [true, 0],
  },
  {
    page: "route(4)",
    says: "The route with the longest prefix is taken, a default route when there is no other",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION",
    play: (device) => {
      const { world } = device.machine;
      const link = world.addLink("gif0", 1_280, 1);
      const add = (prefix: string, length: number, to: typeof link | undefined) =>
        world.addRoute({
          destination: parseIpv6(prefix)!,
          length,
          link: to,
          metric: 0,
          action: to === undefined ? "reject" : "send",
          origin: "static",
        });
      const ways = [wayTo(device)];
      add("2001::", 32, link);
      ways.push(wayTo(device));
      add("2001:0:4::", 48, undefined);
      ways.push(wayTo(device));
      return ways;
    },
    want: ["wan0", "gif0", "rejects"],
  },
  {
    page: "route(4)",
    says: "A destination that no route has is not reached",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION",
    options: WITHOUT_ROUTES,
    play: (device) => [wayTo(device)],
    want: [undefined],
  },
  {
    page: "route(4)",
    says: "RTM_GET is answered to who asked, and copies go to all that listen",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION",
    play: ({ machine }) => {
      const [one, other] = [new RouteSocket(machine), new RouteSocket(machine)];
      return [ask(machine, one), heard(one).includes(RTM_GET), heard(other).includes(RTM_GET)];
    },
    want: [0, true, true],
  },
  {
    page: "route(4)",
    says: "A refusal is errno, and stands in the message that comes back: rtm_errno",
    hosts: HOSTS,
    source: "route(4) DESCRIPTION",
    options: WITHOUT_ROUTES,
    play: ({ machine }) => {
      const socket = new RouteSocket(machine);
      const errno = ask(machine, socket);
      socket.receive(); // what others do
      const { data } = socket.receive();
      const { rtm } = machine.numbers;
      return [errno, new DataView(data.slice().buffer).getInt32(rtm.errnoAt, true)];
    },
    want: [ESRCH, ESRCH],
  },
  ...TOLD.map(([what, line, message]): Statement => ({
    page: "route(4)",
    says: `${message} tells all that listen of ${what}`,
    hosts: HOSTS,
    source: "route(4) DESCRIPTION, messages",
    play: (device) => {
      const { machine } = device;
      const socket = new RouteSocket(machine);
      const status = type(device, line);
      return [status, heard(socket).includes(machine.numbers.types[message])];
    },
    want: [0, true],
  })),
];
