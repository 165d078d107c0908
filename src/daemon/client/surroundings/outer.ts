import type { Context } from "../../context.ts";
import { everySecond } from "../../pulse.ts";
import type { Apart } from "../apart/inside.ts";
import { NO_STATE } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";

/** Of a client in namespaces of its own: what is outside, as it is told from there. */
export function outerSurroundings({ cleanup }: Context, apart: Apart): Surroundings {
  const [service, ...random] = apart.sockets;
  return {
    kept: { found: NO_STATE, keep: () => {}, close: () => {} },
    errands: apart.errands,
    needed: () => false,
    sockets: { service: service!, random },
    look: () => apart.standpoint,
    follow: (look) => {
      apart.onMove = look;
      look();
      return everySecond(look);
    },
    qualified: (end) => {
      const { status, stop } = apart.run();
      cleanup.add(stop);
      void status.then(end);
    },
    close: () => {},
  };
}
