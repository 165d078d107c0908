import type { Millis } from "#src/protocol/time.ts";
import type { Context } from "../../context.ts";
import { everySecond } from "../../pulse.ts";
import { type Command, statusFor } from "../apart/command.ts";
import type { Apart } from "../apart/inside.ts";
import { NO_STATE } from "../state_file.ts";
import type { Surroundings } from "./contract.ts";

/** The same signal is one signal, so long. */
const TWICE: Millis = 500;

/** Of a client in namespaces of its own: what is outside, as it is told from there. */
export function outerSurroundings({ cleanup, signals }: Context, apart: Apart): Surroundings {
  const [service, ...random] = apart.sockets;
  let command: Command | undefined;
  let isOver = false;
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
      if (isOver) return;
      command = apart.run();
      cleanup.add(command.stop);
      void command.status.then(end);
    },
    endedBy: async (signal) => {
      isOver = true;
      if (command === undefined) return statusFor(null, signal);
      const tell = onceInAWhile(command.tell);
      tell(signal);
      // It ends when the command does: whoever insists does so with that.
      signals.further = tell;
      return await command.status;
    },
    close: () => {},
  };
}

/** What a whole group of processes is sent comes here twice: by itself, and from the process outside. */
function onceInAWhile(tell: (signal: NodeJS.Signals) => void): (signal: NodeJS.Signals) => void {
  let last: NodeJS.Signals | undefined;
  let at = -Infinity;
  return (signal) => {
    const now = performance.now();
    if (signal === last && now - at < TWICE) return;
    [last, at] = [signal, now];
    tell(signal);
  };
}
