import { randomFillSync } from "node:crypto";
import type { RemoteInfo, Socket } from "node:dgram";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Millis } from "#src/protocol/time.ts";
import { ProbeClient } from "./client.ts";
import type { ProbeEvent, ProbeOptions, ProbeSocket } from "./contract.ts";

/**
 * Runs a client over sockets until it has finished. They stay open, and may be shared: it takes for
 * its own what its server or a relay says to it.
 */
export function drive(
  sockets: Readonly<Record<ProbeSocket, Socket>>,
  options: ProbeOptions,
  report: (event: ProbeEvent) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = new ProbeClient(options, { sendDatagram, report }, (b) => randomFillSync(b));
  const heard = { own: listener("own"), cone: listener("cone") };
  let timer: ReturnType<typeof setTimeout> | undefined;

  function sendDatagram(
    b: Uint8Array,
    at: number,
    length: number,
    to: number,
    port: number,
    socket: ProbeSocket,
  ) {
    sockets[socket].send(b.slice(at, at + length), port, formatIpv4(to), (error) => {
      // What the kernel refuses (no route, a firewall here) is as lost as on the way.
      if (error) report({ kind: "unsent", to: { address: to, port }, reason: error.message });
    });
  }
  function step(act: (now: Millis) => void) {
    act(performance.now());
    clearTimeout(timer);
    if (client.finished) {
      for (const name of ["own", "cone"] as const) sockets[name].off("message", heard[name]);
      return resolve();
    }
    const wait = Math.max(0, client.deadline - performance.now());
    timer = setTimeout(() => step((now) => client.tick(now)), Math.ceil(wait));
  }
  function listener(name: ProbeSocket) {
    return (bytes: Uint8Array, { address, port }: RemoteInfo) => {
      if (client.finished) return;
      const from = parseIpv4(address)!;
      step((now) => client.receive(bytes, 0, bytes.length, from, port, now, name));
    };
  }

  for (const name of ["own", "cone"] as const) sockets[name].on("message", heard[name]);
  step((now) => client.start(now));
  return promise;
}
