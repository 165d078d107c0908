import { EBADF, EINVAL, EMFILE, EPERM } from "#ffi/posix.ts";
import { Errno, unknown } from "./errno.ts";
import type { PaperFile } from "./file.ts";
import { Memory } from "./memory.ts";
import { PipeReader, PipeWriter } from "./pipe_file.ts";
import { RawFile } from "./raw_file.ts";
import type { PaperSystem } from "./system.ts";
import { UdpFile } from "./udp_file.ts";
import { AF_INET, IPPROTO_ICMPV6, SOCK_DGRAM, SOCK_RAW } from "#ffi/posix.ts";
import { PaperWorld } from "./world.ts";

/** What a process may have open; enough, and little enough to notice a leak. */
const MAX_DESCRIPTORS = 64;
/** 0, 1 and 2 are taken. */
const FIRST_DESCRIPTOR = 3;

/** Who a process is. */
export interface Identity {
  uid: number;
  gid: number;
  groups: readonly number[];
  root: string;
  folder: string;
}

/**
 * A kernel and one process on it: descriptors, identity, memory. The host around it is
 * {@link PaperWorld}; what one system does in its own way is its {@link PaperSystem}.
 */
export class PaperKernel {
  readonly system: PaperSystem;
  readonly world: PaperWorld;
  readonly memory: Memory;
  identity: Identity = { uid: 0, gid: 0, groups: [0], root: "/", folder: "/" };
  /** Paths that are left, and what may be done there; undefined: no more are to come. */
  readonly unveiled: [path: string, permissions: string][] = [];
  #isVeiled = false;
  readonly #files = new Map<number, PaperFile>();

  constructor(system: PaperSystem, world: PaperWorld = new PaperWorld()) {
    this.system = system;
    this.world = world;
    this.memory = new Memory();
  }

  get isPrivileged(): boolean {
    return this.identity.uid === 0;
  }

  /** unveil(2) of OpenBSD. @throws Errno EPERM after the last, EINVAL for letters that it does not know */
  unveil(path: string | undefined, permissions: string | undefined): number {
    if (this.#isVeiled) throw new Errno(EPERM);
    if (path === undefined) this.#isVeiled = true;
    else if (!/^[rwxc]*$/.test(permissions!)) throw new Errno(EINVAL);
    else this.unveiled.push([path, permissions!]);
    return 0;
  }

  /** @throws Errno EPERM */
  needPrivilege(): void {
    if (!this.isPrivileged) throw new Errno(EPERM);
  }

  /** What is open, by descriptor. */
  get open(): ReadonlyMap<number, PaperFile> {
    return this.#files;
  }

  /** Gives a file the lowest free descriptor. @throws Errno EMFILE */
  install(file: PaperFile): number {
    for (let fd = FIRST_DESCRIPTOR; fd < MAX_DESCRIPTORS; fd++) {
      if (this.#files.has(fd)) continue;
      this.#files.set(fd, file);
      return fd;
    }
    file.close();
    throw new Errno(EMFILE);
  }

  /** @throws Errno EBADF */
  file(fd: number): PaperFile {
    const file = this.#files.get(fd);
    if (file === undefined) throw new Errno(EBADF);
    return file;
  }

  /** @throws Errno EBADF */
  close(fd: number): void {
    const file = this.file(fd);
    this.#files.delete(fd);
    file.close();
  }

  /** The process ends, however: its descriptors are closed. The next one starts as root again. */
  exit(): void {
    for (const fd of [...this.#files.keys()]) this.close(fd);
    this.identity = { uid: 0, gid: 0, groups: [0], root: "/", folder: "/" };
  }

  /** @param flags as they were given @throws Errno */
  openPath(path: string, flags: number): number {
    const { O_NONBLOCK, O_CLOEXEC } = this.system.layout;
    const file = this.system.open(this, path, flags);
    file.nonBlocking = (flags & O_NONBLOCK) !== 0;
    file.closeOnExec = (flags & O_CLOEXEC) !== 0;
    return this.install(file);
  }

  /** @param typeAndFlags as it was given @throws Errno */
  socket(domain: number, typeAndFlags: number, protocol: number): number {
    const { SOCK_NONBLOCK, SOCK_CLOEXEC } = this.system.layout;
    const type = typeAndFlags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    const file = this.#makeSocket(domain, type, protocol);
    file.nonBlocking = (typeAndFlags & SOCK_NONBLOCK) !== 0;
    file.closeOnExec = (typeAndFlags & SOCK_CLOEXEC) !== 0;
    return this.install(file);
  }

  #makeSocket(domain: number, type: number, protocol: number): PaperFile {
    const { AF_INET6 } = this.system.layout;
    if (domain === AF_INET && type === SOCK_DGRAM && protocol === 0) return new UdpFile(this);
    if (domain === AF_INET6 && type === SOCK_RAW && protocol === IPPROTO_ICMPV6) {
      this.needPrivilege();
      return new RawFile(this, protocol);
    }
    const own = this.system.socket(this, domain, type, protocol);
    return own ?? unknown(`socket ${domain}, ${type}, ${protocol}`);
  }

  /** @returns descriptors: to read from, to write to @throws Errno EMFILE */
  pipe(flags: number): readonly [number, number] {
    const { O_NONBLOCK, O_CLOEXEC } = this.system.layout;
    if ((flags & ~(O_NONBLOCK | O_CLOEXEC)) !== 0) unknown(`flags ${flags} of pipe2`);
    const reader = new PipeReader();
    const writer = new PipeWriter(this.system.layout, reader);
    for (const end of [reader, writer]) {
      end.nonBlocking = (flags & O_NONBLOCK) !== 0;
      end.closeOnExec = (flags & O_CLOEXEC) !== 0;
    }
    const first = this.install(reader);
    try {
      return [first, this.install(writer)];
    } catch (error) {
      this.close(first);
      throw error;
    }
  }

  /** @throws Errno EPERM */
  setUser(uid: number): void {
    if (uid !== this.identity.uid) this.needPrivilege();
    this.identity.uid = uid;
  }

  /** @throws Errno EPERM */
  setGroup(gid: number): void {
    if (gid !== this.identity.gid) this.needPrivilege();
    this.identity.gid = gid;
  }
}
