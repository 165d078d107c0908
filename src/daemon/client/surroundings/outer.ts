import type { Context } from "../../context.ts";
import { everySecond } from "../../pulse.ts";
import { type Command, statusFor } from "../apart/command.ts";
import type { Apart } from "../apart/inside.ts";
import { NO_STATE } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";

/** Of a client in namespaces of its own: what is outside, as it is told from there. */
export function outerSurroundings({ cleanup }: Context, apart: Apart): Surroundings {
  const [service, ...random] = apart.sockets;
  let command: Command | undefined;
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
      command = apart.run();
      cleanup.add(command.stop);
      void command.status.then(end);
    },
    endedBy: async (signal) => {
      if (command === undefined) return statusFor(null, signal);
      command.tell(signal);
      return await command.status;
    },
    close: () => {},
  };
}
