import { unknown } from "./errno.ts";

/** A control message: level and type as `struct cmsghdr` has them, and its data. */
export interface Control {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** What goes through sendmsg and recvmsg and their relatives. */
export interface Message {
  readonly data: Uint8Array<ArrayBuffer>;
  /** The sockaddr; undefined: none given. */
  readonly name?: Uint8Array<ArrayBuffer> | undefined;
  readonly control: readonly Control[];
}

/**
 * What a descriptor stands for. Each method answers as the kernel does: it returns, or throws
 * {@link Errno}. What a kind of file does not override, nobody should call: it is unknown.
 */
export abstract class PaperFile {
  /** Of open() or socket(). */
  nonBlocking = false;
  closeOnExec = false;
  /** For messages: `tun`. */
  abstract readonly kind: string;

  /** At most `capacity` bytes. */
  read(_capacity: number): Uint8Array {
    return unknown(`read of ${this.kind}`);
  }

  /** @returns how many it took */
  write(_bytes: Uint8Array<ArrayBuffer>): number {
    return unknown(`write to ${this.kind}`);
  }

  /** @param argument an address, or a value */
  ioctl(request: number, _argument: number): number {
    return unknown(`ioctl 0x${request.toString(16)} of ${this.kind}`);
  }

  /** POLLIN, POLLOUT, POLLERR and the like, whether asked for or not. */
  ready(): number {
    return unknown(`poll of ${this.kind}`);
  }

  bind(_name: Uint8Array<ArrayBuffer>): void {
    unknown(`bind of ${this.kind}`);
  }

  connect(_name: Uint8Array<ArrayBuffer>): void {
    unknown(`connect of ${this.kind}`);
  }

  /** The sockaddr bound. */
  name(): Uint8Array {
    return unknown(`getsockname of ${this.kind}`);
  }

  setOption(level: number, name: number, _value: Uint8Array<ArrayBuffer>): void {
    unknown(`setsockopt ${level}, ${name} of ${this.kind}`);
  }

  getOption(level: number, name: number): Uint8Array {
    return unknown(`getsockopt ${level}, ${name} of ${this.kind}`);
  }

  /** @returns bytes taken */
  send(_message: Message): number {
    return unknown(`send through ${this.kind}`);
  }

  /** The next message, whole; what does not fit is cut off by the caller. */
  receive(): Message {
    return unknown(`receive from ${this.kind}`);
  }

  /** The last descriptor of it is closed. */
  close(): void {}
}
