import { Counter, type Counters } from "../../counters.ts";
import { SERVICE_PATH } from "../contract.ts";
import { type Solicitation, SOLICITATION_MAX_LENGTH } from "./solicitation.ts";
import { TEREDO_PORT } from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";

/** Sends solicitations, and counts them. */
export class Solicitor {
  readonly #counters: Counters;
  readonly #buffer = new Uint8Array(SOLICITATION_MAX_LENGTH);
  readonly #out = new UdpDatagram();

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** @param address a server's. @param path way of ours that it leaves by */
  send(
    solicitation: Solicitation,
    address: number,
    now: Millis,
    sink: TunnelSink,
    path: number = SERVICE_PATH,
  ): void {
    this.#out.setPayload(this.#buffer, 0, solicitation.write(this.#buffer, now));
    this.#out.setEnds(address, TEREDO_PORT, path);
    sink.sendDatagram(this.#out);
    this.#counters[Counter.client_solicitations]!++;
  }
}
