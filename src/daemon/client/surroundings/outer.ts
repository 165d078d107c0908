import type { Context } from "../../context.ts";
import { everySecond } from "../../pulse.ts";
import { type Command, statusFor } from "../apart/command.ts";
import type { Apart } from "../apart/inside.ts";
import { NO_STATE } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";

/** Of a client in namespaces of its own: what is outside, as it is told from there. */
export function outerSurroundings({ cleanup, signals }: Context, apart: Apart): Surroundings {
  const [service, ...random] = apart.sockets;
  let command: Command | undefined;
  let isOver = false;
  return {
    kept: { found: NO_STATE, keep: () => {}, close: () => {} },
    errands: apart.errands,
    beyond: () => [],
    sockets: { service: service!, random },
    look: () => apart.standpoint,
    follow: (look) => {
      apart.onMove = look;
      look();
      return everySecond(look);
    },
    qualified: (end) => {
      if (isOver) return;
      command = apart.run();
      cleanup.add(command.stop);
      void command.status.then(end);
    },
    endedBy: async (signal) => {
      isOver = true;
      if (command === undefined) return statusFor(null, signal);
      command.tell(signal);
      // It ends when the command does: whoever insists does so with that.
      signals.further = command.tell;
      return await command.status;
    },
    close: () => {},
  };
}
