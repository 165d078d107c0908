import type { FunctionName } from "#ffi/libc.ts";
import {
  POLLERR,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLFD_REVENTS_AT,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  SIZEOF_POLLFD,
} from "#ffi/posix.ts";
import type { Layout } from "#ffi/layout.ts";
import { type Descriptors, kindOfPath, kindOfSocket } from "./descriptors.ts";
import { dataText, messageText, nameText } from "./describe_data.ts";
import type { Memory } from "./memory.ts";
import { pieces } from "./messages.ts";
import { concat } from "./lists.ts";
import {
  flagsText,
  nameOfNumber,
  SOCKET_PROTOCOLS,
  SOCKET_TYPES,
  type Vocabulary,
} from "./vocabulary.ts";

/** What is needed to read a call. */
export interface Reader {
  readonly layout: Layout;
  readonly words: Vocabulary;
  readonly memory: Memory;
  readonly descriptors: Descriptors;
}

/** A call as text: what it was given, and, once it succeeded, what it answered. */
export interface Description {
  readonly given: string;
  /** Default: the result, as a number. */
  answer?(result: number): string;
}

type Describe = (reader: Reader, ...args: number[]) => Description;

const POLL_EVENTS = { IN: POLLIN, OUT: POLLOUT, ERR: POLLERR, HUP: POLLHUP, NVAL: POLLNVAL };

const fdText = ({ descriptors }: Reader, fd: number) => fd < 0 ? "none" : descriptors.nameOf(fd);
const plain: Describe = (_, ...args) => ({ given: args.join(", ") });
const onFd: Describe = (reader, fd, ...args) => ({
  given: [fdText(reader, fd!), ...args].join(", "),
});
const text: Describe = ({ memory }, at) => ({ given: JSON.stringify(memory.string(at!)) });

/** Reads calls by their names; those that are not here are written as they were given. */
const CALLS: Partial<Record<FunctionName, Describe>> = {
  open: ({ memory, words, descriptors }, path, flags) => {
    const name = memory.string(path!);
    return {
      given: `${JSON.stringify(name)}, ${flagsText(words.openFlags, flags!, "O_RDONLY")}`,
      answer: (fd) => descriptors.opened(fd, kindOfPath(name)),
    };
  },
  close: (reader, fd) => ({
    given: fdText(reader, fd!),
    answer: (result) => {
      reader.descriptors.closed(fd!);
      return String(result);
    },
  }),
  read: (reader, fd, at) => ({
    given: fdText(reader, fd!),
    answer: (length) => dataText(reader, fd!, reader.memory.view(at!, length)),
  }),
  write: (reader, fd, at, length) => ({
    given: `${fdText(reader, fd!)}, ${dataText(reader, fd!, reader.memory.view(at!, length!))}`,
  }),
  writev: (reader, fd, at, count) => {
    const bytes = concat(...pieces(reader.memory, at!, count!));
    return { given: `${fdText(reader, fd!)}, ${count} pieces, ${dataText(reader, fd!, bytes)}` };
  },
  ioctl: describeIoctl,
  poll: (reader, fds, count, timeout) => ({
    given: `${pollText(reader, fds!, count!, POLLFD_EVENTS_AT)}, ${timeout}`,
    answer: () => pollText(reader, fds!, count!, POLLFD_REVENTS_AT),
  }),
  pipe2: ({ memory, descriptors, words }, at, flags) => ({
    given: flagsText(words.openFlags, flags!),
    answer: () =>
      [0, 4].map((end) => descriptors.opened(memory.i32(at! + end), end === 0 ? "wake" : "waker"))
        .join(", "),
  }),
  socket: ({ layout, words, descriptors }, domain, type, protocol) => {
    const flags = type! & (layout.SOCK_NONBLOCK | layout.SOCK_CLOEXEC);
    const plainType = nameOfNumber(SOCKET_TYPES, type! & ~flags);
    return {
      given: [
        nameOfNumber(words.domains, domain!),
        flags === 0 ? plainType : `${plainType}|${flagsText(words.socketFlags, flags)}`,
        nameOfNumber(SOCKET_PROTOCOLS, protocol!),
      ].join(", "),
      answer: (fd) =>
        descriptors.opened(fd, kindOfSocket(layout, words, domain!, type!, protocol!)),
    };
  },
  bind: (reader, fd, at, length) => ({
    given: `${fdText(reader, fd!)}, ${nameText(reader, reader.memory.view(at!, length!))}`,
  }),
  connect: (reader, fd, at, length) => ({
    given: `${fdText(reader, fd!)}, ${nameText(reader, reader.memory.view(at!, length!))}`,
  }),
  getsockname: (reader, fd, at, lengthAt) => ({
    given: fdText(reader, fd!),
    answer: () => nameText(reader, reader.memory.view(at!, reader.memory.u32(lengthAt!))),
  }),
  setsockopt: (reader, fd, level, name, at, length) => {
    const value = reader.memory.view(at!, length!);
    return {
      given: `${fdText(reader, fd!)}, ${optionText(reader, level!, name!)}, ${
        optionValueText(reader, level!, name!, value)
      }`,
    };
  },
  getsockopt: (reader, fd, level, name, at, lengthAt) => ({
    given: `${fdText(reader, fd!)}, ${optionText(reader, level!, name!)}`,
    answer: () => {
      const value = reader.memory.view(at!, reader.memory.u32(lengthAt!));
      return optionValueText(reader, level!, name!, value);
    },
  }),
  recv: (reader, fd, at, length, flags) => ({
    given: `${fdText(reader, fd!)}, ${flagsText(reader.words.messageFlags, flags!)}`,
    answer: (got) => dataText(reader, fd!, reader.memory.view(at!, Math.min(got, length!))),
  }),
  sendto: (reader, fd, at, length, flags, name, nameLength) => {
    const to = name === 0 ? "" : `to ${nameText(reader, reader.memory.view(name!, nameLength!))}, `;
    const data = dataText(reader, fd!, reader.memory.view(at!, length!));
    return {
      given: `${fdText(reader, fd!)}, ${to}${data}, ${
        flagsText(reader.words.messageFlags, flags!)
      }`,
    };
  },
  sendmsg: (reader, fd, header, flags) => ({
    given: `${fdText(reader, fd!)}, ${messageText(reader, fd!, header!)}, ${
      flagsText(reader.words.messageFlags, flags!)
    }`,
  }),
  sendmmsg: (reader, fd, headers, count, flags) => {
    const messages = Array.from(
      { length: count! },
      (_, i) => messageText(reader, fd!, headers! + i * reader.layout.SIZEOF_MMSGHDR),
    );
    return {
      given: `${fdText(reader, fd!)}, ${messages.join(" ")}, ${
        flagsText(reader.words.messageFlags, flags!)
      }`,
    };
  },
  recvmsg: (reader, fd, header, flags) => ({
    given: `${fdText(reader, fd!)}, ${flagsText(reader.words.messageFlags, flags!)}`,
    answer: (length) => receivedText(reader, fd!, header!, length),
  }),
  recvmmsg: (reader, fd, headers, count, flags) => ({
    given: `${fdText(reader, fd!)}, ${count}, ${flagsText(reader.words.messageFlags, flags!)}`,
    answer: (got) =>
      Array.from({ length: got }, (_, i) => {
        const header = headers! + i * reader.layout.SIZEOF_MMSGHDR;
        const length = reader.memory.u32(header + reader.layout.MMSGHDR_LEN_AT);
        return receivedText(reader, fd!, header, length);
      }).join(" "),
  }),
  // Indexes are a kernel's own: only whether there is one can be compared.
  if_nametoindex: (reader, name) => ({
    ...text(reader, name!),
    answer: (index) => index === 0 ? "none" : "an index",
  }),
  if_indextoname: ({ memory }, _, name) => ({
    given: "an index",
    answer: (result) => result === 0 ? "none" : JSON.stringify(memory.string(name!)),
  }),
  setgroups: ({ memory }, count, at) => ({
    given: `[${Array.from({ length: count! }, (_, i) => memory.u32(at! + 4 * i)).join(", ")}]`,
  }),
  sysctl: ({ memory }, name, count, _old, _oldLength, next, nextLength) => ({
    given: Array.from({ length: count! }, (_, i) => memory.i32(name! + 4 * i)).join(".") +
      (next === 0 ? "" : `, ${memory.view(next!, nextLength!).toHex()}`),
  }),
  chroot: text,
  chdir: text,
  flock: onFd,
  ftruncate: onFd,
};

/** @throws Errno EFAULT when an argument leads to no memory */
export function describe(reader: Reader, name: FunctionName, args: number[]): Description {
  return (CALLS[name] ?? plain)(reader, ...args);
}

function describeIoctl(reader: Reader, ...args: number[]): Description {
  const [fd, request, argument] = args as [number, number, number];
  const words = reader.words.requests.find((it) => it.request === request >>> 0);
  const about = `${fdText(reader, fd)}, ${words?.text ?? `0x${(request >>> 0).toString(16)}`}`;
  if (words === undefined || words.size === 0) return { given: `${about}, ${argument}` };
  const bytes = () => reader.memory.view(argument, words.size);
  const given = words.before?.(bytes()) ?? String(reader.memory.i32(argument));
  return {
    given: given === "" ? about : `${about}, ${given}`,
    answer: (result) => words.after?.(bytes()) ?? String(result),
  };
}

function pollText(reader: Reader, fds: number, count: number, eventsAt: number): string {
  const entries = Array.from({ length: count }, (_, i) => {
    const view = reader.memory.dataView(fds + i * SIZEOF_POLLFD, SIZEOF_POLLFD);
    const events = view.getUint16(eventsAt, true);
    if (events === 0) return "";
    const fd = view.getInt32(POLLFD_FD_AT, true);
    return `${fdText(reader, fd)} ${flagsText(POLL_EVENTS, events)}`;
  });
  return `{${entries.filter((it) => it !== "").join(", ")}}`;
}

function optionText({ words }: Reader, level: number, name: number): string {
  const known = words.options.find((it) => it.level === level && it.name === name);
  return known?.text ?? `${level}:${name}`;
}

function optionValueText(
  { words }: Reader,
  level: number,
  name: number,
  value: Uint8Array<ArrayBuffer>,
): string {
  const known = words.options.find((it) => it.level === level && it.name === name);
  if (known?.value !== undefined) return known.value(value);
  return value.length === 4 ? String(new Int32Array(value.slice().buffer)[0]) : value.toHex();
}

function receivedText(reader: Reader, fd: number, header: number, length: number): string {
  const flags = reader.memory.u32(header + reader.layout.MSGHDR_FLAGS_AT);
  const message = messageText(reader, fd, header, length);
  return flags === 0 ? message : `${message} flags ${flags}`;
}
