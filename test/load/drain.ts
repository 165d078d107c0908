import type { UdpReceiver } from "#src/datapath/udp/receive.ts";

export interface Drained {
  /** Whether any datagram was there. */
  readonly any: boolean;
  /** Datagrams that the kernel threw away for want of buffer. */
  readonly lost: number;
}

/** Takes every datagram that waits; `take` is given its slot, valid until it returns. */
export function drain(udp: UdpReceiver, take: (i: number) => void): Drained {
  let any = false;
  let lost = 0;
  for (;;) {
    const count = udp.receive();
    if (count === 0) return { any, lost };
    any = true;
    for (let i = 0; i < count; i++) take(i);
    lost += udp.overflowsBefore(count - 1);
    udp.release(count);
  }
}
