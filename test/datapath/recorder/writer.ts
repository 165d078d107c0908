import { workerData } from "node:worker_threads";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { numbered } from "./numbered.ts";

/** A thread that records as fast as it can, until it is told to stop: each packet says its number everywhere. */
const { buffer, control } = workerData as {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
};
const memory = new Uint8Array(4096);
const recorder = new PacketRecorder(new Tape(buffer), memory, makeCounters(), Date.now);
const datagram = new UdpDatagram();
for (let n = 0; Atomics.load(control, 0) === 0;) {
  recorder.begin(n);
  // Batches of all sizes, some longer than what may be left unpublished.
  for (const end = n + 1 + (n % 200); n < end; n++) {
    const length = numbered(memory, n);
    datagram.setPayload(memory, 0, length);
    datagram.setEnds(n, 1 + (n % 60_000), n);
    recorder.came(datagram);
    if (n % 7 === 0) recorder.sent(datagram);
    recorder.dealtWith(datagram, Drop.None);
  }
  recorder.end();
}
