import type { FunctionName } from "#ffi/libc.ts";
import {
  EINVAL,
  IFNAMSIZ,
  POLLERR,
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLFD_REVENTS_AT,
  POLLHUP,
  POLLNVAL,
  SIZEOF_POLLFD,
} from "#ffi/posix.ts";
import { Errno, unknown } from "./errno.ts";
import type { PaperFile } from "./file.ts";
import type { PaperKernel } from "./kernel.ts";
import { concat } from "./lists.ts";
import { pieces, readMessage, scatter, writeMessage } from "./messages.ts";

/** A function of libc: numbers in, a number out; a failure is an Errno thrown. */
type Call = (...args: number[]) => number;

/** What libc does with a paper kernel: reads arguments from memory, writes answers to it. */
export function callsTo(kernel: PaperKernel): Record<FunctionName, Call> {
  return { ...filesOf(kernel), ...socketsOf(kernel), ...messagesOf(kernel), ...processOf(kernel) };
}

const unknownCall = (name: FunctionName): Call => (...args) =>
  unknown(`${name}(${args.join(", ")})`);

function filesOf(kernel: PaperKernel) {
  const { memory } = kernel;
  return {
    open: (path, flags) => kernel.openPath(memory.string(path!), flags!),
    close: (fd) => {
      kernel.close(fd!);
      return 0;
    },
    read: (fd, at, capacity) => {
      const bytes = kernel.file(fd!).read(capacity!);
      memory.view(at!, bytes.length).set(bytes);
      return bytes.length;
    },
    write: (fd, at, length) => kernel.file(fd!).write(memory.view(at!, length!).slice()),
    writev: (fd, at, count) => kernel.file(fd!).write(concat(...pieces(memory, at!, count!))),
    ioctl: (fd, request, argument) => kernel.file(fd!).ioctl(request! >>> 0, argument!),
    poll: (fds, count, timeout) => poll(kernel, fds!, count!, timeout!),
    pipe2: (at, flags) => {
      const ends = kernel.pipe(flags!);
      const view = memory.dataView(at!, 8);
      ends.forEach((fd, i) => view.setInt32(4 * i, fd, true));
      return 0;
    },
    dup: unknownCall("dup"),
    fcntl: unknownCall("fcntl"),
    flock: unknownCall("flock"),
    mmap: unknownCall("mmap"),
    ftruncate: unknownCall("ftruncate"),
  } satisfies Partial<Record<FunctionName, Call>>;
}

function socketsOf(kernel: PaperKernel) {
  const { memory } = kernel;
  return {
    socket: (domain, type, protocol) => kernel.socket(domain!, type!, protocol!),
    bind: (fd, at, length) => {
      kernel.file(fd!).bind(memory.view(at!, length!).slice());
      return 0;
    },
    connect: (fd, at, length) => {
      kernel.file(fd!).connect(memory.view(at!, length!).slice());
      return 0;
    },
    getsockname: (fd, at, lengthAt) => giveBack(kernel, at!, lengthAt!, kernel.file(fd!).name()),
    setsockopt: (fd, level, name, at, length) => {
      kernel.file(fd!).setOption(level!, name!, memory.view(at!, length!).slice());
      return 0;
    },
    getsockopt: (fd, level, name, at, lengthAt) =>
      giveBack(kernel, at!, lengthAt!, kernel.file(fd!).getOption(level!, name!)),
  } satisfies Partial<Record<FunctionName, Call>>;
}

function messagesOf(kernel: PaperKernel) {
  const { memory, system } = kernel;
  const { layout } = system;
  const sendFlags = layout.MSG_DONTWAIT | layout.MSG_NOSIGNAL;
  const receiveFlags = layout.MSG_DONTWAIT | system.receiveFlags;
  const receiveOne = (fd: number, header: number, given: number) => {
    const message = receive(kernel, kernel.file(fd), given);
    const { length, cut } = writeMessage(memory, layout, header, message);
    const flags = (cut.data ? system.MSG_TRUNC : 0) | (cut.control ? system.MSG_CTRUNC : 0);
    memory.dataView(header + layout.MSGHDR_FLAGS_AT, 4).setInt32(0, flags, true);
    return length;
  };
  const sendOne = (fd: number, header: number) =>
    kernel.file(fd).send(readMessage(memory, layout, header));
  /** Stops at the first that fails, whose error only counts when it is the very first. */
  const each = (
    one: typeof receiveOne,
    fd: number,
    headers: number,
    count: number,
    flags: number,
  ) => {
    for (let i = 0; i < count; i++) {
      const header = headers + i * layout.SIZEOF_MMSGHDR;
      try {
        const length = one(fd, header, flags);
        memory.dataView(header + layout.MMSGHDR_LEN_AT, 4).setUint32(0, length, true);
      } catch (error) {
        if (i > 0 && error instanceof Errno) return i;
        throw error;
      }
    }
    return count;
  };
  return {
    recv: (fd, at, length, flags) => {
      expectFlags("recv", flags!, receiveFlags);
      const { data } = receive(kernel, kernel.file(fd!), flags!);
      const taken = scatter([memory.view(at!, length!)], data);
      return (flags! & system.MSG_TRUNC) !== 0 ? data.length : taken;
    },
    sendto: (fd, at, length, flags, name, nameLength) => {
      expectFlags("sendto", flags!, sendFlags);
      return kernel.file(fd!).send({
        data: memory.view(at!, length!).slice(),
        name: name === 0 ? undefined : memory.view(name!, nameLength!).slice(),
        control: [],
      });
    },
    recvmsg: (fd, header, flags) => {
      expectFlags("recvmsg", flags!, receiveFlags);
      return receiveOne(fd!, header!, flags!);
    },
    sendmsg: (fd, header, flags) => {
      expectFlags("sendmsg", flags!, sendFlags);
      return sendOne(fd!, header!);
    },
    recvmmsg: (fd, headers, count, flags, timeout) => {
      expectFlags("recvmmsg", flags!, receiveFlags);
      if (timeout !== 0) unknown("recvmmsg with a timeout");
      return each(receiveOne, fd!, headers!, count!, flags!);
    },
    sendmmsg: (fd, headers, count, flags) => {
      expectFlags("sendmmsg", flags!, sendFlags);
      return each(sendOne, fd!, headers!, count!, flags!);
    },
  } satisfies Partial<Record<FunctionName, Call>>;
}

function processOf(kernel: PaperKernel) {
  const { memory, world } = kernel;
  const text = (at: number) => at === 0 ? undefined : memory.string(at);
  return {
    if_nametoindex: (name) => world.link(memory.string(name!))?.index ?? 0,
    if_indextoname: (index, at) => {
      const link = world.link(index!);
      if (link === undefined) return 0;
      const bytes = memory.view(at!, IFNAMSIZ).fill(0);
      new TextEncoder().encodeInto(link.name, bytes.subarray(0, IFNAMSIZ - 1));
      return at!;
    },
    setgroups: (count, at) => {
      kernel.needPrivilege();
      kernel.identity.groups = Array.from({ length: count! }, (_, i) => memory.u32(at! + 4 * i));
      return 0;
    },
    setgid: (gid) => {
      kernel.setGroup(gid!);
      return 0;
    },
    setuid: (uid) => {
      kernel.setUser(uid!);
      return 0;
    },
    chroot: (path) => {
      kernel.needPrivilege();
      kernel.identity.root = memory.string(path!);
      return 0;
    },
    chdir: (path) => {
      kernel.identity.folder = memory.string(path!);
      return 0;
    },
    syscall: unknownCall("syscall"),
    prctl: unknownCall("prctl"),
    capset: unknownCall("capset"),
    getpeereid: unknownCall("getpeereid"),
    unveil: (path, permissions) => kernel.unveil(text(path!), text(permissions!)),
    sysctl: (name, count, old, oldLength, next, nextLength) => {
      const numbers = Array.from({ length: count! }, (_, i) => memory.i32(name! + 4 * i));
      const value = next === 0 ? undefined : memory.view(next!, nextLength!).slice();
      const now = kernel.system.sysctl?.(kernel, numbers, value) ??
        unknown(`sysctl ${numbers.join(".")}`);
      if (oldLength === 0) return 0;
      const length = memory.dataView(oldLength!, 8);
      if (length.getUint32(0, true) < now.length) throw new Errno(EINVAL);
      memory.view(old!, now.length).set(now);
      length.setUint32(0, now.length, true);
      return 0;
    },
    openlog: () => 0,
    syslog: () => 0,
    signal: () => 0,
  } satisfies Partial<Record<FunctionName, Call>>;
}

function poll(kernel: PaperKernel, fds: number, count: number, timeout: number): number {
  let ready = 0;
  for (let i = 0; i < count; i++) {
    const view = kernel.memory.dataView(fds + i * SIZEOF_POLLFD, SIZEOF_POLLFD);
    const wanted = view.getUint16(POLLFD_EVENTS_AT, true) | POLLERR | POLLHUP;
    const events = readyOf(kernel, view.getInt32(POLLFD_FD_AT, true), wanted);
    view.setUint16(POLLFD_REVENTS_AT, events, true);
    if (events !== 0) ready += 1;
  }
  // Nobody else is there to make anything ready meanwhile.
  if (ready === 0 && timeout < 0) return unknown("a poll that nothing would end");
  return ready;
}

/** A negative descriptor is passed over. */
function readyOf(kernel: PaperKernel, fd: number, wanted: number): number {
  if (fd < 0) return 0;
  const file = kernel.open.get(fd);
  return file === undefined ? POLLNVAL : file.ready() & wanted;
}

/** A call that would wait for ever, since nobody sends while it does, is a mistake. */
function receive(kernel: PaperKernel, file: PaperFile, flags: number) {
  try {
    return file.receive();
  } catch (error) {
    const isEmpty = error instanceof Errno && error.errno === kernel.system.layout.EAGAIN;
    const waits = !file.nonBlocking && (flags & kernel.system.layout.MSG_DONTWAIT) === 0;
    if (isEmpty && waits) return unknown(`receive from ${file.kind} that would wait`);
    throw error;
  }
}

function giveBack(kernel: PaperKernel, at: number, lengthAt: number, bytes: Uint8Array): number {
  const length = kernel.memory.dataView(lengthAt, 4);
  const room = length.getUint32(0, true);
  kernel.memory.view(at, Math.min(room, bytes.length)).set(bytes.subarray(0, room));
  length.setUint32(0, bytes.length, true);
  return 0;
}

function expectFlags(name: string, flags: number, known: number): void {
  if ((flags & ~known) !== 0) unknown(`flags 0x${(flags & ~known).toString(16)} of ${name}`);
}
