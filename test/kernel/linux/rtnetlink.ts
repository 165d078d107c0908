import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EADDRNOTAVAIL,
  EEXIST,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  ESRCH,
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFF_UP,
  IFINFOMSG_CHANGE_AT,
  IFINFOMSG_FLAGS_AT,
  IFINFOMSG_INDEX_AT,
  IFLA_AF_SPEC,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INET6_CONF,
  IFLA_MTU,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTM_SETLINK,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_PROTOCOL_AT,
  RTMSG_TABLE_AT,
  RTMSG_TYPE_AT,
  RTN_BLACKHOLE,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
  RTPROT_RA,
  RTPROT_STATIC,
  SIZEOF_IFADDRMSG,
  SIZEOF_IFINFOMSG,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import {
  attribute,
  cString,
  message,
  readAttributes,
  readString,
  readU32,
  u32,
  viewOf,
} from "#src/datapath/linux/netlink/message.ts";
import { Errno, unknown } from "../errno.ts";
import type { PaperKernel } from "../kernel.ts";
import { equal } from "../lists.ts";
import type { PaperLink, PaperRoute } from "../world.ts";
import { setUpFlags } from "./links.ts";

export interface Request {
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Behind the nlmsghdr. */
  readonly body: Uint8Array;
}

export interface Answer {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Of two routes of one prefix the kernel takes the lower; what it gives those that name none. */
const DEFAULT_METRIC = 1024;
/** Of the route that comes with an address. */
export const PREFIX_METRIC = 256;

const PROTOCOLS = {
  kernel: RTPROT_KERNEL,
  boot: RTPROT_BOOT,
  static: RTPROT_STATIC,
  advertisement: RTPROT_RA,
};
const TYPES = { send: RTN_UNICAST, reject: RTN_UNREACHABLE, discard: RTN_BLACKHOLE };

/** Answers, or makes a change, as the kernel's rtnetlink does. @throws Errno */
export function answersTo(kernel: PaperKernel, request: Request): Answer[] {
  const asks = request.flags & ~NLM_F_REQUEST;
  const about = `${request.type} with flags 0x${request.flags.toString(16)}`;
  if (asks === NLM_F_DUMP) return listOf(kernel, request) ?? unknown(`the list ${about}`);
  if ((asks & NLM_F_ACK) === 0) unknown(`the message ${about} without acknowledgement`);
  const ask = QUESTIONS[request.type];
  if (ask !== undefined && (asks & ~NLM_F_ACK) === 0) return [ask(kernel, request)];
  kernel.needPrivilege();
  const change = CHANGES[request.type] ?? unknown(`the message ${about}`);
  if ((asks & ~NLM_F_ACK) !== change.flags) unknown(`the message ${about}`);
  change.make(kernel, request);
  return [];
}

function listOf({ world }: PaperKernel, { type, body }: Request): Answer[] | undefined {
  const expect = (length: number, at: number, value: number) => {
    if (body.length !== length || body[at] !== value) unknown(`the body of the list ${type}`);
  };
  switch (type) {
    case RTM_GETLINK:
      expect(SIZEOF_IFINFOMSG, 0, AF_UNSPEC);
      return world.links.map(linkAnswer);
    case RTM_GETADDR:
      expect(SIZEOF_IFADDRMSG, IFADDRMSG_FAMILY_AT, AF_UNSPEC);
      return [4, 16].flatMap((size) => world.links.flatMap((it) => addressAnswers(it, size)));
    case RTM_GETROUTE:
      expect(SIZEOF_RTMSG, RTMSG_FAMILY_AT, AF_INET6);
      return world.routes.filter((it) => it.destination.length === 16).map(routeMessage);
    default:
      return undefined;
  }
}

function linkAnswer({ index, name, mtu, flags, queueLength }: PaperLink): Answer {
  const fields = [[IFINFOMSG_INDEX_AT, 4, index], [IFINFOMSG_FLAGS_AT, 4, flags]] as const;
  const attributes = [
    attribute(IFLA_IFNAME, cString(name)),
    attribute(IFLA_MTU, u32(mtu)),
    attribute(IFLA_TXQLEN, u32(queueLength)),
    // The variables of IPv6, of which none is set.
    attribute(IFLA_AF_SPEC, attribute(AF_INET6, attribute(IFLA_INET6_CONF, new Uint8Array(256)))),
  ];
  return { type: RTM_NEWLINK, body: message(SIZEOF_IFINFOMSG, fields, ...attributes) };
}

/** @param size of the addresses of one family, which are listed together */
function addressAnswers({ index, addresses }: PaperLink, size: number): Answer[] {
  const ofFamily = addresses.filter(({ bytes }) => bytes.length === size);
  return ofFamily.map(({ bytes, prefixLength, flags }) => ({
    type: RTM_NEWADDR,
    body: message(
      SIZEOF_IFADDRMSG,
      [
        [IFADDRMSG_FAMILY_AT, 1, bytes.length === 4 ? AF_INET : AF_INET6],
        [IFADDRMSG_PREFIXLEN_AT, 1, prefixLength],
        [IFADDRMSG_INDEX_AT, 4, index],
      ],
      attribute(IFA_ADDRESS, bytes),
      attribute(IFA_FLAGS, u32(flags)),
    ),
  }));
}

function routeMessage(route: PaperRoute): Answer {
  const { destination, length, link, metric, gateway } = route;
  const attributes = [
    attribute(RTA_TABLE, u32(RT_TABLE_MAIN)),
    attribute(RTA_PRIORITY, u32(metric)),
  ];
  if (length > 0) attributes.push(attribute(RTA_DST, destination));
  if (link !== undefined) attributes.push(attribute(RTA_OIF, u32(link.index)));
  if (gateway !== undefined) attributes.push(attribute(RTA_GATEWAY, gateway));
  const fields = [
    [RTMSG_FAMILY_AT, 1, AF_INET6],
    [RTMSG_DST_LEN_AT, 1, length],
    [RTMSG_TABLE_AT, 1, RT_TABLE_MAIN],
    [RTMSG_PROTOCOL_AT, 1, PROTOCOLS[route.origin]],
    [RTMSG_TYPE_AT, 1, TYPES[route.action]],
  ] as const;
  return { type: RTM_NEWROUTE, body: message(SIZEOF_RTMSG, fields, ...attributes) };
}

/** The route that a packet to one address would take. */
function routeAnswer({ world }: PaperKernel, { body }: Request): Answer {
  const attributes = readAttributes(body, SIZEOF_RTMSG);
  const destination = attributes.get(RTA_DST);
  const isKnown = body[RTMSG_DST_LEN_AT] === 128 && attributes.size === 1;
  if (!isKnown || destination?.length !== 16) return unknown("the question for a route");
  const route = world.routeFor(destination);
  if (route === undefined || route.action !== "send") throw new Errno(ENETUNREACH);
  return routeMessage({ ...route, destination, length: 128 });
}

/** The link of an index or a name. */
function linkQuestion({ world }: PaperKernel, { body }: Request): Answer {
  const attributes = readAttributes(body, SIZEOF_IFINFOMSG);
  const index = viewOf(body).getInt32(IFINFOMSG_INDEX_AT, true);
  const name = readString(attributes.get(IFLA_IFNAME));
  if ((index !== 0) === (name !== undefined)) return unknown("the question for a link");
  const link = world.link(name ?? index);
  if (link === undefined) throw new Errno(ENODEV);
  return linkAnswer(link);
}

/** An IPv6 address of an interface. */
function addressQuestion({ world }: PaperKernel, { body }: Request): Answer {
  const wanted = readAttributes(body, SIZEOF_IFADDRMSG).get(IFA_ADDRESS);
  if (body[IFADDRMSG_FAMILY_AT] !== AF_INET6 || wanted === undefined) {
    return unknown("the question for an address");
  }
  const link = world.link(viewOf(body).getUint32(IFADDRMSG_INDEX_AT, true));
  if (link === undefined) throw new Errno(ENODEV);
  const addresses = link.addresses.filter(({ bytes }) => equal(bytes, wanted));
  const [answer] = addressAnswers({ ...link, addresses }, 16);
  if (answer === undefined) throw new Errno(EADDRNOTAVAIL);
  return answer;
}

type Ask = (kernel: PaperKernel, request: Request) => Answer;

const QUESTIONS: Readonly<Record<number, Ask>> = {
  [RTM_GETLINK]: linkQuestion,
  [RTM_GETADDR]: addressQuestion,
  [RTM_GETROUTE]: routeAnswer,
};

interface Change {
  /** Besides NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  make(kernel: PaperKernel, request: Request): void;
}

const CHANGES: Readonly<Record<number, Change>> = {
  [RTM_SETLINK]: { flags: 0, make: setLink },
  [RTM_NEWADDR]: { flags: NLM_F_CREATE | NLM_F_REPLACE, make: addAddress },
  [RTM_NEWROUTE]: { flags: NLM_F_CREATE | NLM_F_EXCL, make: addRoute },
  [RTM_DELROUTE]: { flags: 0, make: deleteRoute },
};

function setLink({ world }: PaperKernel, { body }: Request): void {
  const view = viewOf(body);
  const link = world.link(view.getInt32(IFINFOMSG_INDEX_AT, true));
  if (link === undefined) throw new Errno(ENODEV);
  const change = view.getUint32(IFINFOMSG_CHANGE_AT, true);
  for (const [type, value] of readAttributes(body, SIZEOF_IFINFOMSG)) {
    if (type === IFLA_MTU) link.mtu = readU32(value)!;
    else if (type === IFLA_TXQLEN) link.queueLength = readU32(value)!;
    else if (type === IFLA_AF_SPEC) expectNoAddresses(value);
    else unknown(`attribute ${type} of RTM_SETLINK`);
  }
  const flags = view.getUint32(IFINFOMSG_FLAGS_AT, true);
  setUpFlags(world, link, (link.flags & ~change) | (flags & change));
}

function expectNoAddresses(families: Uint8Array): void {
  const ipv6 = readAttributes(families, 0).get(AF_INET6) ?? new Uint8Array(0);
  const mode = readAttributes(ipv6, 0).get(IFLA_INET6_ADDR_GEN_MODE);
  if (mode?.length !== 1) throw new Errno(EINVAL);
  if (mode[0] !== IN6_ADDR_GEN_MODE_NONE) unknown(`IFLA_INET6_ADDR_GEN_MODE ${mode[0]}`);
}

function addAddress({ world }: PaperKernel, { body }: Request): void {
  const view = viewOf(body);
  const link = world.link(view.getUint32(IFADDRMSG_INDEX_AT, true));
  if (link === undefined) throw new Errno(ENODEV);
  const attributes = readAttributes(body, SIZEOF_IFADDRMSG);
  const bytes = attributes.get(IFA_ADDRESS)?.slice();
  const isKnown = attributes.size === 2 && body[IFADDRMSG_FAMILY_AT] === AF_INET6 &&
    bytes?.length === 16 && readU32(attributes.get(IFA_FLAGS)) === IFA_F_NODAD;
  if (!isKnown) return unknown("an address with attributes of other kinds");
  const prefixLength = body[IFADDRMSG_PREFIXLEN_AT]!;
  const flags = IFA_F_NODAD | IFA_F_PERMANENT;
  world.addAddress(link, { bytes, prefixLength, flags }, PREFIX_METRIC);
}

function addRoute({ world }: PaperKernel, { body }: Request): void {
  const { link, destination, length, metric = DEFAULT_METRIC } = routeIn(world, body);
  const isThere = world.routesTo({ bytes: destination, length })
    .some((it) => it.metric === metric);
  if (isThere) throw new Errno(EEXIST);
  if ((link.flags & IFF_UP) === 0) throw new Errno(ENETDOWN);
  world.addRoute({ destination, length, link, metric, action: "send", origin: "boot" });
}

function deleteRoute({ world }: PaperKernel, { body }: Request): void {
  const { link, destination, length } = routeIn(world, body);
  const found = world.routesTo({ bytes: destination, length }).find((it) => it.link === link);
  if (found === undefined) throw new Errno(ESRCH);
  world.removeRoute(found);
}

function routeIn(world: PaperKernel["world"], body: Uint8Array) {
  const attributes = readAttributes(body, SIZEOF_RTMSG);
  const destination = attributes.get(RTA_DST)?.slice();
  const index = readU32(attributes.get(RTA_OIF));
  const metric = readU32(attributes.get(RTA_PRIORITY));
  const size = metric === undefined ? 2 : 3;
  const isKnown = attributes.size === size && destination?.length === 16 && index !== undefined &&
    body[RTMSG_FAMILY_AT] === AF_INET6 && body[RTMSG_TABLE_AT] === RT_TABLE_MAIN &&
    body[RTMSG_PROTOCOL_AT] === RTPROT_BOOT && body[RTMSG_TYPE_AT] === RTN_UNICAST;
  if (!isKnown) return unknown("a route of another kind");
  const link = world.link(index);
  if (link === undefined) throw new Errno(ENODEV);
  return { link, destination, length: body[RTMSG_DST_LEN_AT]!, metric };
}
