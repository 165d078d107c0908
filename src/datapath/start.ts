import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { randomBytes } from "#ffi/random.ts";
import { readU32 } from "#src/protocol/bytes.ts";
import { formatIpv4 } from "#src/protocol/ipv4.ts";
import type { RelayOptions } from "#src/protocol/relay_contract.ts";
import type { ServerOptions } from "#src/protocol/server_contract.ts";
import { servicePrefixOf, TEREDO_PORT } from "#src/protocol/teredo_address.ts";
import type { OpenRole } from "./datapath.ts";
import { configureTunnel, tearDown } from "./interface.ts";
import { Netlink } from "./netlink.ts";
import { openRawIcmpv6, openRawIpv6 } from "./raw_ipv6.ts";
import { SharedState } from "./shared.ts";
import { superviseThread, Wake } from "./supervise.ts";
import { openTun } from "./tun.ts";
import { openUdpSocket } from "./udp_socket.ts";

/** For the structures of set-up calls; the threads have arenas of their own. */
const SETUP_ARENA = 256 * 1024;
const KEY_LENGTH = 32;

/** Runs set-up steps; when one fails, what the earlier ones opened is closed again, last first. */
class Opened {
  readonly #closers: (() => void)[] = [];

  add<T>(value: T, close: (value: T) => void): T {
    this.#closers.push(() => close(value));
    return value;
  }

  close(): void {
    for (const close of this.#closers.splice(0).reverse()) close();
  }

  run<T>(steps: () => T): T {
    try {
      return steps();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}

/** What a relay is opened with. */
export interface RelayStart {
  readonly interfaceName: string;
  /** Unsigned 32-bit number; 0 is every address. */
  readonly bindAddress: number;
  /** 0: the kernel picks. */
  readonly bindPort: number;
  /** Bytes wanted for each of the UDP socket's two buffers. */
  readonly socketBuffer: number;
  /** Whether to use what the kernel has of `Offloads`. */
  readonly offloads: boolean;
  readonly rules: Omit<RelayOptions, "servicePort">;
}

/** What a server is opened with. */
export interface ServerStart {
  readonly bindAddress: number;
  readonly bindAddress2: number;
  readonly socketBuffer: number;
  /** HMAC of authentication values. RFC 4380 §5.2.2 */
  readonly algorithm: "sha1" | "sha256";
  readonly rules: ServerOptions;
}

/** Opens the relay's interface and sockets. @throws StartError, SyscallError */
export function openRelay(libc: Libc, start: RelayStart): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
    const closeFd = (fd: number) => void libc.call.close(fd);
    const wake = opened.add(new Wake(libc, arena), (it) => closeFd(it.fd));
    const udp = openUdpSocket(libc, arena, {
      address: start.bindAddress,
      port: start.bindPort,
      buffer: start.socketBuffer,
      gro: start.offloads,
    });
    opened.add(udp.fd, closeFd);
    const icmpv6 = opened.add(openRawIcmpv6(libc, arena), closeFd);
    const tun = openTun(libc, arena, start.interfaceName, {
      queues: 1,
      offloads: start.offloads,
    });
    tun.queues.forEach((fd) => opened.add(fd, closeFd));
    const netlink = opened.add(new Netlink(libc), (it) => it.close());
    const tunnel = configureTunnel(netlink, {
      interfaceName: tun.name,
      mtu: start.rules.mtu,
      prefix: servicePrefixOf(start.rules.prefix),
    });
    const random = randomBytes(libc, KEY_LENGTH + 4);
    const shared = new SharedState();
    shared.setServed(start.rules.served);
    return {
      listening: [`${formatIpv4(start.bindAddress)}:${udp.port}`],
      interfaceName: tun.name,
      close: () => opened.close(),
      start: () =>
        superviseThread(
          {
            role: "relay",
            shared: shared.buffer,
            descriptors: { tun: tun.queues[0]!, udp: udp.fd, icmpv6, wake: wake.fd },
            interfaceName: tun.name,
            offloads: {
              tun: tun.tun,
              tunUdp: tun.tunUdp,
              udpGro: udp.udpGro,
              udpSegment: start.offloads && udp.udpSegment,
            },
            options: { ...start.rules, servicePort: udp.port },
            replyFromLocal: start.bindAddress === 0,
            key: random.slice(0, KEY_LENGTH),
            seed: readU32(random, KEY_LENGTH),
          },
          shared,
          wake,
          // The route goes first, so that no new packets come while the last ones are served.
          { stopping: () => tearDown(netlink, tunnel), ended: () => opened.close() },
        ),
    };
  });
}

/** Opens the server's two UDP sockets and its raw IPv6 socket. @throws StartError, SyscallError */
export function openServer(libc: Libc, start: ServerStart): OpenRole {
  const opened = new Opened();
  return opened.run(() => {
    const arena = opened.add(new Arena(libc, SETUP_ARENA), (it) => it.close());
    const closeFd = (fd: number) => void libc.call.close(fd);
    const wake = opened.add(new Wake(libc, arena), (it) => closeFd(it.fd));
    const sockets = [start.bindAddress, start.bindAddress2].map((address) => {
      const socket = openUdpSocket(libc, arena, {
        address,
        port: TEREDO_PORT,
        buffer: start.socketBuffer,
      });
      return opened.add(socket.fd, closeFd);
    });
    const ipv6 = opened.add(openRawIpv6(libc), closeFd);
    const shared = new SharedState();
    return {
      listening: [start.bindAddress, start.bindAddress2].map((it) =>
        `${formatIpv4(it)}:${TEREDO_PORT}`
      ),
      close: () => opened.close(),
      start: () =>
        superviseThread(
          {
            role: "server",
            shared: shared.buffer,
            descriptors: { primary: sockets[0]!, secondary: sockets[1]!, ipv6, wake: wake.fd },
            options: start.rules,
            algorithm: start.algorithm,
          },
          shared,
          wake,
          { stopping: () => {}, ended: () => opened.close() },
        ),
    };
  });
}
