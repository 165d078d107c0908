import { TeredoDatagram } from "../../wire/datagram.ts";
import { NO_HOME } from "../servers/homes.ts";
import { Trailers } from "../../wire/trailers.ts";

/** The datagram at hand, split into its parts; one for all. */
export class Opened {
  readonly datagram = new TeredoDatagram();
  readonly trailers = new Trailers();
  /** Of our addresses the one that its packet goes to. */
  home: number = NO_HOME;
}
