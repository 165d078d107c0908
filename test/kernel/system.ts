import type { Layout } from "#ffi/layout.ts";
import type { LibcNames } from "#ffi/libc.ts";
import type { Control, PaperFile } from "./file.ts";
import type { PaperKernel } from "./kernel.ts";
import type { Datagram } from "./network.ts";
import type { UdpFile } from "./udp_file.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** An option of sockets. */
export interface PaperOption {
  readonly level: number;
  readonly name: number;
  /** Bytes of its value. */
  readonly size: number;
  /** @param value of `size` bytes. May throw Errno. */
  set(socket: UdpFile, value: DataView, kernel: PaperKernel): void;
}

/** What a command of the system did. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one system's kernel, and the commands that belong to it, do in their own way. */
export interface PaperSystem {
  readonly layout: Layout;
  readonly names: LibcNames;
  readonly vocabulary: Vocabulary;
  /** In msg_flags of recvmsg(): what did not fit was cut off. */
  readonly MSG_TRUNC: number;
  readonly MSG_CTRUNC: number;
  /** Bits that flags of recv() may have besides MSG_DONTWAIT. */
  readonly receiveFlags: number;
  /** Options of UDP sockets that only this system has. */
  readonly udpOptions: readonly PaperOption[];
  /** errno of a datagram that is to leave from an address that is not the host's. */
  readonly wrongSource: number;
  /** Whether a socket that is bound to an address may not name one: EINVAL. Default: no. */
  readonly refusesSecondSource?: boolean;

  /** open() of a path. @param flags as they were given @throws Errno */
  open(kernel: PaperKernel, path: string, flags: number): PaperFile;

  /** socket() of a kind that only this system has; undefined: it has none such. @throws Errno */
  socket(
    kernel: PaperKernel,
    domain: number,
    type: number,
    protocol: number,
  ): PaperFile | undefined;

  /** ioctl() of a UDP socket: SIOC... @throws Errno */
  socketIoctl(kernel: PaperKernel, request: number, argument: number): number;

  /** The control messages that come with a datagram, those that the socket asked for. */
  controlOf(kernel: PaperKernel, socket: UdpFile, datagram: Datagram): readonly Control[];

  /**
   * sysctl() by numbers. @param value the new one, if there is one
   * @returns the old one @throws Errno
   */
  sysctl?(kernel: PaperKernel, name: readonly number[], value: Uint8Array | undefined): Uint8Array;

  /** A command of the system: ifconfig(8), route(8). @param argv with its path first */
  run?(kernel: PaperKernel, argv: readonly string[]): CommandResult;
}
